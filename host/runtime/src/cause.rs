//! Causes of failed calls, and hints for the author.

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use xinglin_plugin::{FailureCode, Limits};

use crate::limits::Stop;

/// The cause of a failure, before it is assigned to a call.
#[derive(Debug)]
pub(crate) struct Cause {
    pub code: FailureCode,
    pub message: String,
    pub backtrace: Vec<String>,
}

impl Cause {
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), backtrace: Vec::new() }
    }
}

impl From<Stop> for Cause {
    fn from(stop: Stop) -> Self {
        let code = match stop {
            Stop::Memory { .. } => FailureCode::Memory,
            Stop::Deadline(_) => FailureCode::Fuel,
            Stop::Tape(_) | Stop::Diverged | Stop::Random(_) => FailureCode::Output,
            Stop::Exit(_) => FailureCode::Trap,
        };
        Self::new(code, stop.to_string())
    }
}

impl From<wasmtime::Error> for Cause {
    fn from(error: wasmtime::Error) -> Self {
        let backtrace = error.downcast_ref().map(functions).unwrap_or_default();
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return Self { backtrace, ..(*stop).into() };
        }
        let root = error.root_cause().to_string();
        let code = if error.is::<Trap>() {
            FailureCode::Trap
        } else if error.is::<PoolConcurrencyLimitError>() {
            FailureCode::Busy
        } else {
            FailureCode::Output
        };
        let message = match error.downcast_ref::<Trap>() {
            Some(Trap::UnreachableCodeReached) => "the guest panicked (`unreachable` was executed)".to_owned(),
            Some(trap) => trap.to_string(),
            None => format!("what the guest passed to the host cannot be taken: {root}"),
        };
        Self { code, message, backtrace }
    }
}

fn functions(backtrace: &WasmBacktrace) -> Vec<String> {
    const MOST: usize = 16;
    backtrace
        .frames()
        .iter()
        .take(MOST)
        .map(|frame| {
            let place = frame.symbols().first();
            let name = place.and_then(|symbol| symbol.name()).or_else(|| frame.func_name());
            let mut text = match name {
                Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
                None => format!("function {} (built without names)", frame.func_index()),
            };
            if let Some((file, line)) = place.and_then(|symbol| symbol.file().zip(symbol.line())) {
                text.push_str(&format!(" at {file}:{line}"));
            }
            text
        })
        .collect()
}

/// What the author or operator can do.
pub(crate) fn hint(code: FailureCode, limits: Limits) -> String {
    match code {
        FailureCode::Fuel => format!(
            "look for a loop without end; if the work is honest, ask for more than `limits.deadline-ms = {}` \
             in plugin.toml (at most {}) and have it granted",
            limits.deadline_ms,
            Limits::MAXIMUM.deadline_ms
        ),
        FailureCode::Timeout => "the host did not answer the plugin in time: see the health of the store; \
                                 the plugin itself was waiting"
            .to_owned(),
        FailureCode::Memory => format!(
            "free or stream what is large; or ask for more than `limits.memory-mib = {}` in plugin.toml \
             (at most {}) and have it granted",
            limits.memory_mib,
            Limits::MAXIMUM.memory_mib
        ),
        FailureCode::Output => format!(
            "see the contract of the function in its WIT file; if the answer is merely large, ask for more \
             than `limits.output-kib = {}` in plugin.toml (at most {})",
            limits.output_kib,
            Limits::MAXIMUM.output_kib
        ),
        FailureCode::Busy => "the call never began and may be tried again".to_owned(),
        FailureCode::Trap => "the tape of this call has all that went in; a plugin that may `log` reports \
                              the place of a panic"
            .to_owned(),
        FailureCode::Resting => {
            "see why the calls before it failed; when it has rested, one call is let through to see \
                                 whether it works again"
                .to_owned()
        }
        FailureCode::Recalled => "promote another version of the plugin, or disable it; what it touched is in the \
                                  report of the recall"
            .to_owned(),
        FailureCode::Interface => "enable a version of the plugin that exports this interface".to_owned(),
    }
}
