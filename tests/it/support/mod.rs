//! Shared code of the tests: a running hospital, people who act in it, faulty guests, and a process
//! that can be killed.

pub mod browser;
pub mod cash_channel;
mod client;
pub mod clinic;
mod data;
pub mod gateway;
pub mod guest;
mod hospital;
pub mod message_gateway;
pub mod outside;
mod plugin;
mod process;
pub mod record;
mod template;
mod tools;
#[path = "../../../host/runtime/tests/runtime/wire.rs"]
pub mod wire;

use std::path::{Path, PathBuf};

pub use client::{Answer, Client, Exchange, http};
pub use clinic::{Clinic, PASSWORD, Person, line, medicine};
pub use hospital::{TestHospital, advance};
pub use plugin::{
    BUNDLE, CAPITATION, DIABETES, DIABETES_CHANGED, DIRECT_BILLING, DRUG_SAFETY, HIV, HYPERTENSION, IDENTITY_CHECK,
    MEDICAL_INSURANCE, MEMBERSHIP, MENTAL_HEALTH, PLATFORM_FEE, PYTHON, PYTHON_HEADS, PYTHON_INSURER, PYTHON_PATHWAY,
    PYTHON_WASI, Plugin, frozen,
};
pub use process::Process;
pub use tools::{Desk, Registry};

/// Runs each function on each engine, with a [`TestHospital`], a [`Process`], or another type of
/// the calling module that opens on an engine.
macro_rules! on_both_engines {
    ($hospital:ident: $($test:ident),* $(,)?) => {
        crate::support::on_engine!(sqlite, Sqlite, $hospital: $($test),*);
        crate::support::on_engine!(postgres, Postgres, $hospital: $($test),*);
    };
}
pub(crate) use on_both_engines;

/// The same, of tests whose subject is a rule and not what a transaction or a statement does: on
/// PostgreSQL only `cargo xtask test --all` runs them.
macro_rules! rules_on_both_engines {
    ($hospital:ident: $($test:ident),* $(,)?) => {
        crate::support::on_engine!(sqlite, Sqlite, $hospital: $($test),*);
        crate::support::on_engine!(postgres_too, Postgres, $hospital: $($test),*);
    };
}
pub(crate) use rules_on_both_engines;

macro_rules! on_engine {
    ($module:ident, $engine:ident, $hospital:ident: $($test:ident),*) => {
        mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::$hospital::open(xinglin_store::Engine::$engine).await).await;
            })*
        }
    };
}
pub(crate) use on_engine;

/// Whether tests may take minutes: `cargo xtask test --all`.
pub fn at_full_length() -> bool {
    std::env::var_os("XINGLIN_TEST_ALL").is_some()
}

/// Timeout for background work of the server, on a busy machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Waits until `ready` returns `true`.
pub async fn eventually(what: &str, ready: impl AsyncFn() -> bool) {
    let started = tokio::time::Instant::now();
    while !ready().await {
        assert!(started.elapsed() < PATIENCE, "it never happened: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// A file of the repository, for example `examples/formulary/clinic.json`.
pub fn repository(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A build artifact, in the folders above this program: `target/debug` and `target`.
pub fn built(what: &str, command: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    let beside = program.ancestors().map(|folder| folder.join(what)).find(|path| path.is_file());
    beside.unwrap_or_else(|| panic!("{what} is not built beside {}: run {command}", program.display()))
}

/// Folder of what is expensive to build, kept between runs.
fn kept() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
