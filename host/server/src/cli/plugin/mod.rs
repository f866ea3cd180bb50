//! `xinglin plugin …`.

mod build;
mod desk;
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

use crate::cli::Settings;

/// What plugin authors and operators do with plugins.
#[derive(Subcommand)]
pub enum Plugin {
    /// Builds plugins into packages.
    Build(build::Build),
    /// Prints what a package can and cannot do, from its type.
    Inspect(inspect::Inspect),
    /// Makes a key pair to sign packages with.
    Keygen(keygen::Keygen),
    /// Signs packages.
    Sign(sign::Sign),
    /// Says who signed a package, and whether that is enough.
    Verify(verify::Verify),
    /// Takes packages into a host, so that tenants can be granted them.
    Install(install::Install),
    /// Puts a package and its signatures into one file.
    Save(save::Save),
    /// Takes the files of `save` into a host.
    Load(load::Load),
    /// Puts a package into an OCI registry.
    Push(push::Push),
    /// Gets a package from an OCI registry.
    Pull(pull::Pull),
    /// Lists the plugins of a tenant.
    List(lifecycle::List),
    /// Says what a plugin may do in a tenant.
    Grant(lifecycle::Grant),
    /// Keeps a secret for a plugin, or lists those it asks for.
    Secret(secret::Secret),
    /// Makes a key for a plugin, or lists those it asks for.
    Key(key::Key),
    /// Starts calling a plugin in a tenant.
    Enable(lifecycle::Enable),
    /// Stops calling it.
    Disable(lifecycle::Disable),
    /// Runs another version beside the one that is called, with no effect.
    Shadow(lifecycle::Shadow),
    /// Calls the candidate from now on.
    Promote(lifecycle::PromoteCommand),
    /// Calls the version before the last promotion again.
    Rollback(lifecycle::Rollback),
    /// Stops a package everywhere and says whom it touched.
    Recall(lifecycle::Recall),
}

impl Plugin {
    /// Runs it.
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
            Self::Promote(command) => command.run(settings.load()?).await,
            Self::Rollback(command) => command.run(settings.load()?).await,
            Self::Recall(command) => command.run(settings.load()?).await,
        }
    }
}
