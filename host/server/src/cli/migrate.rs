//! `xinglin migrate`.

use anyhow::Result;
use clap::Args;
use xinglin_platform::Config;
use xinglin_store::Engine;

use crate::Hospital;

/// Migrate the database to this version's schema.
///
/// `serve` does the same at start; run this before it to avoid the delay. A database of a newer
/// version is refused.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Migrate {}

impl Migrate {
    /// Runs the command.
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
