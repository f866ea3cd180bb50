//! `xinglin plugin key`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use xinglin_extensions::secret::{self, KeyView, NewKey};
use xinglin_platform::Config;

use crate::cli::plugin::desk::Which;

/// Generate a signing or encryption key for a plugin, or list those it declares.
///
/// The host holds the key; the plugin requests signatures. The public half is printed, for those
/// who verify them.
///
/// Examples:
///   xinglin plugin key acme.gateway                          which are there?
///   xinglin plugin key acme.gateway gateway                  draw one
///   xinglin plugin key acme.gateway body --import sm4.key    take one in: its raw bytes
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Key {
    #[command(flatten)]
    which: Which,
    /// Name of the key in the manifest.
    name: Option<String>,
    /// A file with the private half: 32 bytes (ed25519, sm2), or the 16 of an sm4 key.
    #[arg(long, requires = "name", value_name = "FILE")]
    import: Option<PathBuf>,
    /// Replace an existing key.
    #[arg(long, requires = "name")]
    replace: bool,
}

impl Key {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let import = self.import.map(|file| std::fs::read(&file).with_context(|| file.display().to_string()));
        let import = import.transpose()?.map(|bytes| STANDARD.encode(bytes));
        let desk = self.which.open(config, "key").await?;
        let (hospital, caller) = (&desk.hospital, &desk.caller);
        if let Some(name) = &self.name {
            let new = NewKey { import, replace: self.replace };
            secret::put_key(&hospital.platform, caller, desk.tenant, &desk.plugin, name, new).await?;
        }
        let keys = secret::list_keys(&hospital.platform, caller, desk.tenant, &desk.plugin).await?;
        desk.close(&keys, tell).await
    }
}

fn tell(keys: &Vec<KeyView>) {
    if keys.is_empty() {
        println!("it asks for no keys");
    }
    for key in keys {
        match (&key.public, key.kept) {
            (Some(public), _) => println!("{}: {}, public half {public}", key.name, key.kind),
            (None, true) => println!("{}: {}, kept", key.name, key.kind),
            (None, false) => println!("{}: {}, missing", key.name, key.kind),
        }
    }
}
