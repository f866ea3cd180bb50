//! Cache of compiled components on disk, so that a start does not compile.
//!
//! Compiled code runs with the privileges of the host: whoever can make the host load a file
//! controls it. Therefore every file carries an HMAC under the host's key over the component's
//! digest, the engine's fingerprint and the code; it is verified on the bytes that are then used,
//! never on a file that could change in between. If verification fails, the component is compiled
//! again.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::{Engine, component::Component};
use xinglin_plugin::{Digest, PluginError};

/// A secret key of this host. Not printed.
#[derive(Clone)]
pub struct HostKey([u8; 32]);

impl HostKey {
    /// From 32 random bytes of the host's key file.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey(…)")
    }
}

/// A directory of compiled components.
#[derive(Debug)]
pub struct AotCache {
    folder: PathBuf,
    key: HostKey,
}

const TAG: usize = 32;

impl AotCache {
    /// Opens the directory, creating it if necessary with access for its owner only.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn open(folder: impl Into<PathBuf>, key: HostKey) -> io::Result<Self> {
        let folder = folder.into();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder)?;
        Ok(Self { folder, key })
    }

    fn path(&self, digest: Digest, engine: &str) -> PathBuf {
        let engine = engine.get(..16).unwrap_or(engine);
        self.folder.join(format!("{digest}-{engine}.cwasm"))
    }

    fn mac(&self, digest: Digest, engine: &str, code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.0).ok()?;
        mac.update(b"xinglin-aot-1\0");
        mac.update(&digest.0);
        mac.update(&(engine.len() as u64).to_be_bytes());
        mac.update(engine.as_bytes());
        mac.update(code);
        Some(mac)
    }

    fn read(&self, engine: &Engine, fingerprint: &str, digest: Digest) -> Option<Component> {
        let bytes = fs::read(self.path(digest, fingerprint)).ok()?;
        let (tag, code) = bytes.split_at_checked(TAG)?;
        if self.mac(digest, fingerprint, code)?.verify_slice(tag).is_err() {
            tracing::warn!(%digest, "a compiled plugin in the cache is not what this host wrote; compiling anew");
            return None;
        }
        deserialize(engine, code)
            .inspect_err(|e| tracing::warn!(%digest, "a compiled plugin in the cache does not load: {e:#}"))
            .ok()
    }

    fn write(&self, fingerprint: &str, digest: Digest, component: &Component) -> io::Result<()> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let code = component.serialize().map_err(io::Error::other)?;
        let mac = self.mac(digest, fingerprint, &code).ok_or_else(|| io::Error::other("the key does not fit"))?;
        let path = self.path(digest, fingerprint);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{serial}.tmp", process::id()));
        let mut bytes = mac.finalize().into_bytes().to_vec();
        bytes.extend_from_slice(&code);
        fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path)).inspect_err(|_| {
            remove(&temporary);
        })
    }
}

fn remove(path: &Path) {
    if let Err(e) = fs::remove_file(path) {
        tracing::debug!("cannot remove {}: {e}", path.display());
    }
}

#[allow(unsafe_code, reason = "the only way to load compiled code; see the safety comment")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` must come from `Component::serialize` unmodified. The only
    // caller has just verified its HMAC under a key that this host alone holds,
    // computed over these very bytes in memory, and `write` authenticates only
    // what `serialize` returned. A different engine is refused by wasmtime.
    unsafe { Component::deserialize(engine, code) }
}

/// The compiled component: from the cache if its HMAC is valid, otherwise compiled and cached.
/// Blocks while compiling.
pub(crate) fn compile(
    engine: &Engine,
    fingerprint: &str,
    cache: Option<&AotCache>,
    digest: Digest,
    bytes: &[u8],
) -> Result<Component, PluginError> {
    if let Some(component) = cache.and_then(|cache| cache.read(engine, fingerprint, digest)) {
        return Ok(component);
    }
    let component = Component::from_binary(engine, bytes).map_err(|e| PluginError::Corrupt(format!("{e:#}")))?;
    if let Some(Err(e)) = cache.map(|cache| cache.write(fingerprint, digest, &component)) {
        // The component is usable, and is compiled again at the next start.
        tracing::warn!(%digest, "cannot keep a compiled plugin: {e}");
    }
    Ok(component)
}
