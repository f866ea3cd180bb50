//! Why a call gave no answer, with details for the plugin's author.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};
use xinglin_domain::{code::Code, id::CallId};

use crate::log::LogLine;

/// How a call can fail: the stable codes that a call can end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureCode {
    /// The guest was still running at the deadline.
    #[serde(rename = "PLUGIN_FUEL")]
    Fuel,
    /// An import did not return before the deadline.
    #[serde(rename = "PLUGIN_TIMEOUT")]
    Timeout,
    /// Memories and tables together exceeded their limit.
    #[serde(rename = "PLUGIN_MEMORY")]
    Memory,
    /// The answer, or an argument of an import, is too large, or has the right type and an
    /// invalid value.
    #[serde(rename = "PLUGIN_OUTPUT")]
    Output,
    /// Too many calls at once; this one was not started.
    #[serde(rename = "PLUGIN_BUSY")]
    Busy,
    /// The guest panicked, or trapped otherwise.
    #[serde(rename = "PLUGIN_TRAP")]
    Trap,
    /// The plugin does not export the interface that was called.
    #[serde(rename = "PLUGIN_INTERFACE")]
    Interface,
    /// The circuit breaker is open after repeated failures; this call was not started.
    #[serde(rename = "PLUGIN_RESTING")]
    Resting,
    /// The component was recalled before or during the call.
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

    /// The text form.
    pub const fn as_str(self) -> &'static str {
        self.code().as_str()
    }

    /// Whether the same arguments always fail in the same way. Other failures depend on load and
    /// time, and prove nothing in a replay.
    pub const fn is_deterministic(self) -> bool {
        !matches!(self, Self::Fuel | Self::Timeout | Self::Busy | Self::Resting | Self::Recalled)
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call that gave no answer. Its `Display` is for the plugin's author, in the format of a
/// compiler error.
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
    /// The call.
    pub call: CallId,
    /// What happened.
    pub message: String,
    /// Stack of the guest, innermost function first, demangled.
    pub backtrace: Vec<String>,
    /// The last lines that it logged.
    pub log: Vec<LogLine>,
    /// What author or operator can do.
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
