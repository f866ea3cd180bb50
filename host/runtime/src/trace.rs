//! Tracing spans of calls. They contain the plugin and the outcome, never input or output.

use semver::Version;
use tracing::{Span, field::Empty};
use xinglin_domain::id::{CallId, TenantId};

use crate::contract::hook::HookName;

/// Target of all spans that are exported. Spans of other targets are not.
pub const TRACE: &str = "xinglin::trace";

/// Span of a call, from queueing to its end.
pub(crate) fn call(plugin: &str, version: &Version, hook: HookName, call: CallId, tenant: TenantId) -> Span {
    tracing::info_span!(
        target: TRACE,
        "plugin call",
        otel.name = %format_args!("{plugin} {}", hook.function),
        %plugin,
        %version,
        %hook,
        %call,
        %tenant,
        outcome = Empty,
        otel.status_code = Empty,
    )
}

/// Records the outcome: `answered`, or the code of the failure.
pub(crate) fn ended(span: &Span, outcome: &str, failed: bool) {
    span.record("outcome", outcome);
    if failed {
        span.record("otel.status_code", "ERROR");
    }
}

/// Span of a host function.
pub(crate) fn import(import: &'static str) -> Span {
    tracing::info_span!(target: TRACE, "host function", otel.name = import, import)
}
