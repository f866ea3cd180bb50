//! `xinglin plugin dry-run`: what a payer's candidate would have paid.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use xinglin_extensions::tape::{self, DryRun, DryRunView};
use xinglin_platform::Config;
use xinglin_runtime::Package;

use crate::cli::plugin::{
    desk::{Desk, Which},
    lifecycle::setting,
};

/// Run another version of a payer's plugin, or other terms, on the past claims of a tenant, and show line by line
/// what it would have paid beside what was paid. Nothing is changed, and no server is asked.
///
/// Examples:
///   xinglin plugin dry-run xinglin.direct-billing --set terms.bupa='"copay=5000; …"'
///   xinglin plugin dry-run xinglin.direct-billing --version 1.1.0
///   xinglin plugin dry-run xinglin.direct-billing --against direct-billing.wasm
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct DryRunCommand {
    #[command(flatten)]
    which: Which,
    /// A version that the host has; default: the active one.
    #[arg(long, conflicts_with = "against")]
    version: Option<String>,
    /// A package that the host does not have.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// A value of one of its settings, as JSON, instead of the tenant's.
    #[arg(long = "set", value_name = "KEY=JSON", value_parser = setting)]
    settings: Vec<(String, serde_json::Value)>,
    /// Most claims, newest first.
    #[arg(long, default_value_t = 1000)]
    limit: u32,
}

impl DryRunCommand {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let desk = self.which.open(config, "dry-run").await?;
        let Desk { hospital, caller, tenant, plugin, .. } = &desk;
        let ask =
            DryRun { version: self.version, settings: self.settings.into_iter().collect(), limit: Some(self.limit) };
        let view = match &self.against {
            Some(path) => {
                let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
                let package = Package::read(bytes).with_context(|| path.display().to_string())?;
                let install = hospital.platform.store().tenant(*tenant).get_install(plugin).await?;
                tape::dry_run_of(&hospital.extensions, &install, &package, ask).await?
            }
            None => tape::dry_run(&hospital.extensions, caller, *tenant, plugin, ask).await?,
        };
        desk.close(&view, tell).await
    }
}

fn tell(view: &DryRunView) {
    println!("{} claims, {} would be paid otherwise, {} not compared", view.claims, view.differing, view.not_compared);
    println!("paid {}, would be {}", view.paid_fen, view.would_pay_fen);
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["bill", "line", "gross", "paid", "would be", "outcome"]);
    for claim in &view.examples {
        for line in &claim.lines {
            table.add_row([
                claim.bill.clone(),
                line.number.to_string(),
                line.gross_fen.to_string(),
                line.paid_fen.to_string(),
                line.would_pay_fen.to_string(),
                format!("{} → {}", claim.outcome, claim.would_be),
            ]);
        }
    }
    if !view.examples.is_empty() {
        println!("{table}");
    }
}
