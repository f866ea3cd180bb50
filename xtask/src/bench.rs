//! Measurements. Each prints a ratio to a named alternative in the same run,
//! since machines differ and are noisy.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use crate::{plugins, sh};

/// What guests are built for.
const TARGET: &str = "wasm32-unknown-unknown";

#[derive(Subcommand)]
pub enum What {
    /// A plugin call through the whole host path beside a bare wasmtime
    /// instantiate-call-drop of the same component.
    Call {
        /// Calls to time on each side.
        #[arg(long, default_value_t = 20_000)]
        calls: u32,
    },
    /// A check of a prescription as a plugin, as an Extism plugin, and as an HTTP
    /// webhook on loopback, which is what one would build instead.
    Versus {
        /// Calls to time on each side.
        #[arg(long, default_value_t = 10_000)]
        calls: u32,
    },
    /// FHIR over HTTP with policies, audit and sealing on: import, read, create, a mix of
    /// changes and searches, and the same with many times the records.
    Fhir {
        /// Further arguments: `-- --help` lists them.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Bills settled by two payers and the patient over HTTP, beside the same rows as plain SQL.
    Money {
        /// Further arguments: `-- --help` lists them.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Timers of 10,000 and of 100,000 patients in a pathway, while records are read: how late they fire.
    /// Enrolling them takes a quarter of an hour.
    Timers {
        /// Further arguments: `-- --help` lists them.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// A plugin that never ends: when it is stopped, and what its neighbours feel of it.
    Runaway {
        /// Calls in each kind of round.
        #[arg(long, default_value_t = 100_000)]
        calls: u32,
        /// Calls at once.
        #[arg(long, default_value_t = 64)]
        callers: u32,
    },
    /// What calls on tape cost on disk, on both engines.
    Tape {
        /// Calls to put on tape.
        #[arg(long, default_value_t = 20_000)]
        calls: u32,
        /// Writes the records to this folder, one a file, and stops: what
        /// host/store/dictionaries/README.md trains a dictionary on.
        #[arg(long)]
        dump: Option<PathBuf>,
        /// Which patients. The dictionary was trained on those of seed 1.
        #[arg(long, default_value_t = 2)]
        seed: u64,
    },
}

pub fn run(what: What) -> Result<()> {
    let checker = plugins::out().join("drug-safety.wasm");
    match what {
        What::Call { calls } => {
            of_runtime("call").args(["--calls".into(), calls.to_string()]).args(["--component".into(), checker]).run()
        }
        What::Versus { calls } => across_with("versus", &["--features", "extism"])
            .args(["--calls".into(), calls.to_string()])
            .args(["--component".into(), checker])
            .args(["--extism".into(), extism_guest()?])
            .run(),
        What::Fhir { arguments } => of_server("fhir")?.args(arguments).run(),
        What::Money { arguments } => {
            of_server("money")?.args(["--plugins".into(), plugins::out()]).args(arguments).run()
        }
        What::Timers { arguments } => of_server("timers")?
            .args(["--plugins".into(), plugins::out()])
            .args(["--pathway".into(), sh::root().join("bench/timers.yaml")])
            .args(arguments)
            .run(),
        What::Runaway { calls, callers } => of_runtime("runaway")
            .args(["--calls".into(), calls.to_string(), "--callers".into(), callers.to_string()])
            .args(["--component".into(), checker])
            .run(),
        What::Tape { calls, dump, seed } => across("tape")
            .args(["--calls".into(), calls.to_string(), "--seed".into(), seed.to_string()])
            .args(["--plugins".into(), plugins::out()])
            .args(dump.into_iter().flat_map(|folder| ["--dump".into(), folder]))
            .run(),
    }
}

/// The checker's rule as an Extism module, built.
fn extism_guest() -> Result<PathBuf> {
    let folder = sh::root().join("bench/extism-guest");
    sh::cargo(["build", "--release", "--locked", "--target", TARGET])
        .args(["--manifest-path".into(), folder.join("Cargo.toml")])
        .args(["--target-dir".into(), sh::target()])
        .run()?;
    Ok(sh::target().join(TARGET).join("release/extism_guest.wasm"))
}

/// A measurement of the runtime alone.
fn of_runtime(name: &str) -> sh::Sh {
    sh::cargo(["bench", "--package", "xinglin-runtime", "--bench", name, "--"])
}

/// A measurement of the shipped server, which is built for it.
fn of_server(name: &str) -> Result<sh::Sh> {
    sh::cargo(["build", "--release", "--locked", "--bin", "xinglin"]).run()?;
    Ok(across(name).args(["--server".into(), sh::target().join("release/xinglin")]))
}

/// A measurement of several crates: `bench/`, a workspace of its own. It shares our
/// target folder, and so whatever is compiled alike.
fn across(name: &str) -> sh::Sh {
    across_with(name, &[])
}

fn across_with(name: &str, features: &[&str]) -> sh::Sh {
    sh::cargo(["run", "--release", "--locked", "--manifest-path", "bench/Cargo.toml", "--bin", name])
        .args(features)
        .args(["--target-dir".into(), sh::target()])
        .args(["--"])
}
