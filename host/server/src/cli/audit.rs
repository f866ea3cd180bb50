//! `xinglin audit …`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use xinglin_domain::id::TenantId;
use xinglin_store::ChainState;

use super::operator;
use crate::config::Config;

/// What auditors do.
#[derive(Subcommand)]
pub enum Audit {
    /// Reckons every chain of calls again and names the first broken link.
    Verify(Verify),
}

/// Reckons every chain of calls again and names the first broken link. Fails if
/// there is one.
///
/// Examples:
///   xinglin audit verify                 all tenants
///   xinglin audit verify --tenant ten-…  one
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Verify {
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// What was found in one tenant.
#[derive(Serialize)]
struct Chain {
    tenant: String,
    intact: bool,
    calls: Option<i64>,
    head: Option<String>,
    /// Place of the first entry that is not what was written.
    first_broken: Option<i64>,
    /// The call that stands there now.
    call: Option<String>,
}

impl Audit {
    /// Runs it.
    pub async fn run(self, config: Config) -> Result<()> {
        match self {
            Self::Verify(command) => command.run(config).await,
        }
    }
}

impl Verify {
    async fn run(self, config: Config) -> Result<()> {
        let (hospital, _) = operator::open(config, "audit").await?;
        let tenants = match self.tenant {
            Some(tenant) => vec![tenant],
            None => operator::tenants(&hospital).await?,
        };
        let mut chains = Vec::new();
        for tenant in tenants {
            let records = hospital.store().tenant(tenant);
            let mut chain = Chain {
                tenant: tenant.to_string(),
                intact: true,
                calls: None,
                head: None,
                first_broken: None,
                call: None,
            };
            match records.verify_chain().await? {
                ChainState::Intact { length, head } => {
                    (chain.calls, chain.head) = (Some(length), Some(hex::encode(head)));
                }
                ChainState::Broken { seq } => {
                    (chain.intact, chain.first_broken) = (false, Some(seq));
                    // Its record may not be readable any more, its row is.
                    chain.call = records.find_call_at(seq).await?.map(|call| call.to_string());
                }
            }
            if !self.json {
                match &chain {
                    Chain { tenant, calls: Some(calls), head: Some(head), .. } => {
                        println!("{tenant}: intact, {calls} calls, head {head}");
                    }
                    Chain { tenant, first_broken, call, .. } => println!(
                        "{tenant}: BROKEN at entry {}{}: from here on nothing is proved",
                        first_broken.unwrap_or_default(),
                        call.as_ref().map_or_else(|| ", which is missing".to_owned(), |call| format!(", {call}")),
                    ),
                }
            }
            chains.push(chain);
        }
        if self.json {
            operator::print_json(&chains)?;
        }
        hospital.store().close().await?;
        match chains.iter().filter(|chain| !chain.intact).count() {
            0 => Ok(()),
            broken => bail!("{broken} of {} chains are broken", chains.len()),
        }
    }
}
