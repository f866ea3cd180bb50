//! The platform: everything that is created once and shared by all use cases.

use crate::boxed;
use std::sync::Arc;

use thiserror::Error;
use xinglin_domain::{access::Actor, time::Instant};
use xinglin_plugin::PluginError;
use xinglin_store::{Store, StoreError, StoreOptions, Tenant, TenantTx};

use crate::{
    AppResult, Bounds, Caller, Config,
    ambient::Clock,
    blocking,
    egress::{self, Egress},
    files::Files,
    keyring::Keyring,
    keys::{self, KeyError, Keys},
    meter::Meter,
    policy::{self, Policies},
    policy_desk::{Decided, PolicyDesk},
    silence::Silences,
    tally::Tally,
    tasks::Tasks,
    tls,
    trail::Trail,
};

/// The shared state of every use case. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Platform {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    store: Store,
    clock: Clock,
    keys: Arc<Keys>,
    ring: Arc<Keyring>,
    egress: Egress,
    exports: Files,
    blobs: Files,
    meter: Meter,
    policies: PolicyDesk,
    tasks: Tasks,
    silences: Silences,
    codes: Tally,
}

/// The hospital cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A folder cannot be created or opened.
    #[error("the folder {path}: {source}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Cheap passwords without a movable clock.
    #[error("`cheap_passwords` is for tests and needs `movable_clock`")]
    CheapPasswords,
    /// The host key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error("the records at {url}: {source}")]
    Store {
        /// The URL, without its password.
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
        /// The folder.
        path: String,
        /// What is wrong.
        source: policy::Flaws,
    },
    /// Outbound HTTP.
    #[error(transparent)]
    Egress(#[from] egress::OpenError),
    /// The metrics.
    #[error("the meter: {0}")]
    Meter(#[from] metrics_exporter_prometheus::BuildError),
}

impl OpenError {
    /// The database of this host.
    pub fn of_store(config: &Config, source: StoreError) -> Self {
        Self::Store { url: without_password(&config.database_url()), source }
    }
}

/// Key of the demonstration clock's offset in `meta`.
pub const CLOCK: &str = "clock-ahead-micros";

impl Platform {
    /// Opens the database, with migrations, and everything else.
    ///
    /// # Errors
    /// If data folder, keys, database or policies cannot be used.
    #[boxed]
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        tls::install();
        if config.cheap_passwords && !config.movable_clock {
            return Err(OpenError::CheapPasswords);
        }
        folder(&config.data_dir)?;
        let keys = Arc::new(Keys::open(&config.data_dir.join("host.key"))?);
        let path = config.data_dir.join("record.keys");
        let ring = Arc::new(Keyring::open(&path, keys.clone())?);
        let url = config.database_url();
        let records = |source| OpenError::of_store(&config, source);
        let store = Store::open(&url, &StoreOptions::default(), ring.clone()).await.map_err(records)?;
        let egress = Egress::open(&config.egress)?;
        let files = |name: &str| {
            let folder = config.data_dir.join(name);
            Files::open(&folder).map_err(|source| OpenError::Folder { path: folder.display().to_string(), source })
        };
        let policy_folder = policy::folder(&config.data_dir);
        folder(&policy_folder)?;
        let policies = PolicyDesk::open(&policy_folder)
            .map_err(|source| OpenError::Policies { path: policy_folder.display().to_string(), source })?;
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
        let (exports, blobs) = (files("exports")?, files("blobs")?);
        let meter = Meter::new()?;
        let tasks = Tasks::default();
        let (silences, codes) = (Silences::default(), Tally::default());
        let shared = Shared {
            config,
            store,
            clock,
            keys,
            ring,
            egress,
            exports,
            blobs,
            meter,
            policies,
            tasks,
            silences,
            codes,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The metrics of this host.
    pub fn meter(&self) -> &Meter {
        &self.shared.meter
    }

    /// Background tasks.
    pub fn tasks(&self) -> &Tasks {
        &self.shared.tasks
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// The clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The keys of this host.
    pub fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// The keys that wrap persons' keys.
    pub fn keyring(&self) -> &Keyring {
        &self.shared.ring
    }

    /// Outbound HTTP.
    pub fn egress(&self) -> &Egress {
        &self.shared.egress
    }

    /// Services that do not answer.
    pub fn silences(&self) -> &Silences {
        &self.shared.silences
    }

    /// Codes that were sent to an address, of whomever.
    pub fn codes(&self) -> &Tally {
        &self.shared.codes
    }

    /// Attachments.
    pub fn blobs(&self) -> &Files {
        &self.shared.blobs
    }

    /// Files of exports.
    pub fn exports(&self) -> &Files {
        &self.shared.exports
    }

    pub(crate) fn policy_desk(&self) -> &PolicyDesk {
        &self.shared.policies
    }

    /// The policies at this moment. A request uses those of its start throughout.
    pub fn policies(&self) -> Arc<Policies> {
        self.policy_desk().in_force()
    }

    /// Reloads the policies if a file has changed.
    #[boxed]
    pub async fn reload_policies(&self) {
        let platform = self.clone();
        if let Err(error) = blocking(move || platform.policy_desk().reload()).await {
            tracing::error!(%error, "policies could not be looked at; those read before stay in force");
        }
    }

    /// The number of policies added to the shipped ones, and the number of errors that keep changes
    /// out of force.
    pub fn policy_state(&self) -> (usize, usize) {
        (self.policies().added(), self.policy_desk().looked().flaws.len())
    }

    /// An account without a session, at this moment.
    pub fn for_actor(&self, actor: Actor, request_id: String) -> Caller {
        Caller {
            actor,
            session: None,
            bounds: Bounds::default(),
            second_factor: false,
            policies: self.policies(),
            decided: Decided::default(),
            now: self.now(),
            request_id,
            trail: Trail::default(),
        }
    }

    /// The records of the caller's own tenant.
    pub fn records(&self, caller: &Caller) -> Tenant {
        self.store().tenant(caller.actor.tenant)
    }

    /// A transaction in the caller's own tenant.
    ///
    /// # Errors
    /// If the store fails.
    #[boxed]
    pub async fn begin(&self, caller: &Caller) -> AppResult<TenantTx> {
        Ok(self.records(caller).begin().await?)
    }
}

/// A folder accessible to its owner only, created if needed.
fn folder(path: &std::path::Path) -> Result<(), OpenError> {
    keys::private_folder(path).map_err(|source| OpenError::Folder { path: path.display().to_string(), source })
}

/// A database URL without its password.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}…{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_are_cheap_in_tests_only() {
        let config = Config { cheap_passwords: true, ..Config::default() };
        assert!(matches!(Platform::open(config).await, Err(OpenError::CheapPasswords)));
    }

    #[tokio::test]
    async fn policies_are_compiled_beside_the_requests() {
        let folder = tempfile::TempDir::new().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let platform = Platform::open(config).await.unwrap();
        let root = policy::folder(folder.path());
        let many: String = (0..300)
            .map(|hour| {
                format!(
                    "@id(\"{hour}\") forbid (principal, action == Action::\"encounter.converse\", resource)
                     when {{ context.hour == {hour} }};\n"
                )
            })
            .collect();
        std::fs::create_dir_all(root.join(policy::HOST)).unwrap();
        std::fs::write(root.join(policy::HOST).join("many.cedar"), many).unwrap();
        let begun = std::time::Instant::now();
        assert_eq!(policy::Policies::load(&root).unwrap().added(), 300);
        let whole = begun.elapsed();
        // Of this one thread.
        let mut longest = std::time::Duration::ZERO;
        let heart = async {
            loop {
                let beat = std::time::Instant::now();
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                longest = longest.max(beat.elapsed());
            }
        };
        tokio::select! {
            () = platform.reload_policies() => {}
            () = heart => {}
        }
        assert_eq!(platform.policy_state(), (300, 0));
        assert!(longest < whole / 2, "the thread stood still for {longest:?}, compiling takes {whole:?}");
    }

    #[test]
    fn passwords_are_not_printed() {
        assert_eq!(super::without_password("postgres://u:secret@db/x"), "postgres://…@db/x");
        assert_eq!(super::without_password("sqlite:.xinglin/hospital.db"), "sqlite:.xinglin/hospital.db");
    }
}
