//! `xinglin plugin verify`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;
use serde_json::json;
use xinglin_runtime::{Standing, TrustStore, Weighed};

use crate::cli::{Settings, plugin::files};

/// Print who signed a package, and whether that suffices for a host with these settings. Exits with
/// 1 if not.
///
/// Examples:
///   xinglin plugin verify diabetes.wasm
///   xinglin plugin verify diabetes.xpk --trust /etc/xinglin/xinglin.toml
///   xinglin plugin verify --json diabetes.wasm | jq .missing
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Verify {
    /// The package, its signatures beside it; or a bundle of `plugin save`.
    file: PathBuf,
    /// A file with the table [trust]; without it, the settings of this host.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The relevant part of a settings file.
#[derive(Deserialize)]
struct Trusting {
    trust: TrustStore,
}

impl Verify {
    /// Runs the command.
    pub fn run(self, settings: Settings) -> Result<()> {
        let trust = match &self.trust {
            Some(file) => read(file)?,
            None => settings.load()?.trust,
        };
        let bundle = files::read(&self.file)?;
        let package = files::package(&bundle, self.file.display())?;
        let verdict = trust.evaluate(&package, &bundle.signatures);
        let manifest = package.manifest();
        if self.json {
            let document = json!({
                "id": manifest.id, "version": manifest.version, "digest": package.digest(),
                "policy": trust.policy(), "passes": verdict.passes(),
                "missing": verdict.missing, "signatures": verdict.signatures,
            });
            println!("{}", serde_json::to_string_pretty(&document)?);
        } else {
            println!("{} {}  sha256:{}", manifest.id, manifest.version, package.digest());
            verdict.signatures.iter().for_each(print);
            println!("policy: {}: {}", trust.policy(), if verdict.passes() { "met" } else { "not met" });
        }
        verdict.check().map_err(|error| {
            let code = error.code();
            anyhow::Error::new(error).context(code)
        })
    }
}

fn read(file: &Path) -> Result<TrustStore> {
    let named = || file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(named)?;
    Ok(toml::from_str::<Trusting>(&text).with_context(named)?.trust)
}

fn print(signature: &Weighed) {
    let mark = if signature.standing == Standing::Good { '+' } else { '!' };
    let name = signature.key.as_deref().unwrap_or("somebody");
    let role = signature.role.map(|role| format!(" ({role})")).unwrap_or_default();
    let time = signature.signed_at.map(|at| format!(", {at}")).unwrap_or_default();
    println!("  {mark} {name}{role} {}{time}", signature.key_id);
    for line in [&signature.reason, &signature.comment] {
        if !line.is_empty() {
            println!("      {line}");
        }
    }
}
