//! `xinglin plugin install`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::{cli::operator, config::Config};

/// Take packages into this host. They run nowhere until a tenant is granted
/// them (`PUT /api/v1/tenants/{tenant}/plugins/{plugin}`) and they are enabled.
///
/// Examples:
///   xinglin plugin install target/plugins/*.wasm
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Install {
    /// Packages made by `xinglin plugin build`.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Install {
    /// Runs it.
    pub async fn run(self, config: Config) -> Result<()> {
        let (hospital, caller) = operator::open(config, "install").await?;
        for file in &self.files {
            let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
            let package = hospital.install_plugin(&caller, bytes).await.with_context(|| file.display().to_string())?;
            println!("{} {}  sha256:{}", package.id, package.version, package.digest);
        }
        hospital.store().close().await?;
        Ok(())
    }
}
