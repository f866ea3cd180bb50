//! What commands on one plugin of one tenant have in common.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use xinglin_domain::id::TenantId;
use xinglin_platform::{Caller, Config};

use crate::{Hospital, cli::operator};

/// Which plugin of which tenant.
#[derive(Args)]
pub struct Which {
    /// Id of the plugin, for example `xinglin.diabetes`.
    pub plugin: String,
    /// Whose; may be left out if there is one tenant only.
    #[arg(long)]
    pub tenant: Option<TenantId>,
    /// For programs.
    #[arg(long)]
    pub json: bool,
}

/// The records, opened for one plugin of one tenant.
pub struct Desk {
    pub hospital: Hospital,
    pub caller: Caller,
    pub tenant: TenantId,
    pub plugin: String,
    pub json: bool,
}

impl Which {
    /// Opens the records for what a command is called.
    pub async fn open(self, config: Config, command: &str) -> Result<Desk> {
        let (hospital, caller) = operator::open(config, command).await?;
        let tenant = operator::tenant(&hospital, self.tenant).await?;
        Ok(Desk { hospital, caller, tenant, plugin: self.plugin, json: self.json })
    }
}

impl Desk {
    /// Tells what came of it, for programs or in these words, and ends in good order.
    pub async fn close<V: Serialize>(self, view: &V, tell: fn(&V)) -> Result<()> {
        match self.json {
            true => operator::print_json(view)?,
            false => tell(view),
        }
        Ok(self.hospital.platform.store().close().await?)
    }
}
