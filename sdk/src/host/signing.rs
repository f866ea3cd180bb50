//! Signatures under keys that the host holds for this plugin. Ask for it with
//! `[capabilities.signing]` and `keys = { gateway = "sm2" }`: `ed25519` and `sm2`
//! sign, `sm4` encrypts the body of an [`http`](crate::http) request.
//!
//! They are the plugin's own keys. A prescription is not signed with them.

pub use crate::bindings::xinglin::host::signing::{Algorithm, Error, PublicKey};

/// Keys of this plugin that sign and that the tenant has made, in order.
pub fn public_keys() -> Vec<PublicKey> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::signing::public_keys();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("signing", |call| call.public_keys())
}

/// A signature of 64 bytes over at most 64 KiB.
///
/// # Errors
/// If there is no such key, or the message is too large.
pub fn sign(key: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::signing::sign(key, message);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("signing", |call| call.sign(key, message))
}

/// Whether somebody's signature holds. `false` also for bytes that are no key or
/// no signature.
pub fn verify(algorithm: Algorithm, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::signing::verify(algorithm, public_key, message, signature);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("signing", |call| call.verify(algorithm, public_key, message, signature))
}
