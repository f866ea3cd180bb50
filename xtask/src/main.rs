//! The chores of the repository, each one command: `cargo xtask --help`.

mod bench;
mod check;
mod deny;
mod fhir;
mod plugins;
mod setup;
mod sh;

use anyhow::Result;
use clap::{Parser, Subcommand};
use plugins::With;

/// Chores of the Xinglin repository.
///
/// A fresh clone needs two of them:
///
///   cargo xtask demo --once    a whole visit, told step by step
///   cargo xtask test           the tests, on SQLite and PostgreSQL
#[derive(Parser)]
#[command(bin_name = "cargo xtask", verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Makes ready what builds and tests need: the WebAssembly target, a
    /// PostgreSQL server, a registry and minisign to test against, componentize-py.
    /// Safe to repeat.
    Setup,
    /// Builds `plugins/*` and the Python example into `target/plugins/`.
    BuildPlugins,
    /// Runs a whole visit through a real server and four plugins, then leaves
    /// the server running. Arguments go on to `xinglin demo` (try `-- --help`).
    Demo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs the tests and says how many ran on each database engine.
    Test(check::Which),
    /// What a change must pass: format, lints, tests, the demonstration.
    Ci,
    /// Holds every dependency against `deny.toml`: licences, duplicates, sources. Needs
    /// cargo-deny.
    Deny {
        /// Known vulnerabilities too, out of a database that is fetched.
        #[arg(long)]
        advisories: bool,
    },
    /// Makes the tables that FHIR resources are checked against, out of the official
    /// definitions; for whoever changes how they are made.
    FhirSchema,
    /// Measures. Prints ratios against a named alternative in the same run.
    Bench {
        #[command(subcommand)]
        what: bench::What,
    },
}

fn main() -> Result<()> {
    match Cli::parse().chore {
        Chore::Setup => setup::all(),
        Chore::BuildPlugins => {
            setup::wasm_target()?;
            setup::componentize_py()?;
            plugins::build_all(With::Cargo)
        }
        Chore::Demo { arguments } => {
            println!("building the host and its plugins; the first time takes some minutes");
            setup::wasm_target()?;
            plugins::build_rust(With::Cargo)?;
            With::Cargo.xinglin(["demo"])?.args(arguments).run()
        }
        Chore::Test(which) => {
            setup::all()?;
            plugins::build_all(With::Workspace)?;
            check::test(&which)
        }
        Chore::Ci => {
            check::tidy()?;
            check::format()?;
            check::features()?;
            setup::all()?;
            check::lints()?;
            plugins::build_all(With::Workspace)?;
            check::test(&check::Which::ci())
        }
        Chore::Deny { advisories } => deny::check(advisories),
        Chore::FhirSchema => fhir::write_schema(),
        Chore::Bench { what } => {
            setup::wasm_target()?;
            plugins::build_rust(With::Cargo)?;
            bench::run(what)
        }
    }
}
