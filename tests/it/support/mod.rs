//! What the tests share: a hospital that listens, people who act in it, guests
//! that misbehave, and a process that can be killed.

pub mod browser;
mod client;
pub mod clinic;
mod data;
pub mod guest;
mod hospital;
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
    DIABETES, DIABETES_CHANGED, DRUG_SAFETY, IDENTITY_CHECK, MEDICAL_INSURANCE, PYTHON, PYTHON_WASI, Plugin, frozen,
};
pub use process::Process;
pub use tools::{Desk, Registry};

/// Runs each function once an engine, on a [`TestHospital`], a [`Process`], or what else
/// of the calling module opens on an engine.
macro_rules! on_both_engines {
    ($hospital:ident: $($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::$hospital::open(xinglin_store::Engine::Sqlite).await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::$hospital::open(xinglin_store::Engine::Postgres).await).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;

/// Whether tests may take minutes: `cargo xtask test --all`.
pub fn at_full_length() -> bool {
    std::env::var_os("XINGLIN_TEST_ALL").is_some()
}

/// How long tests wait for something that the server does by itself, on a machine that
/// has much else to do.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Waits until `ready` says so.
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

/// Something that was built, from the folders above this very program:
/// `target/debug` and `target`.
pub fn built(what: &str, command: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    let beside = program.ancestors().map(|folder| folder.join(what)).find(|path| path.is_file());
    beside.unwrap_or_else(|| panic!("{what} is not built beside {}: run {command}", program.display()))
}

/// Where what is expensive to make is kept from one run to the next.
fn kept() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}
