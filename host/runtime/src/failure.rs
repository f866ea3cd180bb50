//! Why a call gave no answer, told so that its author can mend it.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use xinglin_domain::{code::Code, id::CallId};

use crate::{
    host::log::LogLine,
    limits::{Limits, Stop},
};

/// How a call can fail: those of the stable codes that a call can end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureCode {
    /// The guest was still running at its deadline.
    #[serde(rename = "PLUGIN_FUEL")]
    Fuel,
    /// A host call did not return before the deadline.
    #[serde(rename = "PLUGIN_TIMEOUT")]
    Timeout,
    /// Memories and tables together passed their limit.
    #[serde(rename = "PLUGIN_MEMORY")]
    Memory,
    /// The answer, or an argument of an import, is larger than allowed, or has
    /// the right type and means nothing.
    #[serde(rename = "PLUGIN_OUTPUT")]
    Output,
    /// Too many calls at once; this one never began.
    #[serde(rename = "PLUGIN_BUSY")]
    Busy,
    /// The guest panicked, or did what WebAssembly forbids.
    #[serde(rename = "PLUGIN_TRAP")]
    Trap,
    /// The plugin does not export the interface that was called.
    #[serde(rename = "PLUGIN_INTERFACE")]
    Interface,
    /// It failed so often in a row that it is left alone for a while; this call
    /// never began.
    #[serde(rename = "PLUGIN_RESTING")]
    Resting,
    /// The component was recalled, before the call or during it.
    #[serde(rename = "PLUGIN_RECALLED")]
    Recalled,
}

impl FailureCode {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::Fuel => Code::PluginFuel,
            Self::Timeout => Code::PluginTimeout,
            Self::Memory => Code::PluginMemory,
            Self::Output => Code::PluginOutput,
            Self::Busy => Code::PluginBusy,
            Self::Trap => Code::PluginTrap,
            Self::Interface => Code::PluginInterface,
            Self::Resting => Code::PluginResting,
            Self::Recalled => Code::PluginRecalled,
        }
    }

    /// As users and machines read it.
    pub const fn as_str(self) -> &'static str {
        self.code().as_str()
    }

    /// Whether the same arguments would fail in the same way for ever. What is
    /// not is a matter of load and time, and proves nothing in a replay.
    pub const fn is_deterministic(self) -> bool {
        !matches!(self, Self::Fuel | Self::Timeout | Self::Busy | Self::Resting | Self::Recalled)
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call that gave no answer. Its `Display` is for the plugin's author, and
/// reads like a compiler's error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallFailure {
    /// The stable code.
    pub code: FailureCode,
    /// Id of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: Version,
    /// Interface and function.
    pub hook: String,
    /// Which call.
    pub call: CallId,
    /// What happened.
    pub message: String,
    /// Functions of the guest, innermost first, demangled.
    pub backtrace: Vec<String>,
    /// The last lines it logged.
    pub log: Vec<LogLine>,
    /// What its author or operator can do.
    pub hint: String,
}

impl std::error::Error for CallFailure {}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code, self.message)?;
        write!(f, "  --> {} {}, {}, {}", self.plugin, self.version, self.hook, self.call)?;
        for (depth, function) in self.backtrace.iter().enumerate() {
            write!(f, "\n   {depth:>2}: {function}")?;
        }
        for line in &self.log {
            write!(f, "\n   = log: {line}")?;
        }
        write!(f, "\n   = help: {}", self.hint)
    }
}

/// What went wrong, before it is known to which call.
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

/// What to do about it.
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
        FailureCode::Resting => "see why the calls before it failed; when it has rested, one call is let through to see \
                                 whether it works again"
            .to_owned(),
        FailureCode::Recalled => "promote another version of the plugin, or disable it; what it touched is in the \
                                  report of the recall"
            .to_owned(),
        FailureCode::Interface => "enable a version of the plugin that exports this interface".to_owned(),
    }
}
