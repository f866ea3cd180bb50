//! `xinglin:host/signing`: signatures with keys that the host holds for a plugin.

use serde::{Deserialize, Serialize};
use tracing::Instrument;
use xinglin_plugin::{Capability, KeyKind};

use super::{CallState, kv::Hex};
use crate::{
    recorder::Question,
    services::signing::{KeyringUnavailable, PublicKey, verify},
    trace,
    wit::xinglin::host::signing as wit,
};

const MAX_MESSAGE: usize = 64 << 10;

impl From<wit::Algorithm> for KeyKind {
    fn from(algorithm: wit::Algorithm) -> Self {
        match algorithm {
            wit::Algorithm::Ed25519 => Self::Ed25519,
            wit::Algorithm::Sm2 => Self::Sm2,
        }
    }
}

/// An answer, as recorded on the tape.
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
    /// The algorithm of a granted key, or `None`.
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
