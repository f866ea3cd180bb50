//! Why a call gave no answer, told so that its author can mend it.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};
use xinglin_domain::{code::Code, id::CallId};

use crate::log::LogLine;

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
