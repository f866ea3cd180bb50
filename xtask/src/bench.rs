//! Measurements. Each prints a ratio to a named alternative in the same run,
//! since machines differ and are noisy.

use anyhow::Result;
use clap::Subcommand;

use crate::{plugins, sh};

#[derive(Subcommand)]
pub enum What {
    /// A plugin call through the whole host path beside a bare wasmtime
    /// instantiate-call-drop of the same component.
    Call {
        /// Calls to time on each side.
        #[arg(long, default_value_t = 20_000)]
        calls: u32,
    },
}

pub fn run(what: What) -> Result<()> {
    match what {
        What::Call { calls } => sh::cargo(["bench", "--package", "xinglin-runtime", "--bench", "call", "--"])
            .args(["--calls".into(), calls.to_string()])
            .args(["--component".into(), plugins::out().join("drug-safety.wasm")])
            .run(),
    }
}
