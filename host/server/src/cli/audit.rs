//! `xinglin audit …`.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde::Serialize;
use xinglin_domain::{id::TenantId, time::Instant};
use xinglin_extensions::tape;
use xinglin_platform::Config;
use xinglin_store::ChainState;

use crate::cli::operator;

/// Commands for auditors.
#[derive(Subcommand)]
pub enum Audit {
    /// Verifies every chain of tapes and every audit trail, and names the first broken link.
    Verify(Verify),
    /// Purges tapes whose retention period is over.
    Purge(Purge),
}

/// Verifies every chain of tapes and every audit trail, and names the first broken link. Fails if
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
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Purges the tapes of plugin calls that are older than a given day. They are kept for at least 15
/// years, as the records that depend on them; a later day is refused. The rest of the chain still
/// ends at the same head.
///
/// Examples:
///   xinglin audit purge --before 2011-11-22                 all tenants
///   xinglin audit purge --before 2011-11-22 --tenant ten-…  one
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Purge {
    /// Everything recorded before this date (Asia/Shanghai) or RFC 3339 time.
    #[arg(long, value_parser = time)]
    before: Instant,
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
}

fn time(text: &str) -> Result<Instant, String> {
    Instant::parse(text).ok_or_else(|| "not a date or time, such as 2011-11-22".to_owned())
}

/// The result for one tenant.
#[derive(Serialize)]
struct Chain {
    tenant: String,
    intact: bool,
    calls: Option<i64>,
    /// Number of the last purged call.
    purged: Option<i64>,
    head: Option<String>,
    /// Number of the first changed entry.
    first_broken: Option<i64>,
    /// The call that now has this number.
    call: Option<String>,
    /// Number of entries of the audit trail.
    accesses: Option<i64>,
    /// Its last link.
    audit_head: Option<String>,
    /// Number of its first changed entry.
    first_broken_access: Option<i64>,
}

impl Audit {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        match self {
            Self::Verify(command) => command.run(config).await,
            Self::Purge(command) => command.run(config).await,
        }
    }
}

impl Purge {
    async fn run(self, config: Config) -> Result<()> {
        let (hospital, caller) = operator::open(config, "audit").await?;
        for tenant in operator::tenants(&hospital, self.tenant).await? {
            let bar = ProgressBar::new_spinner().with_message(format!("{tenant}: purging"));
            bar.enable_steady_tick(Duration::from_millis(100));
            let purged = tape::purge_calls(&hospital.platform, &caller, tenant, self.before, |purged| {
                bar.set_message(format!("{tenant}: {purged} tapes purged"));
            });
            let purged = purged.await?.purged;
            bar.finish_and_clear();
            println!("{tenant}: {purged} tapes purged");
        }
        Ok(hospital.platform.store().close().await?)
    }
}

impl Verify {
    async fn run(self, config: Config) -> Result<()> {
        let (hospital, _) = operator::open(config, "audit").await?;
        let mut chains = Vec::new();
        for tenant in operator::tenants(&hospital, self.tenant).await? {
            let records = hospital.platform.store().tenant(tenant);
            let mut chain = Chain {
                tenant: tenant.to_string(),
                intact: true,
                calls: None,
                purged: None,
                head: None,
                first_broken: None,
                call: None,
                accesses: None,
                audit_head: None,
                first_broken_access: None,
            };
            match records.verify_audit().await? {
                ChainState::Intact { length, head, .. } => {
                    (chain.accesses, chain.audit_head) = (Some(length), Some(hex::encode(head)));
                }
                ChainState::Broken { seq } => (chain.intact, chain.first_broken_access) = (false, Some(seq)),
            }
            match records.verify_chain().await? {
                ChainState::Intact { purged, length, head } => {
                    (chain.calls, chain.head) = (Some(length), Some(hex::encode(head)));
                    chain.purged = (purged > 0).then_some(purged);
                }
                ChainState::Broken { seq } => {
                    (chain.intact, chain.first_broken) = (false, Some(seq));
                    // Its record may be unreadable, but its row is not.
                    chain.call = records.find_call_at(seq).await?.map(|call| call.to_string());
                }
            }
            if !self.json {
                match &chain {
                    Chain { tenant, calls: Some(calls), head: Some(head), purged, .. } => println!(
                        "{tenant}: intact, {calls} calls{}, head {head}",
                        purged.map_or_else(String::new, |purged| format!(" of which the first {purged} were purged")),
                    ),
                    Chain { tenant, first_broken, call, .. } => println!(
                        "{tenant}: BROKEN at entry {}{}: from here on nothing is proved",
                        first_broken.unwrap_or_default(),
                        call.as_ref().map_or_else(|| ", which is missing".to_owned(), |call| format!(", {call}")),
                    ),
                }
                match &chain {
                    Chain { tenant, accesses: Some(accesses), audit_head: Some(head), .. } => {
                        println!("{tenant}: audit trail intact, {accesses} entries, head {head}");
                    }
                    Chain { tenant, first_broken_access, .. } => println!(
                        "{tenant}: audit trail BROKEN at entry {}: from here on nothing is proved",
                        first_broken_access.unwrap_or_default(),
                    ),
                }
            }
            chains.push(chain);
        }
        if self.json {
            operator::print_json(&chains)?;
        }
        hospital.platform.store().close().await?;
        match chains.iter().filter(|chain| !chain.intact).count() {
            0 => Ok(()),
            broken => bail!("{broken} of {} chains are broken", chains.len()),
        }
    }
}
