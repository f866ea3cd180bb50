//! `xinglin plugin install`.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;
use xinglin_runtime::Bundle;

use crate::cli::{
    Settings,
    host::{Host, HostArgs},
    plugin::{files, oci},
};

/// Add packages to a host, with the signatures beside them. They are not called until a tenant
/// grants them (`PUT /api/v1/tenants/{tenant}/plugins/{plugin}`) and enables them.
///
/// Examples:
///   xinglin plugin install target/plugins/*.wasm
///   xinglin plugin install diabetes.wasm --url https://hospital.example
///   xinglin plugin install oci://registry.example/acme/diabetes:1.2.0
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Install {
    /// Package files, or oci://REGISTRY/NAME:TAG.
    #[arg(required = true)]
    packages: Vec<String>,
    /// Accept them although a newer version was installed before; logged.
    #[arg(long)]
    allow_downgrade: bool,
    #[command(flatten)]
    registry: oci::Access,
    #[command(flatten)]
    host: HostArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Install {
    /// Runs the command.
    pub async fn run(self, settings: Settings) -> Result<()> {
        let mut bundles = Vec::new();
        for package in self.packages {
            let bundle = match package.strip_prefix(oci::SCHEME) {
                Some(reference) => self.registry.open(reference)?.pull().await?.bundle,
                None => files::read(Path::new(&package))?,
            };
            bundles.push((package, bundle));
        }
        let host = self.host.open(settings).await?;
        all(&host, &bundles, self.allow_downgrade, self.json).await?;
        host.close().await
    }
}

/// Adds each to the host and prints the result.
pub async fn all(host: &Host, bundles: &[(String, Bundle)], allow_downgrade: bool, json: bool) -> Result<()> {
    let mut views = Vec::new();
    for (origin, bundle) in bundles {
        let view = host.install(bundle, allow_downgrade).await.with_context(|| origin.clone())?;
        if !json {
            let word = |key: &str| view[key].as_str().unwrap_or_default();
            println!("{} {}  sha256:{}", word("id"), word("version"), word("digest"));
            let list = |key: &str| view[key].as_array().cloned().unwrap_or_default();
            for signature in list("signatures") {
                let word = |key: &str| signature[key].as_str().unwrap_or_default();
                println!("  signed by {} ({}) {}", word("key"), word("role"), word("key_id"));
            }
            let missing = list("missing_signatures");
            let missing: Vec<&str> = missing.iter().filter_map(Value::as_str).collect();
            if !missing.is_empty() {
                println!("  taken although it lacks: {}", missing.join(", "));
            }
        }
        views.push(view);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&views)?);
    }
    Ok(())
}
