//! `xinglin plugin …`.

mod build;
mod desk;
mod dry_run;
mod files;
mod inspect;
mod install;
mod key;
mod keygen;
pub(super) mod keys;
mod lifecycle;
mod load;
mod oci;
mod pull;
mod push;
mod save;
mod secret;
mod sign;
mod verify;

use anyhow::Result;
use clap::Subcommand;

pub(super) use self::files::bounded;
use crate::cli::Settings;

/// Commands for plugin authors and operators.
#[derive(Subcommand)]
pub enum Plugin {
    /// Builds plugins into packages.
    Build(build::Build),
    /// Prints what a package can and cannot do, from its type.
    Inspect(inspect::Inspect),
    /// Generates a key pair for signing packages.
    Keygen(keygen::Keygen),
    /// Signs packages.
    Sign(sign::Sign),
    /// Prints who signed a package, and whether that suffices.
    Verify(verify::Verify),
    /// Adds packages to a host, so that tenants can grant them.
    Install(install::Install),
    /// Writes a package and its signatures to one file.
    Save(save::Save),
    /// Adds the files of `save` to a host.
    Load(load::Load),
    /// Pushes a package to an OCI registry.
    Push(push::Push),
    /// Pulls a package from an OCI registry.
    Pull(pull::Pull),
    /// Lists the plugins of a tenant.
    List(lifecycle::List),
    /// Grants a plugin its interfaces and data in a tenant.
    Grant(lifecycle::Grant),
    /// Stores a secret for a plugin, or lists those it declares.
    Secret(secret::Secret),
    /// Generates a key for a plugin, or lists those it declares.
    Key(key::Key),
    /// Starts calling a plugin in a tenant.
    Enable(lifecycle::Enable),
    /// Stops calling it.
    Disable(lifecycle::Disable),
    /// Runs another version in shadow, without effect.
    Shadow(lifecycle::Shadow),
    /// Shows what another version or contract would have paid on past claims.
    DryRun(dry_run::DryRunCommand),
    /// Promotes the candidate.
    Promote(lifecycle::PromoteCommand),
    /// Returns to the version before the last promotion.
    Rollback(lifecycle::Rollback),
    /// Recalls a package everywhere and lists what it touched.
    Recall(lifecycle::Recall),
}

impl Plugin {
    /// Runs the command.
    pub async fn run(self, settings: Settings) -> Result<()> {
        match self {
            Self::Build(command) => command.run(),
            Self::Inspect(command) => command.run(),
            Self::Keygen(command) => command.run(),
            Self::Sign(command) => command.run(),
            Self::Verify(command) => command.run(settings),
            Self::Install(command) => command.run(settings).await,
            Self::Save(command) => command.run(settings).await,
            Self::Load(command) => command.run(settings).await,
            Self::Push(command) => command.run().await,
            Self::Pull(command) => command.run().await,
            Self::List(command) => command.run(settings.load()?).await,
            Self::Grant(command) => command.run(settings.load()?).await,
            Self::Secret(command) => command.run(settings.load()?).await,
            Self::Key(command) => command.run(settings.load()?).await,
            Self::Enable(command) => command.run(settings.load()?).await,
            Self::Disable(command) => command.run(settings.load()?).await,
            Self::Shadow(command) => command.run(settings.load()?).await,
            Self::DryRun(command) => command.run(settings.load()?).await,
            Self::Promote(command) => command.run(settings.load()?).await,
            Self::Rollback(command) => command.run(settings.load()?).await,
            Self::Recall(command) => command.run(settings.load()?).await,
        }
    }
}
