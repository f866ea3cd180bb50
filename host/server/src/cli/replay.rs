//! `xinglin replay`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use xinglin_domain::{
    decision::Difference,
    id::{CallId, TenantId},
};
use xinglin_extensions::tape::{self, Crater, ReplayView};
use xinglin_platform::Config;
use xinglin_runtime::Package;

use crate::cli::operator;

/// Replays plugin calls from their tapes and compares them byte for byte. With --against, reports
/// what another version would have decided. Nothing is written.
///
/// Examples:
///   xinglin replay call-01j…                      one call, on the package it was made on
///   xinglin replay --all                          every call of every tenant
///   xinglin replay --all --against diabetes.wasm  all calls of a plugin, on a new version of it
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Replay {
    /// The call.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    call: Option<CallId>,
    /// All calls.
    #[arg(long)]
    all: bool,
    /// A package to use instead of that of each call.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Replay {
    /// Runs the command. Fails if a call on its own package is not identical.
    pub async fn run(self, config: Config) -> Result<()> {
        let (hospital, _) = operator::open(config, "replay").await?;
        let against = match &self.against {
            Some(path) => {
                let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
                Some(Package::read(bytes).with_context(|| path.display().to_string())?)
            }
            None => None,
        };
        if let Some(call) = self.call {
            let tenant = operator::tenant(&hospital, self.tenant).await?;
            let report = tape::replay_one(&hospital.extensions, tenant, call, against.as_ref()).await?;
            if self.json {
                operator::print_json(&report)?;
            } else {
                tell(&report);
            }
            let wrong = against.is_none() && report.conclusive && !report.identical;
            hospital.platform.store().close().await?;
            if wrong {
                bail!("{call} did not run as its tape says");
            }
            return Ok(());
        }

        let tenants = operator::tenants(&hospital, self.tenant).await?;
        let mut craters = Vec::new();
        for tenant in tenants {
            let bar = ProgressBar::new_spinner()
                .with_style(ProgressStyle::with_template("{spinner} {prefix} {msg}")?)
                .with_prefix(tenant.to_string());
            bar.enable_steady_tick(Duration::from_millis(120));
            let progress = |crater: &Crater| bar.set_message(format!("{} calls", crater.calls));
            let crater = tape::replay_all(&hospital.extensions, tenant, against.as_ref(), progress).await?;
            bar.finish_and_clear();
            if !self.json {
                println!("{tenant}");
                tell_all(&crater);
            }
            craters.push(crater);
        }
        if self.json {
            operator::print_json(&craters)?;
        }
        hospital.platform.store().close().await?;
        let wrong: u64 = craters.iter().map(|c| c.same_decisions + c.differing + c.unreadable).sum();
        if against.is_none() && wrong > 0 {
            bail!("{wrong} calls did not run as their tapes say");
        }
        Ok(())
    }
}

fn tell_all(crater: &Crater) {
    let Crater { calls, identical, same_decisions, differing, inconclusive, unreadable, .. } = crater;
    #[expect(clippy::cast_precision_loss, reason = "counts of calls, for a percentage")]
    let percent = if *calls == 0 { 100.0 } else { *identical as f64 * 100.0 / *calls as f64 };
    println!("  {calls} calls: {identical} identical ({percent:.1} %), {same_decisions} with the same decisions,");
    println!("  {differing} decided otherwise, {inconclusive} inconclusive, {unreadable} that could not be run");
    for (kind, calls) in &crater.kinds {
        println!("    {kind}: {calls} calls");
    }
    for example in crater.examples.iter().take(10) {
        tell(example);
    }
}

fn tell(report: &ReplayView) {
    let verdict = match report {
        report if report.identical => "identical, byte for byte",
        report if !report.conclusive => "inconclusive: it ended by load or time",
        report if report.diverged => "asked the host otherwise than on its tape",
        _ => "not the same",
    };
    println!("  {} {} {}: {verdict}", report.call, report.plugin, report.hook);
    let list = |items: &[String]| if items.is_empty() { "nothing".to_owned() } else { items.join("; ") };
    for Difference { kind, before, after } in &report.differences {
        println!("      {kind}: {} → {}", list(before), list(after));
    }
}
