//! `xinglin plugin save`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use xinglin_runtime::Bundle;

use crate::cli::{Settings, host::HostArgs, plugin::files};

/// Write a package and its signatures to one file, for a host without a network. `plugin load` adds
/// it there.
///
/// Examples:
///   xinglin plugin save xinglin.diabetes -o diabetes.xpk
///   xinglin plugin save xinglin.diabetes@1.2.0 --url https://hospital.example -o diabetes.xpk
///   xinglin plugin save target/plugins/diabetes.wasm -o diabetes.xpk
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Save {
    /// A plugin of the host, as ID or ID@VERSION; or a package file with its signatures beside it.
    plugin: String,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    host: HostArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Save {
    /// Runs the command.
    pub async fn run(self, settings: Settings) -> Result<()> {
        let file = Path::new(&self.plugin);
        let bytes = if file.extension().is_some_and(|ending| ending == "wasm") && file.is_file() {
            files::read(file)?.to_bytes()?
        } else {
            let (id, version) = match self.plugin.split_once('@') {
                Some((id, version)) => (id, Some(version)),
                None => (self.plugin.as_str(), None),
            };
            let host = self.host.open(settings).await?;
            let bytes = host.save(id, version).await?;
            host.close().await?;
            bytes
        };
        // Checks that the file can be loaded.
        let bundle = Bundle::read(&bytes)?;
        let package = files::package(&bundle, &self.plugin)?;
        std::fs::write(&self.out, &bytes).with_context(|| self.out.display().to_string())?;
        let (manifest, signatures) = (package.manifest(), bundle.signatures.len());
        if self.json {
            let document = json!({
                "file": self.out, "id": manifest.id, "version": manifest.version, "digest": package.digest(),
                "signatures": signatures,
            });
            println!("{}", serde_json::to_string_pretty(&document)?);
        } else {
            let out = self.out.display();
            println!("{out}  {} {} with {signatures} signatures", manifest.id, manifest.version);
        }
        Ok(())
    }
}
