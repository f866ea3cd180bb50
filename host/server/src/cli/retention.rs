//! `xinglin retention …`.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;
use xinglin_domain::id::{PatientId, TenantId};
use xinglin_platform::Config;
use xinglin_records::erasure::{self, RetentionView};

use crate::cli::operator;

/// Commands on retention and erasure.
#[derive(Subcommand)]
pub enum Retention {
    /// Lists patients whose retention period is over, or what an erasure would delete.
    Report(Report),
    /// Erases a patient whose retention period is over.
    Erase(Erase),
}

/// Lists the patients who may be erased today; for one patient, the end of the retention period and
/// what an erasure would delete. Changes nothing.
///
/// Examples:
///   xinglin retention report                  all whose time has come
///   xinglin retention report --patient pat-…  one of them: what would go
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Report {
    /// Only this patient.
    #[arg(long)]
    patient: Option<PatientId>,
    /// Only this tenant; needed with `--patient` if there are several.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Erases a patient permanently: destroys their keys, deletes their record, messages and
/// attachments. Before the end of the retention period it is refused, with that date. Purge tapes
/// of the same age first: `xinglin audit purge`.
///
/// Examples:
///   xinglin retention erase --patient pat-… --dry-run  what would go
///   xinglin retention erase --patient pat-…
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Erase {
    /// The patient.
    #[arg(long)]
    patient: PatientId,
    /// The tenant, if there are several.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Print what would be deleted, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Due {
    tenant: String,
    patients: Vec<PatientId>,
}

impl Retention {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        match self {
            Self::Report(command) => command.run(config).await,
            Self::Erase(command) => command.run(config).await,
        }
    }
}

impl Report {
    async fn run(self, config: Config) -> Result<()> {
        let (hospital, caller) = operator::open(config, "retention").await?;
        if let Some(patient) = self.patient {
            let tenant = operator::tenant(&hospital, self.tenant).await?;
            let report = erasure::retention_of(&hospital.platform, &caller, tenant, patient).await?;
            tell(&report, self.json)?;
            return Ok(hospital.platform.store().close().await?);
        }
        let mut all = Vec::new();
        for tenant in operator::tenants(&hospital, self.tenant).await? {
            let patients = erasure::list_erasable(&hospital.platform, &caller, tenant).await?;
            if !self.json {
                println!("{tenant}: {} patients may be erased", patients.len());
                patients.iter().for_each(|patient| println!("  {patient}"));
            }
            all.push(Due { tenant: tenant.to_string(), patients });
        }
        if self.json {
            operator::print_json(&all)?;
        }
        Ok(hospital.platform.store().close().await?)
    }
}

impl Erase {
    async fn run(self, config: Config) -> Result<()> {
        let (hospital, caller) = operator::open(config, "retention").await?;
        let tenant = operator::tenant(&hospital, self.tenant).await?;
        if self.dry_run {
            let report = erasure::retention_of(&hospital.platform, &caller, tenant, self.patient).await?;
            tell(&report, self.json)?;
            return Ok(hospital.platform.store().close().await?);
        }
        let caller = operator::administrator(&hospital, tenant, "retention", "xinglin retention erase");
        let done = erasure::erase(&hospital.platform, &caller, tenant, self.patient).await?;
        if self.json {
            operator::print_json(&done)?;
        } else {
            println!("{}: erased, with {} attachments and {} accounts", done.patient, done.files, done.accounts);
            done.rows.iter().for_each(|(table, rows)| println!("  {rows:>6} {table}"));
        }
        Ok(hospital.platform.store().close().await?)
    }
}

fn tell(report: &RetentionView, json: bool) -> Result<()> {
    if json {
        return operator::print_json(report);
    }
    let RetentionView { patient, kept, allowed, tapes, rows, .. } = report;
    for kept in kept {
        println!("{patient}: {} for {} years, until {}", kept.what, kept.years, kept.until);
    }
    println!("{patient}: {} be erased today; this would go:", if *allowed { "may" } else { "may NOT" });
    rows.iter().for_each(|(table, rows)| println!("  {rows:>6} {table}"));
    if *tapes > 0 {
        println!("  and first, with all that are as old, {tapes} tapes: xinglin audit purge");
    }
    Ok(())
}
