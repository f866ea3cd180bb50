//! Keys that the host holds for a plugin.

use std::{future::Future, pin::Pin};

use sm2::dsa::signature::Verifier as _;
use thiserror::Error;
use xinglin_plugin::KeyKind;

/// The default user identity of SM2 signatures. GM/T 0009-2012, 10.
pub const SM2_IDENTITY: &str = "1234567812345678";

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Name in the manifest.
    pub key: String,
    /// [`KeyKind::Ed25519`] or [`KeyKind::Sm2`].
    pub kind: KeyKind,
    /// 32 bytes, or 65 bytes in SEC1 uncompressed form.
    pub bytes: Vec<u8>,
}

/// A pending operation of the keyring.
pub type KeyringFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyringUnavailable>> + Send + 'a>>;

/// The keyring is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the keys could not be read")]
pub struct KeyringUnavailable;

/// The keys of one plugin in one tenant. Private keys never leave it. Implemented over the store.
pub trait Keyring: Send + Sync {
    /// All keys, whether granted or not.
    fn public_keys(&self) -> KeyringFuture<'_, Vec<PublicKey>>;

    /// A signature with a key of this kind; `None` if there is no such key.
    fn sign<'a>(&'a self, key: &'a str, kind: KeyKind, message: &'a [u8]) -> KeyringFuture<'a, Option<Vec<u8>>>;
}

/// Verifies a signature. `false` also for malformed keys or signatures, or a kind that does not
/// sign. Ed25519 is strict: no small-order keys, no non-canonical encodings.
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
