//! Signatures with keys that the host holds for this plugin. Request them with
//! `[capabilities.signing]` and `keys = { gateway = "sm2" }`: `ed25519` and `sm2`
//! sign, `sm4` encrypts the body of an [`http`](crate::http) request.
//!
//! The keys are the plugin's own. Prescriptions are not signed with them.

pub use crate::bindings::xinglin::host::signing::{Algorithm, Error, PublicKey};

/// Public keys of this plugin's signing keys that the tenant has created, sorted.
pub fn public_keys() -> Vec<PublicKey> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::signing::public_keys();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("signing", |call| call.public_keys())
}

/// A 64-byte signature over at most 64 KiB.
///
/// # Errors
/// If there is no such key, or the message is too large.
pub fn sign(key: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::signing::sign(key, message);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("signing", |call| call.sign(key, message))
}

/// Verifies a signature by any key. `false` also for malformed keys or
/// signatures.
pub fn verify(algorithm: Algorithm, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::signing::verify(algorithm, public_key, message, signature);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("signing", |call| call.verify(algorithm, public_key, message, signature))
}
