//! Signatures of persons under documents. What is signed is always a
//! [`Digest`]; how a key is held and checked is the edge's business.

use serde::{Deserialize, Serialize};

use crate::{canonical::Digest, id::AccountId, time::Instant};

/// Somebody's signature under a digest that itself covers [`Signature::at`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Whose.
    pub signer: AccountId,
    /// With which of their keys.
    pub key_id: String,
    /// For example `ed25519` or `sm2-sm3`.
    pub algorithm: String,
    /// As the algorithm writes it, in base64.
    pub value: String,
    /// When.
    pub at: Instant,
}

/// Checks signatures. Must look up the key by signer and key id, refuse a key
/// that is not the signer's or was not valid at [`Signature::at`], and refuse an
/// algorithm that it does not know.
pub trait VerifySignature {
    /// Whether the signature is the signer's, under this digest.
    fn verify(&self, digest: &Digest, signature: &Signature) -> bool;
}

/// Who or what an artefact comes from. The law wants a person for every act of
/// diagnosis and prescribing (互联网诊疗监管细则).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    /// A person wrote it.
    Human,
    /// A program did.
    Machine,
}
