//! `xinglin migrate`.

use anyhow::{Context, Result};
use clap::Args;
use xinglin_store::{Store, StoreOptions};

use crate::config::Config;

/// Bring the database to this version's schema.
///
/// `serve` does the same when it starts; run this ahead of it to keep the first
/// request from waiting. A database of a newer version is refused.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Migrate {}

impl Migrate {
    /// Runs it.
    pub async fn run(self, config: Config) -> Result<()> {
        std::fs::create_dir_all(&config.data_dir).with_context(|| config.data_dir.display().to_string())?;
        let store = Store::open(&config.database_url(), &StoreOptions::default()).await?;
        println!("the {:?} database is at this version's schema", store.engine());
        store.close().await?;
        Ok(())
    }
}
