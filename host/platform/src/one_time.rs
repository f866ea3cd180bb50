//! Handles that are shown once: drawn here, kept by their digest.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::ambient;

/// A handle that nobody can guess, and the digest that it is kept by.
pub fn draw() -> (String, String) {
    let handle = URL_SAFE_NO_PAD.encode(ambient::random_bytes::<32>());
    let digest = digest(&handle);
    (handle, digest)
}

/// What a handle, or another secret of as many random bytes, is kept by.
pub fn digest(handle: &str) -> String {
    hex::encode(Sha256::digest(handle.as_bytes()))
}
