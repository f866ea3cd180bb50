//! `xinglin import`.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use xinglin_domain::id::TenantId;
use xinglin_platform::{Config, settings::PLATFORM};
use xinglin_records::bundle;

use crate::{Hospital, cli::operator};

/// Import FHIR R4 transaction or batch bundles into a tenant.
///
/// Works on the database directly, with or without a running server. A transaction is imported as a
/// whole or not at all; resources of unsupported types are stored and returned unchanged.
///
/// Examples:
///   xinglin import examples/patients/type-2-diabetes.json --tenant ten-…
///   synthea -p 100 -o out && xinglin import out/fhir/*.json --tenant ten-…
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Import {
    /// Bundles; `-` reads one from standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The tenant's id, from `POST /api/v1/tenants`.
    #[arg(long)]
    tenant: TenantId,
}

impl Import {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let hospital = Hospital::open(config).await?;
        self.find_tenant(&hospital).await?;
        let bar = ProgressBar::new(self.files.len() as u64);
        bar.set_style(ProgressStyle::with_template("{pos}/{len} {bar:30} {msg}")?);
        let mut failed = 0_usize;
        for file in &self.files {
            bar.set_message(file.display().to_string());
            match import(&hospital, self.tenant, file).await {
                Ok(count) => bar.suspend(|| println!("{}: {count} resources", file.display())),
                Err(error) => {
                    failed += 1;
                    bar.suspend(|| eprintln!("{}: {error:#}", file.display()));
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        hospital.platform.store().refresh_statistics().await?;
        hospital.platform.store().close().await?;
        if failed > 0 {
            bail!("{failed} of {} files were not imported; the others were", self.files.len());
        }
        Ok(())
    }
}

impl Import {
    async fn find_tenant(&self, hospital: &Hospital) -> Result<()> {
        let tenants = hospital.platform.store().operator().list_tenants().await?;
        if tenants.iter().any(|tenant| tenant.id == self.tenant && tenant.id != PLATFORM) {
            return Ok(());
        }
        let others = tenants.iter().filter(|tenant| tenant.id != PLATFORM);
        let others: Vec<String> = others.map(|tenant| format!("\n  {} {}", tenant.id, tenant.name)).collect();
        match others.as_slice() {
            [] => bail!("there is no tenant yet: found one with POST /api/v1/tenants"),
            others => bail!("there is no tenant {}; there are:{}", self.tenant, others.concat()),
        }
    }
}

async fn import(hospital: &Hospital, tenant: TenantId, file: &Path) -> Result<usize> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        bytes
    } else {
        std::fs::read(file)?
    };
    let bundle: Value = serde_json::from_slice(&bytes).context("not JSON")?;
    let caller = operator::administrator(hospital, tenant, "import", "xinglin import");
    let answer = bundle::import(&hospital.platform, &caller, "", bundle).await?;
    let entries = answer["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let refused: Vec<&Value> = entries.iter().filter(|entry| entry["response"]["outcome"].is_object()).collect();
    for entry in &refused {
        eprintln!("  refused: {}", entry["response"]["outcome"]["issue"]);
    }
    Ok(entries.len() - refused.len())
}
