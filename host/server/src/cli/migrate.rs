//! `xinglin migrate`.

use anyhow::Result;
use clap::Args;
use xinglin_platform::Config;
use xinglin_store::Engine;

use crate::Hospital;

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
        let hospital = Hospital::open(config).await?;
        let engine = match hospital.platform.store().engine() {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        };
        println!("the {engine} database is at this version's schema");
        hospital.platform.store().close().await?;
        Ok(())
    }
}
