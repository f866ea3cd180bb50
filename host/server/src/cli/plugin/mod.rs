//! `xinglin plugin …`.

mod build;
mod inspect;
mod install;

use anyhow::Result;
use clap::Subcommand;

use super::Settings;

/// What plugin authors and operators do with plugins.
#[derive(Subcommand)]
pub enum Plugin {
    /// Builds plugins into packages.
    Build(build::Build),
    /// Prints what a package can and cannot do, from its type.
    Inspect(inspect::Inspect),
    /// Takes packages into this host, so that tenants can be granted them.
    Install(install::Install),
}

impl Plugin {
    /// Runs it.
    pub async fn run(self, settings: Settings) -> Result<()> {
        match self {
            Self::Build(command) => command.run(),
            Self::Inspect(command) => command.run(),
            Self::Install(command) => command.run(settings.load()?).await,
        }
    }
}
