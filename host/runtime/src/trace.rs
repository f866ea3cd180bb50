//! Spans of calls, for those who follow a request through plugins. They say which
//! plugin was called and what came of it; never what it was given or answered.

use semver::Version;
use tracing::{Span, field::Empty};
use xinglin_domain::id::{CallId, TenantId};

use crate::contract::hook::HookName;

/// The target of all spans that are made to be exported. A span under any other
/// target stays here.
pub const TRACE: &str = "xinglin::trace";

/// A call, from its turn in the queue to its end.
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

/// How it ended: `answered`, or the code of the failure.
pub(crate) fn ended(span: &Span, outcome: &str, failed: bool) {
    span.record("outcome", outcome);
    if failed {
        span.record("otel.status_code", "ERROR");
    }
}

/// A host function that the guest waits for.
pub(crate) fn import(import: &'static str) -> Span {
    tracing::info_span!(target: TRACE, "host function", otel.name = import, import)
}
