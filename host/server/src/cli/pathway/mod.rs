//! `xinglin pathway …`.

mod build;
mod check;
mod explore;
pub(in crate::cli) mod synthetic;

use anyhow::Result;
use clap::Subcommand;

pub(in crate::cli) use build::packed;

/// Commands for authors of pathways.
#[derive(Subcommand)]
pub enum Pathway {
    /// Checks pathway files, and pathways that are compiled plugins.
    Check(check::Check),
    /// Builds pathway files into packages, without a compiler.
    Build(build::Build),
}

impl Pathway {
    /// Runs the command.
    pub async fn run(self) -> Result<()> {
        match self {
            Self::Check(command) => command.run().await,
            Self::Build(command) => command.run(),
        }
    }
}
