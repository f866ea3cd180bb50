//! One-time handles: generated here, stored as digests.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::ambient;

/// A random handle, and the digest that is stored.
pub fn draw() -> (String, String) {
    let handle = URL_SAFE_NO_PAD.encode(ambient::random_bytes::<32>());
    let digest = digest(&handle);
    (handle, digest)
}

/// The stored digest of a handle, or of another secret of as many random bytes.
pub fn digest(handle: &str) -> String {
    hex::encode(Sha256::digest(handle.as_bytes()))
}
