//! `xinglin plugin sign`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use xinglin_platform::ambient::Clock;
use xinglin_runtime::SignerRole;

use crate::cli::plugin::{files, keys};

/// Sign packages. Each signature is a separate file beside the package, PACKAGE.KEYID.minisig, so
/// that several can sign. To verify it:
///
///   minisign -Vm pkg.wasm -x pkg.wasm.KEYID.minisig -p acme.pub
///
/// Examples:
///   xinglin plugin sign target/plugins/diabetes.wasm --key acme.key
///   xinglin plugin sign diabetes.wasm --key committee.key --role clinical --comment "reviewed 2026-11"
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Sign {
    /// The packages.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The secret key; its password is read from the terminal or XINGLIN_KEY_PASSWORD.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The role of the signature: vendor, clinical or hospital. Hosts compare it with the roles
    /// they trust the key for.
    #[arg(long, default_value = "vendor")]
    role: SignerRole,
    /// One line of text, included in the signature.
    #[arg(long, default_value = "", value_name = "TEXT")]
    comment: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Sign {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let key = keys::read(&self.key)?;
        let now = Clock::default().now();
        let mut written = Vec::new();
        for file in &self.files {
            let package = files::package(&files::component(file)?, file.display())?;
            let signature = keys::sign(&key, &package, self.role, now, &self.comment)?;
            let path = files::write_signature(file, &signature)?;
            let manifest = package.manifest();
            if !self.json {
                println!("{}  {} {} as {}", path.display(), manifest.id, manifest.version, self.role);
            }
            written.push(json!({
                "file": path, "id": manifest.id, "version": manifest.version, "digest": package.digest(),
                "key_id": signature.key(), "role": self.role,
            }));
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(&written)?);
        }
        Ok(())
    }
}
