//! Why a plugin is refused before its first call.

use thiserror::Error;
use xinglin_domain::code::Code;

use crate::failure::FailureCode;

/// A component, its manifest or its grants are refused. Nothing was run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PluginError {
    /// The bytes are not a valid component.
    #[error("not a valid WebAssembly component: {0}")]
    Corrupt(String),
    /// The file or its manifest is too large.
    #[error("{what} has {size} bytes; the host takes {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A count exceeds a structural limit.
    #[error("it has {found} {what}; the host takes {limit}")]
    TooMuch {
        /// What is counted.
        what: &'static str,
        /// The count, or the count at which counting stopped.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The manifest is missing, malformed or inconsistent.
    #[error("manifest: {0}")]
    Manifest(String),
    /// An interface in a version or type that this host does not support.
    #[error("`{offered}` does not fit this host, which supports {supported}")]
    Interface {
        /// Interface of the component.
        offered: String,
        /// Interface of the host.
        supported: String,
    },
    /// An import that is not a capability, not requested, or not granted.
    #[error("import `{import}`: {reason}")]
    Capability {
        /// The full name of the import, or of the capability.
        import: String,
        /// The reason.
        reason: String,
    },
    /// A tenant's value of a setting does not fit the manifest.
    #[error("setting `{key}`: {reason}")]
    Setting {
        /// The setting.
        key: String,
        /// The reason.
        reason: String,
    },
    /// A bundle or signature file is malformed.
    #[error("bundle: {0}")]
    Bundle(String),
    /// Signatures that the policy requires are missing.
    #[error("signatures: {0}")]
    Untrusted(String),
    /// A signature of a trusted key is not valid.
    #[error("signatures: {0}")]
    Tampered(String),
    /// The version is not newer than one that was installed before.
    #[error("{0}")]
    Downgrade(String),
    /// The trial instantiation failed within its limits.
    #[error("it cannot be instantiated: {0}")]
    Instantiate(#[from] StartFailure),
    /// The engine failed: invalid configuration, or no memory.
    #[error("the plugin engine: {0}")]
    Engine(String),
}

/// Why a component could not be instantiated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct StartFailure {
    /// The limit that was exceeded, or the kind of failure.
    pub code: FailureCode,
    /// Details.
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
