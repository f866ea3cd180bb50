//! Spans of calls, for those who follow a request through plugins. They say which
//! plugin was called and what came of it; never what it was given or answered.

use tracing::{Span, field::Empty};

use crate::{Call, CallContext, hook::HookName, registry::Program};

/// The target of all spans that are made to be exported. A span under any other
/// target stays here.
pub const TRACE: &str = "xinglin::trace";

/// A call, from its turn in the queue to its end.
pub(crate) fn call(program: &Program, hook: HookName, context: &CallContext) -> Span {
    tracing::info_span!(
        target: TRACE,
        "plugin call",
        otel.name = %format_args!("{} {}", program.id, hook.function),
        plugin = %program.id,
        version = %program.manifest.version,
        hook = %hook,
        call = %context.call,
        tenant = %context.tenant,
        outcome = Empty,
        otel.status_code = Empty,
    )
}

/// How it ended: `answered`, or the code of the failure.
pub(crate) fn ended<T>(span: &Span, call: &Call<T>) {
    span.record("outcome", call.outcome_code());
    if call.outcome.is_err() {
        span.record("otel.status_code", "ERROR");
    }
}

/// A host function that the guest waits for.
pub(crate) fn import(import: &'static str) -> Span {
    tracing::info_span!(target: TRACE, "host function", otel.name = import, import)
}
