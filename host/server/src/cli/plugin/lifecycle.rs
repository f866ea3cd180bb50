//! `xinglin plugin grant|enable|disable|shadow|promote|rollback|recall|list`: the lifecycle of a
//! plugin in a tenant. They write to the database; a running server applies changes at its next
//! call.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use comfy_table::{Table, presets::NOTHING};
use xinglin_domain::id::TenantId;
use xinglin_extensions::{
    lifecycle::{
        self, Grant as GrantAsk, InstallView, Promote as PromoteAsk,
        shadow::{self, Gate, ShadowView, StartShadow},
    },
    recall::{self, RecallView},
};
use xinglin_platform::Config;
use xinglin_runtime::Capability;

use crate::cli::{
    operator,
    plugin::desk::{Desk, Which},
};

/// Grant a plugin what it declares in its manifest, or less.
///
/// Examples:
///   xinglin plugin grant xinglin.diabetes
///   xinglin plugin grant acme.gateway --version 1.1.0 --capability http --capability kv
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Grant {
    #[command(flatten)]
    which: Which,
    /// The version; default: the active one, or the newest.
    #[arg(long)]
    version: Option<String>,
    /// An interface it may import; default: all that it declares.
    #[arg(long = "capability", value_parser = capability)]
    capabilities: Vec<Capability>,
    /// A value of one of its settings, as JSON: `--set hba1c-maximum=7.5`.
    #[arg(long = "set", value_name = "KEY=JSON", value_parser = setting)]
    settings: Vec<(String, serde_json::Value)>,
}

/// Start calling a plugin in a tenant.
#[derive(Args)]
pub struct Enable {
    #[command(flatten)]
    which: Which,
}

/// Stop calling a plugin in a tenant. Running calls finish.
#[derive(Args)]
pub struct Disable {
    #[command(flatten)]
    which: Which,
}

/// Run another version in shadow, on the same calls and without effect, and count differing
/// decisions.
///
/// Examples:
///   xinglin plugin shadow xinglin.diabetes --version 1.1.0 --tapes 1000
///   xinglin plugin shadow xinglin.diabetes           how it has done
///   xinglin plugin shadow xinglin.diabetes --stop
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Shadow {
    #[command(flatten)]
    which: Which,
    /// The candidate version; without it, print the results of the candidate.
    #[arg(long)]
    version: Option<String>,
    /// Number of the newest tapes to replay first.
    #[arg(long, default_value_t = 1000, requires = "version")]
    tapes: u32,
    /// Highest percentage of differing calls for promotion.
    #[arg(long, default_value_t = 0.0, requires = "version")]
    max_differing_percent: f64,
    /// Lowest number of compared calls for promotion.
    #[arg(long, default_value_t = 20, requires = "version")]
    minimum_calls: u32,
    /// End the shadow run.
    #[arg(long, conflicts_with = "version")]
    stop: bool,
}

/// Promote the candidate, once it has passed its gate. No restart; running calls finish on the
/// version they began with.
#[derive(Args)]
pub struct PromoteCommand {
    #[command(flatten)]
    which: Which,
    /// The version; default: the candidate.
    #[arg(long)]
    version: Option<String>,
    /// Ignore the gate. Logged.
    #[arg(long)]
    without_gate: bool,
}

/// Return to the version before the last promotion.
#[derive(Args)]
pub struct Rollback {
    #[command(flatten)]
    which: Which,
}

/// List the plugins of a tenant.
#[derive(Args)]
pub struct List {
    /// The tenant; optional if there is only one.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Recall a package everywhere and permanently, and list every patient, prescription, bill and
/// pathway that it touched.
///
/// Examples:
///   xinglin plugin recall 3f1c… --dry-run                     whom it would concern
///   xinglin plugin recall 3f1c… --reason "misses DDI" --csv touched.csv
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Recall {
    /// SHA-256 of the package.
    digest: String,
    /// The reason, published to everybody concerned.
    #[arg(long, required_unless_present = "dry_run", conflicts_with = "dry_run")]
    reason: Option<String>,
    /// Only report.
    #[arg(long)]
    dry_run: bool,
    /// Write the table of touched items to this file.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn capability(name: &str) -> Result<Capability, String> {
    Capability::ALL
        .into_iter()
        .find(|known| known.name() == name)
        .ok_or_else(|| format!("no such capability; there are {}", Capability::ALL.map(Capability::name).join(", ")))
}

pub(super) fn setting(text: &str) -> Result<(String, serde_json::Value), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=JSON")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((key.to_owned(), value))
}

impl Grant {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let desk = self.which.open(config, "grant").await?;
        let ask = GrantAsk {
            version: self.version,
            capabilities: (!self.capabilities.is_empty()).then_some(self.capabilities),
            settings: self.settings.into_iter().collect(),
            ..GrantAsk::default()
        };
        let view = lifecycle::grant(&desk.hospital.extensions, &desk.caller, desk.tenant, &desk.plugin, ask).await?;
        desk.close(&view, tell).await
    }
}

impl Enable {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let desk = self.which.open(config, "enable").await?;
        let view = lifecycle::enable(&desk.hospital.extensions, &desk.caller, desk.tenant, &desk.plugin).await?;
        desk.close(&view, tell).await
    }
}

impl Disable {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let desk = self.which.open(config, "disable").await?;
        let view = lifecycle::disable(&desk.hospital.platform, &desk.caller, desk.tenant, &desk.plugin).await?;
        desk.close(&view, tell).await
    }
}

impl Shadow {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let desk = self.which.open(config, "shadow").await?;
        let Desk { hospital, caller, tenant, plugin, .. } = &desk;
        let view = match self.version {
            Some(version) => {
                let gate =
                    Gate { max_differing_percent: self.max_differing_percent, minimum_calls: self.minimum_calls };
                let start = StartShadow { version, gate, over_tapes: self.tapes };
                shadow::start(&hospital.extensions, caller, *tenant, plugin, start).await?
            }
            None if self.stop => shadow::stop(&hospital.extensions, caller, *tenant, plugin).await?,
            None => shadow::get(&hospital.extensions, caller, *tenant, plugin).await?,
        };
        desk.close(&view, tell_shadow).await
    }
}

impl PromoteCommand {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let desk = self.which.open(config, "promote").await?;
        let ask = PromoteAsk { version: self.version, without_gate: self.without_gate };
        let view = lifecycle::promote(&desk.hospital.extensions, &desk.caller, desk.tenant, &desk.plugin, ask).await?;
        desk.close(&view, tell).await
    }
}

impl Rollback {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let desk = self.which.open(config, "rollback").await?;
        let view = lifecycle::roll_back(&desk.hospital.extensions, &desk.caller, desk.tenant, &desk.plugin).await?;
        desk.close(&view, tell).await
    }
}

impl List {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let (hospital, caller) = operator::open(config, "list").await?;
        let tenant = operator::tenant(&hospital, self.tenant).await?;
        let plugins = lifecycle::list(&hospital.extensions, &caller, tenant).await?;
        if self.json {
            operator::print_json(&plugins)?;
        } else {
            let mut table = Table::new();
            table.load_style(NOTHING).set_header(["plugin", "version", "state", "package", "candidate", "previous"]);
            let short = |digest: &Option<String>| {
                digest.as_deref().map_or("-", |digest| digest.get(..12).unwrap_or(digest)).to_owned()
            };
            for plugin in &plugins {
                table.add_row([
                    plugin.id.clone(),
                    plugin.version.clone(),
                    plugin.state.to_owned(),
                    short(&Some(plugin.digest.clone())),
                    short(&plugin.candidate),
                    short(&plugin.previous),
                ]);
            }
            println!("{table}");
        }
        Ok(hospital.platform.store().close().await?)
    }
}

impl Recall {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let (hospital, caller) = operator::open(config, "recall").await?;
        let report = match &self.reason {
            Some(reason) => recall::order(&hospital.extensions, &caller, &self.digest, reason).await?,
            None => recall::get(&hospital.platform, &caller, &self.digest).await?,
        };
        if let Some(path) = &self.csv {
            std::fs::write(path, report.to_csv()).with_context(|| path.display().to_string())?;
        }
        if self.json {
            operator::print_json(&report)?;
        } else {
            tell_recall(&report);
        }
        Ok(hospital.platform.store().close().await?)
    }
}

fn tell(view: &InstallView) {
    println!("{} {}: {}", view.id, view.version, view.state);
    println!("  sha256:{}", view.digest);
    for (what, digest) in [("candidate", &view.candidate), ("previous", &view.previous)] {
        if let Some(digest) = digest {
            println!("  {what} sha256:{digest}");
        }
    }
}

fn tell_shadow(view: &ShadowView) {
    println!("{}: sha256:{} in the shadow since {}", view.plugin, view.candidate, view.since);
    let ShadowView { same, differing, inconclusive, differing_percent, .. } = view;
    println!(
        "  {same} calls decided the same, {differing} otherwise ({differing_percent:.1} %), {inconclusive} inconclusive"
    );
    let kinds = view.kinds.as_object();
    for (kind, calls) in kinds.into_iter().flatten() {
        println!("    {kind}: {calls} calls");
        for example in view.examples.iter().filter(|example| example.kind == *kind).take(3) {
            let list = |items: &[String]| if items.is_empty() { "nothing".to_owned() } else { items.join("; ") };
            println!("      {}: {} → {}", example.call, list(&example.decided), list(&example.would_decide));
        }
    }
    match &view.refused {
        None => println!("  passes its gate: `xinglin plugin promote {}`", view.plugin),
        Some(why) => println!("  does not pass its gate: {why}"),
    }
}

fn tell_recall(report: &RecallView) {
    println!("{} {}  sha256:{}", report.plugin, report.version, report.digest);
    match (&report.recalled, &report.reason) {
        (Some(at), reason) => println!("  recalled at {at}: {}", reason.as_deref().unwrap_or_default()),
        _ => println!("  not recalled; this is what a recall would concern"),
    }
    for install in &report.installs {
        println!("  {}: {}", install.tenant, install.as_what);
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["tenant", "kind", "id", "calls", "first", "last"]);
    for row in &report.touched {
        table.add_row([&row.tenant, row.kind, &row.id, &row.calls.to_string(), &row.first, &row.last]);
    }
    println!("{table}");
}
