//! `xinglin plugin push`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::plugin::{files, oci};

/// Push a package and its signatures to an OCI registry, in the layout of other tools for
/// WebAssembly. Pushing the same bytes again adds new signatures.
///
/// Credentials: XINGLIN_REGISTRY_USER and XINGLIN_REGISTRY_PASSWORD, or those of `docker login` in
/// ~/.docker/config.json.
///
/// Examples:
///   xinglin plugin push registry.example/acme/diabetes diabetes.wasm
///   xinglin plugin push localhost:5000/acme/diabetes:1.2.0 diabetes.wasm
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Push {
    /// REGISTRY/NAME[:TAG]; the default tag is the package's version.
    reference: String,
    /// The package, its signatures beside it; or a bundle of `plugin save`.
    file: PathBuf,
    /// Move a tag that refers to another package.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    registry: oci::Access,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Push {
    /// Runs the command.
    pub async fn run(self) -> Result<()> {
        let bundle = files::read(&self.file)?;
        let package = files::package(&bundle, self.file.display())?;
        let reference = oci::tagged(&self.reference, &package.manifest().version);
        let pushed = self.registry.open(&reference)?.push(&package, &bundle, self.force).await?;
        if self.json {
            let document = json!({
                "reference": pushed.reference, "manifest": pushed.manifest, "digest": package.digest(),
                "signatures": pushed.signatures,
            });
            println!("{}", serde_json::to_string_pretty(&document)?);
        } else {
            println!("{}  {} with {} signatures", pushed.reference, pushed.manifest, pushed.signatures);
        }
        Ok(())
    }
}
