//! `xinglin plugin secret`.

use std::io::{IsTerminal, Read};

use anyhow::{Context, Result, bail};
use clap::Args;
use xinglin_extensions::secret::{self, NewSecret, SecretView};
use xinglin_platform::Config;

use crate::cli::plugin::desk::Which;

/// Store a secret for a plugin, or list those it declares.
///
/// The value is read from stdin, so that it appears in no process list and no shell history. It is
/// sealed at once; neither the operator nor the plugin can read it again.
///
/// Examples:
///   xinglin plugin secret acme.gateway                      which are kept?
///   xinglin plugin secret acme.gateway token < token.txt    keep one
///   xinglin plugin secret acme.gateway token --remove
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Secret {
    #[command(flatten)]
    which: Which,
    /// Name of the secret in the manifest.
    name: Option<String>,
    /// Delete it.
    #[arg(long, requires = "name")]
    remove: bool,
}

impl Secret {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let value = match (&self.name, self.remove) {
            (Some(_), false) => Some(value()?),
            _ => None,
        };
        let desk = self.which.open(config, "secret").await?;
        let (hospital, caller) = (&desk.hospital, &desk.caller);
        if let (Some(name), Some(value)) = (&self.name, value) {
            secret::put(&hospital.platform, caller, desk.tenant, &desk.plugin, name, NewSecret { value }).await?;
        } else if let Some(name) = &self.name {
            secret::delete(&hospital.platform, caller, desk.tenant, &desk.plugin, name).await?;
        }
        let secrets = secret::list(&hospital.platform, caller, desk.tenant, &desk.plugin).await?;
        desk.close(&secrets, tell).await
    }
}

/// All of stdin except the last line break.
fn value() -> Result<String> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        bail!("give the value on stdin: `xinglin plugin secret PLUGIN NAME < FILE`");
    }
    let mut value = String::new();
    input.read_to_string(&mut value).context("stdin")?;
    let whole = value.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).map(str::to_owned);
    Ok(whole.unwrap_or(value))
}

fn tell(secrets: &Vec<SecretView>) {
    if secrets.is_empty() {
        println!("it asks for no secrets");
    }
    for secret in secrets {
        match &secret.updated_at {
            Some(at) => println!("{}: kept, version {} of {at}", secret.name, secret.version),
            None => println!("{}: missing", secret.name),
        }
    }
}
