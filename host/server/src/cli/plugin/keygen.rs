//! `xinglin plugin keygen`.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::json;

use crate::cli::plugin::keys;

/// Generate a key pair for signing packages.
///
/// The files have minisign's format: NAME.key is the secret half; NAME.pub is the public half, for
/// the settings of hosts that should trust it. The secret half is protected by a password, from the
/// terminal or XINGLIN_KEY_PASSWORD.
///
/// Examples:
///   xinglin plugin keygen acme
///   XINGLIN_KEY_PASSWORD=… xinglin plugin keygen acme --out keys
///   xinglin plugin keygen build-machine --no-password
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Keygen {
    /// Base name of the files.
    name: String,
    /// Their folder.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    out: PathBuf,
    /// Do not protect the secret half: whoever can read the file can sign.
    #[arg(long)]
    no_password: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Keygen {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        if self.name.is_empty() || self.name.contains(['/', '\\']) {
            bail!("`{}` is no name of a file", self.name);
        }
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let file = |ending: &str| self.out.join(format!("{}.{ending}", self.name));
        let (secret, public) = (file("key"), file("pub"));
        if let Some(there) = [&secret, &public].into_iter().find(|file| file.exists()) {
            bail!("{} is there already; a key is never written over", there.display());
        }
        let pair = if self.no_password { keys::unprotected()? } else { keys::protected()? };
        let boxed = |error| anyhow!("{error}");
        let comment = format!("minisign secret key of {}", self.name);
        write(&secret, 0o600, pair.sk.to_box(Some(&comment)).map_err(boxed)?.into_string().as_bytes())?;
        write(&public, 0o644, pair.pk.to_box().map_err(boxed)?.into_string().as_bytes())?;
        let key = keys::public(&pair)?;
        if self.json {
            let document = json!({
                "key_id": key.id(), "public_key": key, "secret_file": secret, "public_file": public,
            });
            println!("{}", serde_json::to_string_pretty(&document)?);
            return Ok(());
        }
        println!("{} and {}, key {}", secret.display(), public.display(), key.id());
        println!("Keep the first to yourself. A host trusts the key with this in its xinglin.toml:\n");
        println!("[[trust.keys]]\nname = {:?}\nrole = \"vendor\"\npublic_key = \"{key}\"", self.name);
        Ok(())
    }
}

fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path).with_context(|| path.display().to_string())?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| path.display().to_string())
}
