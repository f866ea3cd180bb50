//! The running hospital: everything that is made once and shared.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use thiserror::Error;
use tokio::sync::{Mutex, Semaphore, broadcast};
use xinglin_domain::{
    id::{EncounterId, TenantId},
    time::Instant,
};
use xinglin_runtime::{AotCache, HostKey, Options, Packs, Plugin, PluginError, Runtime};
use xinglin_store::{Store, StoreError, StoreOptions};

use super::{policy::PolicyDesk, shadow::Shadows};
use crate::{
    ambient::Clock,
    auth::{attempts::Attempts, password, token::Tokens},
    config::Config,
    egress::{self, Egress},
    files::Files,
    keyring::Keyring,
    keys::{self, KeyError, Keys},
    policy,
    telemetry::meter::Meter,
    tls,
};

/// One hospital host. Cheap to clone; all clones are the same host.
#[derive(Clone)]
pub struct Hospital {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    store: Store,
    runtime: Runtime,
    clock: Clock,
    keys: Arc<Keys>,
    ring: Arc<Keyring>,
    egress: Egress,
    exports: Files,
    blobs: Files,
    said: broadcast::Sender<EncounterId>,
    listeners: Arc<Semaphore>,
    tokens: Tokens,
    attempts: Attempts,
    meter: Meter,
    policies: PolicyDesk,
    plugins: Mutex<HashMap<(TenantId, String), Loaded>>,
    shadows: Shadows,
    purged: AtomicI64,
}

/// A plugin of a tenant, as of one version of its installation.
#[derive(Default)]
pub(super) struct Loaded {
    pub version: i64,
    /// By digest: what is called, and what runs in its shadow.
    pub plugins: HashMap<String, Arc<Plugin>>,
}

/// The hospital cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A folder cannot be made, or is not there.
    #[error("the folder {path}: {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Cheap passwords where there may be real people.
    #[error("`cheap_passwords` is for tests and needs `movable_clock`")]
    CheapPasswords,
    /// The host key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The records.
    #[error("the records at {url}: {source}")]
    Store {
        /// Where, without a password.
        url: String,
        /// Why.
        source: StoreError,
    },
    /// The plugin engine.
    #[error(transparent)]
    Runtime(#[from] PluginError),
    /// The policies.
    #[error("the policies (see `xinglin policy check {path}`): {source}")]
    Policies {
        /// Of which folder.
        path: String,
        /// What is wrong.
        source: policy::Flaws,
    },
    /// The way out.
    #[error(transparent)]
    Egress(#[from] egress::OpenError),
    /// The numbers.
    #[error("the meter: {0}")]
    Meter(#[from] metrics_exporter_prometheus::BuildError),
}

/// How many may listen to visits at once.
const MOST_LISTENERS: usize = 2000;

/// Where the demo clock stands, in `meta`.
pub(super) const CLOCK: &str = "clock-ahead-micros";

impl Hospital {
    /// Opens the records, bringing their schema up to date, and starts the
    /// plugin engine. Nothing listens yet.
    ///
    /// # Errors
    /// If data folder, key, records or engine cannot be used.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        tls::install();
        match (config.cheap_passwords, config.movable_clock) {
            (true, true) => password::make_cheap(),
            (true, false) => return Err(OpenError::CheapPasswords),
            (false, _) => {}
        }
        keys::private_folder(&config.data_dir)
            .map_err(|source| OpenError::Folder { path: config.data_dir.display().to_string(), source })?;
        let keys = Arc::new(Keys::open(&config.data_dir.join("host.key"))?);
        let path = config.data_dir.join("record.keys");
        let ring = Arc::new(Keyring::open(&path, keys.clone())?);
        let url = config.database_url();
        let records = |source| OpenError::Store { url: without_password(&url), source };
        let store = Store::open(&url, &StoreOptions::default(), ring.clone()).await.map_err(records)?;

        let folder = config.data_dir.join("cache");
        let cache = AotCache::open(&folder, HostKey::new(keys.aot_cache()))
            .map_err(|source| OpenError::Folder { path: folder.display().to_string(), source })?;
        let folder = config.packs_dir();
        if config.plugins.packs.is_none() {
            keys::private_folder(&folder)
                .map_err(|source| OpenError::Folder { path: folder.display().to_string(), source })?;
        }
        let packs =
            Packs::open(&folder).map_err(|source| OpenError::Folder { path: folder.display().to_string(), source })?;
        let runtime = Runtime::new(Options {
            cache: Some(cache),
            packs: Some(packs),
            calls: config.plugins.concurrent_calls,
            calls_per_plugin: config.plugins.concurrent_calls_per_plugin,
            calls_per_tenant: config.plugins.concurrent_calls_per_tenant,
            patience: Duration::from_millis(config.plugins.queue_millis),
        })?;
        let egress = Egress::open(&config.egress)?;
        let files = |name: &str| {
            let folder = config.data_dir.join(name);
            Files::open(&folder).map_err(|source| OpenError::Folder { path: folder.display().to_string(), source })
        };
        let folder = policy::folder(&config.data_dir);
        keys::private_folder(&folder)
            .map_err(|source| OpenError::Folder { path: folder.display().to_string(), source })?;
        let policies = PolicyDesk::open(&folder)
            .map_err(|source| OpenError::Policies { path: folder.display().to_string(), source })?;
        if config.plugins.allow_unsigned {
            tracing::warn!("plugins are taken unsigned (`plugins.allow_unsigned`): for development only");
        }
        if config.attachments.scan.is_empty() {
            tracing::warn!("attachments are kept without a look for viruses (`attachments.scan`)");
        }
        let ahead: Option<i64> = match config.movable_clock {
            true => store.operator().find_meta(CLOCK).await.map_err(records)?,
            false => None,
        };
        let clock = Clock::ahead_by(ahead.unwrap_or(0));
        if ring.newest()?.is_none() {
            if store.operator().has_person_keys().await.map_err(records)? {
                return Err(KeyError::NoRing(path.display().to_string()).into());
            }
            ring.rotate(clock.now())?;
        }
        let shared = Shared {
            tokens: Tokens::new(&keys.tokens(), config.sessions.token_seconds),
            clock,
            attempts: Attempts::default(),
            meter: Meter::new()?,
            policies,
            plugins: Mutex::default(),
            shadows: Shadows::default(),
            purged: AtomicI64::default(),
            egress,
            exports: files("exports")?,
            blobs: files("blobs")?,
            said: broadcast::channel(1024).0,
            listeners: Arc::new(Semaphore::new(MOST_LISTENERS)),
            config,
            store,
            runtime,
            keys,
            ring,
        };
        let hospital = Self { shared: Arc::new(shared) };
        hospital.heed_recalls().await.map_err(records)?;
        hospital.index_anew().await.map_err(records)?;
        hospital.label_anew().await.map_err(records)?;
        if let Err(error) = hospital.finish_erasures().await {
            // They are tried again the next time, and serve nobody meanwhile.
            tracing::error!(error = %error.detail, "bytes of erased patients are still on the disk");
        }
        Ok(hospital)
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The records.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The plugin engine.
    pub fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }

    /// The numbers of this host.
    pub fn meter(&self) -> &Meter {
        &self.shared.meter
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    pub(super) fn keyring(&self) -> &Keyring {
        &self.shared.ring
    }

    pub(super) fn egress(&self) -> &Egress {
        &self.shared.egress
    }

    /// In which visits something was said on this host.
    pub(super) fn said(&self) -> &broadcast::Sender<EncounterId> {
        &self.shared.said
    }

    pub(super) fn listeners(&self) -> &Arc<Semaphore> {
        &self.shared.listeners
    }

    pub(super) fn blobs(&self) -> &Files {
        &self.shared.blobs
    }

    pub(super) fn exports(&self) -> &Files {
        &self.shared.exports
    }

    pub(super) fn attempts(&self) -> &Attempts {
        &self.shared.attempts
    }

    pub(super) fn policy_desk(&self) -> &PolicyDesk {
        &self.shared.policies
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    pub(super) fn shadows(&self) -> &Shadows {
        &self.shared.shadows
    }

    /// When what has ended of sign-ins was last forgotten, in microseconds.
    pub(super) fn purged(&self) -> &AtomicI64 {
        &self.shared.purged
    }

    pub(super) fn loaded(&self) -> &Mutex<HashMap<(TenantId, String), Loaded>> {
        &self.shared.plugins
    }
}

/// A database URL that may be printed.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}…{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn passwords_are_cheap_in_tests_only() {
        let config = crate::Config { cheap_passwords: true, ..crate::Config::default() };
        assert!(matches!(super::Hospital::open(config).await, Err(super::OpenError::CheapPasswords)));
    }

    #[test]
    fn passwords_are_not_printed() {
        assert_eq!(super::without_password("postgres://u:secret@db/x"), "postgres://…@db/x");
        assert_eq!(super::without_password("sqlite:.xinglin/hospital.db"), "sqlite:.xinglin/hospital.db");
    }
}
