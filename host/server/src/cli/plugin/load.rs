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

/// Add the files of `plugin save` to a host. A file that is truncated, changed or inconsistent with
/// its index is refused; then the host's policy decides.
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
    /// Accept them although a newer version was installed before; logged.
    #[arg(long)]
    allow_downgrade: bool,
    #[command(flatten)]
    host: HostArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Load {
    /// Runs the command.
    pub async fn run(self, settings: Settings) -> Result<()> {
        // All files are checked before the first is added.
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
