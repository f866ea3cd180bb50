//! The application state: the services of a hospital.

use xinglin_care::Care;
use xinglin_domain::time::Instant;
use xinglin_extensions::{Extensions, recall};
use xinglin_identity::{Identity, account};
use xinglin_platform::{AppResult, Config, OpenError, Platform};
use xinglin_records::{erasure, resource, search};
use xinglin_store::Store;

/// One hospital host: the application state, with the services that use cases take.
/// Cheap to clone; all clones are the same host.
#[derive(Clone)]
pub struct Hospital {
    /// Shared state of all use cases.
    pub platform: Platform,
    /// For use cases that call plugins.
    pub extensions: Extensions,
    /// For use cases of sign-in and accounts.
    pub identity: Identity,
    /// For use cases of care.
    pub care: Care,
}

impl Hospital {
    /// Opens the database, with migrations, and starts the plugin engine. Does not listen yet.
    ///
    /// # Errors
    /// If data folder, key, database or engine cannot be used.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let platform = Platform::open(config).await?;
        let extensions = Extensions::open(platform.clone())?;
        let identity = Identity::new(extensions.clone());
        let care = Care::new(extensions.clone());
        let records = |source| OpenError::of_store(platform.config(), source);
        recall::apply(&extensions).await.map_err(records)?;
        search::index_anew(&platform).await.map_err(records)?;
        resource::label_anew(&platform).await.map_err(records)?;
        if let Err(error) = erasure::finish(&platform).await {
            // Retried at the next start; nothing refers to the files meanwhile.
            tracing::error!(error = %error.detail, "bytes of erased patients are still on the disk");
        }
        Ok(Self { platform, extensions, identity, care })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        self.platform.config()
    }

    /// The store.
    pub fn store(&self) -> &Store {
        self.platform.store()
    }

    /// Creates the first operator, `operator`, if there is none.
    ///
    /// # Errors
    /// If the password is too short or the store fails.
    pub async fn ensure_operator(&self, password: String) -> AppResult<()> {
        account::ensure_operator(&self.platform, password).await
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.platform.now()
    }
}
