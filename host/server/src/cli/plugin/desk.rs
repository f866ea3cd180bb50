//! Shared code of commands on one plugin of one tenant.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use xinglin_domain::id::TenantId;
use xinglin_platform::{Caller, Config};

use crate::{Hospital, cli::operator};

/// Selects a plugin of a tenant.
#[derive(Args)]
pub struct Which {
    /// Id of the plugin, for example `xinglin.diabetes`.
    pub plugin: String,
    /// The tenant; optional if there is only one.
    #[arg(long)]
    pub tenant: Option<TenantId>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// The database, opened for one plugin of one tenant.
pub struct Desk {
    pub hospital: Hospital,
    pub caller: Caller,
    pub tenant: TenantId,
    pub plugin: String,
    pub json: bool,
}

impl Which {
    /// Opens the database for a command.
    pub async fn open(self, config: Config, command: &str) -> Result<Desk> {
        let (hospital, caller) = operator::open(config, command).await?;
        let tenant = operator::tenant(&hospital, self.tenant).await?;
        Ok(Desk { hospital, caller, tenant, plugin: self.plugin, json: self.json })
    }
}

impl Desk {
    /// Prints the result, as JSON or text, and closes the database.
    pub async fn close<V: Serialize>(self, view: &V, tell: fn(&V)) -> Result<()> {
        match self.json {
            true => operator::print_json(view)?,
            false => tell(view),
        }
        Ok(self.hospital.platform.store().close().await?)
    }
}
