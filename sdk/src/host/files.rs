//! Data packs of the operator, and a scratch folder for the duration of a call. Request them
//! with `[capabilities.files]`, `packs = […]` and `scratch-kib`.
//!
//! Paths are relative, without `..`, of at most 255 bytes.

pub use crate::bindings::xinglin::host::files::{Error, Pack};

/// The granted packs, with their digests.
pub fn packs() -> Vec<Pack> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::files::packs();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("files", |call| call.packs())
}

/// Paths of the files of a pack, sorted.
///
/// # Errors
/// If there is no such pack, or it is not granted.
pub fn list_pack(pack: &str) -> Result<Vec<String>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::files::list_pack(pack);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("files", |call| call.list_pack(pack))
}

/// `length` bytes from `offset`, at most 4 MiB; fewer at the end of the file.
///
/// # Errors
/// If there is no such file, or the pack is not granted.
pub fn read_pack(pack: &str, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::files::read_pack(pack, path, offset, length);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("files", |call| call.read_pack(pack, path, offset, length))
}

/// `length` bytes from `offset`, at most 4 MiB; fewer at the end of the file.
///
/// # Errors
/// If this call has not written the file.
pub fn read_scratch(path: &str, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::files::read_scratch(path, offset, length);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("files", |call| call.read_scratch(path, offset, length))
}

/// Creates or replaces the file, and creates its parent folders.
///
/// # Errors
/// If the quota is exceeded; nothing is written then.
pub fn write_scratch(path: &str, content: &[u8]) -> Result<(), Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::files::write_scratch(path, content);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("files", |call| call.write_scratch(path, content))
}

/// `Ok` also if it does not exist. A folder is removed with its content.
///
/// # Errors
/// If the path is invalid.
pub fn remove_scratch(path: &str) -> Result<(), Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::files::remove_scratch(path);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("files", |call| call.remove_scratch(path))
}
