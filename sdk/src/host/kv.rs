//! A small durable key-value store, private to one plugin in one tenant. Request it with
//! `[capabilities.kv]` and a `quota-kib`.
//!
//! Writes of a call are committed together after it has returned; a call that
//! traps writes nothing. A call reads its own writes.

pub use crate::bindings::xinglin::host::kv::Error;

/// `Ok(None)` if the key was never set, or was deleted.
///
/// # Errors
/// If the key is invalid, or the store is unavailable.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::kv::get(key);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("kv", |call| call.get(key))
}

/// Sets a key to at most 64 KiB.
///
/// # Errors
/// If the key is invalid, the value is too large, the quota is exceeded, or the
/// store is unavailable. Nothing is changed then.
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::kv::set(key, value);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("kv", |call| call.set(key, Some(value)))
}

/// `Ok` also if the key does not exist.
///
/// # Errors
/// If the key is invalid, or the store is unavailable.
pub fn delete(key: &str) -> Result<(), Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::kv::delete(key);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("kv", |call| call.set(key, None))
}
