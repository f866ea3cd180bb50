//! `xinglin plugin pull`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::plugin::{files, oci};

/// Pull a package and its signatures from an OCI registry. The bytes are checked against the
/// registry's digest and parsed as a host would; signatures are checked by `plugin verify`.
///
/// Credentials: as for `plugin push`.
///
/// Examples:
///   xinglin plugin pull registry.example/acme/diabetes:1.2.0
///   xinglin plugin pull localhost:5000/acme/diabetes@sha256:… -o diabetes.wasm
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Pull {
    /// REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:….
    reference: String,
    /// File of the package, with its signatures beside it [default: ID-VERSION.wasm].
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    registry: oci::Access,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Pull {
    /// Runs the command.
    pub async fn run(self) -> Result<()> {
        let pulled = self.registry.open(&self.reference)?.pull().await?;
        let package = files::package(&pulled.bundle, &self.reference)?;
        let manifest = package.manifest();
        let out = self.out.unwrap_or_else(|| format!("{}-{}.wasm", manifest.id, manifest.version).into());
        let written = files::write(&out, &pulled.bundle)?;
        if self.json {
            let document = json!({
                "id": manifest.id, "version": manifest.version, "digest": package.digest(),
                "manifest": pulled.manifest, "files": written,
            });
            println!("{}", serde_json::to_string_pretty(&document)?);
        } else {
            println!("{} {}  sha256:{}", manifest.id, manifest.version, package.digest());
            written.iter().for_each(|file| println!("  {}", file.display()));
        }
        Ok(())
    }
}
