//! `xinglin:host/signing`: signatures under keys that the host holds for a plugin.

use std::{fmt, future::Future, pin::Pin};

use serde::{Deserialize, Serialize};
use sm2::dsa::signature::Verifier as _;
use thiserror::Error;
use tracing::Instrument;

use super::kv::Hex;
use crate::{Capability, call::CallState, tape::Question, trace, wit::xinglin::host::signing as wit};

const MAX_MESSAGE: usize = 64 << 10;

/// What SM2 signs with besides the key, where nobody agreed on another identity.
/// GM/T 0009-2012, 10.
pub const SM2_IDENTITY: &str = "1234567812345678";

/// What a key of a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// Signs, RFC 8032.
    Ed25519,
    /// Signs, GB/T 32918.2-2016 with SM3.
    Sm2,
    /// Encrypts bodies, GB/T 32907-2016 in GCM.
    Sm4,
}

impl KeyKind {
    /// As manifests write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Sm2 => "sm2",
            Self::Sm4 => "sm4",
        }
    }

    /// Whether it makes signatures.
    pub const fn signs(self) -> bool {
        matches!(self, Self::Ed25519 | Self::Sm2)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<wit::Algorithm> for KeyKind {
    fn from(algorithm: wit::Algorithm) -> Self {
        match algorithm {
            wit::Algorithm::Ed25519 => Self::Ed25519,
            wit::Algorithm::Sm2 => Self::Sm2,
        }
    }
}

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// As the manifest calls it.
    pub key: String,
    /// [`KeyKind::Ed25519`] or [`KeyKind::Sm2`].
    pub kind: KeyKind,
    /// 32 bytes, or 65 of SEC1 uncompressed.
    pub bytes: Vec<u8>,
}

/// Work of the keyring that is under way.
pub type KeyringFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyringUnavailable>> + Send + 'a>>;

/// The keyring did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the keys could not be read")]
pub struct KeyringUnavailable;

/// The keys of one plugin in one tenant. Private halves never leave it.
/// Implemented over the store.
pub trait Keyring: Send + Sync {
    /// Keys that there are, whether granted or not.
    fn public_keys(&self) -> KeyringFuture<'_, Vec<PublicKey>>;

    /// A signature under a key of this kind; `None` if there is no such key.
    fn sign<'a>(&'a self, key: &'a str, kind: KeyKind, message: &'a [u8]) -> KeyringFuture<'a, Option<Vec<u8>>>;
}

/// Whether a signature holds. `false` also for what is no key, no signature, or
/// a kind that does not sign. Ed25519 is strict: no small-order keys, no second
/// spelling of a signature.
pub fn verify(kind: KeyKind, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match kind {
        KeyKind::Ed25519 => {
            let key = public_key.try_into().ok().and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok());
            let signature = ed25519_dalek::Signature::from_slice(signature).ok();
            key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(message, &signature).is_ok())
        }
        KeyKind::Sm2 => {
            let uncompressed = public_key.len() == 65;
            let key = sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_IDENTITY, public_key).ok().filter(|_| uncompressed);
            let signature = sm2::dsa::Signature::from_slice(signature).ok();
            key.zip(signature).is_some_and(|(key, signature)| key.verify(message, &signature).is_ok())
        }
        KeyKind::Sm4 => false,
    }
}

/// An answer as the tape keeps it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TapedError {
    UnknownKey,
    TooLarge,
    Other(String),
}

impl From<TapedError> for wit::Error {
    fn from(error: TapedError) -> Self {
        match error {
            TapedError::UnknownKey => Self::UnknownKey,
            TapedError::TooLarge => Self::TooLarge,
            TapedError::Other(reason) => Self::Other(reason),
        }
    }
}

impl From<KeyringUnavailable> for TapedError {
    fn from(error: KeyringUnavailable) -> Self {
        Self::Other(error.to_string())
    }
}

#[derive(Serialize, Deserialize)]
struct TapedKey {
    key: String,
    kind: KeyKind,
    #[serde(with = "hex::serde")]
    bytes: Vec<u8>,
}

impl CallState {
    /// The kind of a key that may be used, or `None`.
    pub(crate) fn key(&self, key: &str) -> Option<KeyKind> {
        let granted = self.grants.capabilities.contains(&Capability::Signing);
        self.grants.keys.get(key).copied().filter(|_| granted)
    }

    async fn public_halves(&mut self) -> Vec<TapedKey> {
        self.waiting = true;
        let found = self.services.signing.public_keys().instrument(trace::import("signing.public-keys")).await;
        self.waiting = false;
        let mut keys = found.unwrap_or_default();
        keys.retain(|key| key.kind.signs() && self.key(&key.key) == Some(key.kind));
        keys.sort_by(|a, b| a.key.cmp(&b.key));
        keys.into_iter().map(|PublicKey { key, kind, bytes }| TapedKey { key, kind, bytes }).collect()
    }

    async fn signature(&mut self, key: &str, message: &[u8]) -> Result<Hex, TapedError> {
        let kind = self.key(key).filter(|kind| kind.signs()).ok_or(TapedError::UnknownKey)?;
        if message.len() > MAX_MESSAGE {
            return Err(TapedError::TooLarge);
        }
        self.waiting = true;
        let signature = self.services.signing.sign(key, kind, message).instrument(trace::import("signing.sign")).await;
        self.waiting = false;
        signature?.map(Hex).ok_or(TapedError::UnknownKey)
    }
}

impl wit::Host for CallState {
    async fn public_keys(&mut self) -> wasmtime::Result<Vec<wit::PublicKey>> {
        let question = Question::new("signing.public-keys", &[]);
        let answer: Vec<TapedKey> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => self.public_halves().await,
        };
        self.tape.record(question, &answer)?;
        let algorithm = |kind: KeyKind| match kind {
            KeyKind::Sm2 => wit::Algorithm::Sm2,
            KeyKind::Ed25519 | KeyKind::Sm4 => wit::Algorithm::Ed25519,
        };
        let public = |key: TapedKey| wit::PublicKey { key: key.key, algorithm: algorithm(key.kind), bytes: key.bytes };
        Ok(answer.into_iter().map(public).collect())
    }

    async fn sign(&mut self, key: String, message: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, wit::Error>> {
        let question = Question::new("signing.sign", &[key.as_bytes(), &message]);
        let answer: Result<Hex, TapedError> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => self.signature(&key, &message).await,
        };
        self.tape.record(question, &answer)?;
        Ok(answer.map(|Hex(bytes)| bytes).map_err(Into::into))
    }

    async fn verify(
        &mut self,
        algorithm: wit::Algorithm,
        public_key: Vec<u8>,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        let kind = KeyKind::from(algorithm);
        let question = Question::new("signing.verify", &[kind.as_str().as_bytes(), &public_key, &message, &signature]);
        let answer: bool = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => verify(kind, &public_key, &message, &signature),
        };
        self.tape.record(question, &answer)?;
        Ok(answer)
    }
}
