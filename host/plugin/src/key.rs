//! Keys of plugins.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Algorithm of a plugin's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Signatures, RFC 8032.
    Ed25519,
    /// Signatures, GB/T 32918.2-2016 with SM3.
    Sm2,
    /// Encryption of bodies, GB/T 32907-2016 in GCM.
    Sm4,
}

impl KeyKind {
    /// The name in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Sm2 => "sm2",
            Self::Sm4 => "sm4",
        }
    }

    /// Whether it is a signature algorithm.
    pub const fn signs(self) -> bool {
        matches!(self, Self::Ed25519 | Self::Sm2)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
