//! Why a plugin is not taken: everything that is found before the first call.

use thiserror::Error;
use xinglin_domain::code::Code;

use crate::failure::FailureCode;

/// A component, its manifest or its grants are refused. Nothing was run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PluginError {
    /// The bytes are not a valid component.
    #[error("not a valid WebAssembly component: {0}")]
    Corrupt(String),
    /// The file or the manifest in it is larger than the host takes.
    #[error("{what} has {size} bytes; the host takes {limit}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// It has more of something than any honest component.
    #[error("it has {found} {what}; the host takes {limit}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much it has, or how much of it was counted.
        found: u64,
        /// How much it may have.
        limit: u64,
    },
    /// The manifest is missing, cannot be read, or says something impossible.
    #[error("manifest: {0}")]
    Manifest(String),
    /// An interface in a version or shape that this host does not have.
    #[error("`{offered}` does not fit this host, which supports {supported}")]
    Interface {
        /// What the component has.
        offered: String,
        /// What the host has.
        supported: String,
    },
    /// An import that is no capability, was not asked for, or is not granted.
    #[error("import `{import}`: {reason}")]
    Capability {
        /// The full name of the import, or of the capability.
        import: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tenant's value for a setting does not fit the manifest.
    #[error("setting `{key}`: {reason}")]
    Setting {
        /// Which one.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A bundle or a signature file that is not what it should be.
    #[error("bundle: {0}")]
    Bundle(String),
    /// The signatures that the host wants are not there.
    #[error("signatures: {0}")]
    Untrusted(String),
    /// A signature of a trusted key does not fit.
    #[error("signatures: {0}")]
    Tampered(String),
    /// It is not newer than what was here.
    #[error("{0}")]
    Downgrade(String),
    /// It was made once, to see that it can be, and could not within its limits.
    #[error("it cannot be instantiated: {0}")]
    Instantiate(#[from] StartFailure),
    /// The engine itself cannot do its work: a bad configuration, no memory.
    #[error("the plugin engine: {0}")]
    Engine(String),
}

/// Why no instance of a component could be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct StartFailure {
    /// Which limit it passed, or how it broke.
    pub code: FailureCode,
    /// What happened.
    pub message: String,
}

impl PluginError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Corrupt(_) | Self::TooLarge { .. } | Self::TooMuch { .. } | Self::Manifest(_) | Self::Bundle(_) => {
                Code::PluginInvalid
            }
            Self::Untrusted(_) => Code::PluginSignature,
            Self::Tampered(_) => Code::PluginTampered,
            Self::Downgrade(_) => Code::PluginDowngrade,
            Self::Interface { .. } => Code::PluginInterface,
            Self::Capability { .. } => Code::PluginCapability,
            Self::Setting { .. } => Code::BodyInvalid,
            Self::Instantiate(failure) => failure.code.code(),
            Self::Engine(_) => Code::Internal,
        }
    }
}
