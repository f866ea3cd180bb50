//! `xinglin plugin load`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use xinglin_runtime::Bundle;

use crate::cli::{
    Settings,
    host::HostArgs,
    plugin::{files, install},
};

/// Take the files of `plugin save` into a host. What is cut short, changed or
/// not in the file's own index is refused; then the host's policy decides.
///
/// Examples:
///   xinglin plugin load diabetes.xpk
///   xinglin plugin load *.xpk --url https://hospital.example
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Load {
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Take them though a newer version was there before; it is logged.
    #[arg(long)]
    allow_downgrade: bool,
    #[command(flatten)]
    host: HostArgs,
    /// One JSON document instead.
    #[arg(long)]
    json: bool,
}

impl Load {
    /// Runs it.
    pub async fn run(self, settings: Settings) -> Result<()> {
        // All of them are whole before the first is taken.
        let mut bundles = Vec::new();
        for file in &self.files {
            let bytes = files::bounded(file, Bundle::MAX_BYTES)?;
            if !Bundle::is_one(&bytes) {
                bail!("{} is no bundle of `plugin save`; `plugin install` takes packages", file.display());
            }
            let named = || file.display().to_string();
            bundles.push((named(), Bundle::read(&bytes).with_context(named)?));
        }
        let host = self.host.open(settings).await?;
        install::all(&host, &bundles, self.allow_downgrade, self.json).await?;
        host.close().await
    }
}
