//! The state of the plugin use cases: engine and loaded plugins.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use tokio::sync::{Mutex, Semaphore};
use xinglin_domain::id::TenantId;
use xinglin_platform::{OpenError, Platform, config::Plugins, keys};
use xinglin_runtime::{AotCache, HostKey, Options, Packs, Plugin, Runtime};

/// What use cases need that call plugins. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Extensions {
    /// What every use case needs.
    pub platform: Platform,
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Runtime,
    plugins: Mutex<HashMap<(TenantId, String), Loaded>>,
    shadows: Shadows,
}

/// A plugin of a tenant, as of one version of its installation.
#[derive(Default)]
pub(crate) struct Loaded {
    pub version: i64,
    /// By digest: what is called, and what runs in its shadow.
    pub plugins: HashMap<String, Arc<Plugin>>,
}

/// Comparisons under way at once. Live calls come first: what finds no place is
/// counted and not compared.
const AT_ONCE: usize = 8;

/// The comparisons of this host.
pub(crate) struct Shadows {
    pub places: Arc<Semaphore>,
    pub skipped: AtomicU64,
}

impl Default for Shadows {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), skipped: AtomicU64::new(0) }
    }
}

impl Extensions {
    /// Starts the plugin engine.
    ///
    /// # Errors
    /// If a folder or the engine cannot be used.
    pub fn open(platform: Platform) -> Result<Self, OpenError> {
        let config = platform.config();
        let folder = config.data_dir.join("cache");
        let cache =
            AotCache::open(&folder, HostKey::new(platform.keys().aot_cache())).map_err(|source| at(&folder, source))?;
        let folder = config.packs_dir();
        if config.plugins.packs.is_none() {
            keys::private_folder(&folder).map_err(|source| at(&folder, source))?;
        }
        let packs = Packs::open(&folder).map_err(|source| at(&folder, source))?;
        if config.plugins.allow_unsigned {
            tracing::warn!("plugins are taken unsigned (`plugins.allow_unsigned`): for development only");
        }
        let runtime = Runtime::new(Options {
            cache: Some(cache),
            packs: Some(packs),
            calls: config.plugins.concurrent_calls,
            calls_per_plugin: config.plugins.concurrent_calls_per_plugin,
            calls_per_tenant: config.plugins.concurrent_calls_per_tenant,
            patience: Duration::from_millis(config.plugins.queue_millis.min(Plugins::LONGEST_QUEUE_MILLIS)),
            unhurried: false,
        })?;
        let shared = Shared { runtime, plugins: Mutex::default(), shadows: Shadows::default() };
        Ok(Self { platform, shared: Arc::new(shared) })
    }

    /// The plugin engine.
    pub fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }

    pub(crate) fn shadows(&self) -> &Shadows {
        &self.shared.shadows
    }

    pub(crate) fn loaded(&self) -> &Mutex<HashMap<(TenantId, String), Loaded>> {
        &self.shared.plugins
    }
}

fn at(folder: &Path, source: std::io::Error) -> OpenError {
    OpenError::Folder { path: folder.display().to_string(), source }
}
