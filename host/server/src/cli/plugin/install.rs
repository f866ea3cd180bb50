//! `xinglin plugin install`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use xinglin_domain::{
    access::{Actor, Role},
    id::AccountId,
};

use crate::{
    ambient,
    app::{Caller, Hospital, tenant::PLATFORM},
    config::Config,
};

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
        let hospital = Hospital::open(config).await?;
        // Whoever can open the database runs the platform.
        let caller = Caller {
            actor: Actor {
                account: AccountId::from_u128(0),
                tenant: PLATFORM,
                roles: vec![Role::Operator],
                credentials: Vec::new(),
                patients: Vec::new(),
            },
            now: hospital.now(),
            request_id: format!("install-{:032x}", ambient::fresh_id()),
        };
        for file in &self.files {
            let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
            let package = hospital.install_plugin(&caller, bytes).await.with_context(|| file.display().to_string())?;
            println!("{} {}  sha256:{}", package.id, package.version, package.digest);
        }
        hospital.store().close().await?;
        Ok(())
    }
}
