//! Signatures of persons. The signed content is always a [`Digest`]; keys are held and verified
//! outside this crate.

use serde::{Deserialize, Serialize};

use crate::{canonical::Digest, id::AccountId, time::Instant};

/// A signature over a digest that itself covers [`Signature::at`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The signer.
    pub signer: AccountId,
    /// Id of the signer's key.
    pub key_id: String,
    /// For example `ed25519` or `sm2-sm3`.
    pub algorithm: String,
    /// The signature in base64, in the format of the algorithm.
    pub value: String,
    /// The time of signing.
    pub at: Instant,
}

/// Verifies signatures. Implementations must look up the key by signer and key id, and refuse a
/// key that is not the signer's or was not valid at [`Signature::at`], and an unknown algorithm.
pub trait VerifySignature {
    /// Whether the signature is the signer's, over this digest.
    fn verify(&self, digest: &Digest, signature: &Signature) -> bool;
}

/// Kind of author. The law requires a person for every act of diagnosis and prescribing
/// (互联网诊疗监管细则).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    /// A person.
    Human,
    /// A program.
    Machine,
}
