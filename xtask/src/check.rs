//! What a change must pass.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::sh;

/// `cargo fmt`, changing nothing.
pub fn format() -> Result<()> {
    sh::cargo(["fmt", "--all", "--check"]).run()?;
    sh::cargo(["fmt", "--all", "--check", "--manifest-path", "plugins/Cargo.toml"]).run()
}

/// Where what is built is kept for several clones: takes away what another clone left of
/// this repository's own crates, whose names there differ by the path that they are at.
/// When versions of registry crates have piled up, everything goes.
pub fn tidy() -> Result<()> {
    /// A build of everything, with lints, takes 9.
    const GIGABYTES: u64 = 25;
    let (target, here) = (sh::target(), sh::root().display().to_string());
    if target.starts_with(sh::root()) {
        return Ok(());
    }
    let marker = target.join("built-by");
    if !std::fs::read_to_string(&marker).is_ok_and(|by| by == here) {
        let plugins = ["--manifest-path", "plugins/Cargo.toml"];
        sh::cargo(["clean", "--quiet", "--workspace"]).run()?;
        sh::cargo(["clean", "--quiet", "--workspace"]).args(plugins).env("CARGO_TARGET_DIR", plugins_target()).run()?;
        for profile in ["debug", "release"] {
            remove(&target.join("wasm32-unknown-unknown").join(profile))?;
        }
    }
    if size(&target)? > GIGABYTES << 30 {
        println!("{} has grown beyond {GIGABYTES} GB: built anew", target.display());
        sh::cargo(["clean", "--quiet", "--profile", "dev"]).run()?;
    }
    std::fs::create_dir_all(&target)?;
    Ok(std::fs::write(marker, here)?)
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Of all files in a folder.
fn size(folder: &Path) -> Result<u64> {
    if !folder.is_dir() {
        return Ok(0);
    }
    std::fs::read_dir(folder)?.try_fold(0, |sum, entry| {
        let entry = entry?;
        let kind = entry.file_type()?;
        let more = if kind.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
        Ok(sum + more)
    })
}

/// `cargo clippy`, every warning an error.
pub fn lints() -> Result<()> {
    sh::cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]).run()?;
    sh::cargo(["clippy", "--all-targets", "--quiet", "--manifest-path", "plugins/Cargo.toml"])
        .env("CARGO_TARGET_DIR", plugins_target())
        .args(["--", "-D", "warnings"])
        .run()
}

/// That the binary alone is built of the same crates as all of the workspace: see
/// `host/features`.
pub fn features() -> Result<()> {
    /// Of ours, what tests turn on must not ship; and little stands on the others.
    const EXCEPT: [&str; 6] =
        ["xinglin-plugin", "xinglin-runtime", "xinglin-store", "jsonwebtoken", "wit-component", "either"];
    let tree = |which: &[&str]| -> Result<BTreeSet<String>> {
        let tree = sh::cargo(["tree", "--prefix", "none", "--format", "{p} {f}"]).args(which).output()?;
        Ok(tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect())
    };
    let alone = tree(&["--package", "xinglin-server", "--edges", "normal"])?;
    let together = tree(&["--workspace", "--edges", "normal,dev"])?;
    let apart: Vec<&str> = alone
        .difference(&together)
        .filter(|line| !EXCEPT.iter().any(|name| line.split(' ').next() == Some(name)))
        .map(String::as_str)
        .collect();
    if !apart.is_empty() {
        bail!("the tests turn more features on of these; add them to host/features:\n  {}", apart.join("\n  "));
    }
    Ok(())
}

/// Which tests.
#[derive(Default, clap::Args)]
pub struct Which {
    /// Only tests whose name contains this.
    filter: Option<String>,
    /// The fuzzer, a hundred lives and Python as well: what `cargo xtask ci` runs.
    #[arg(long)]
    ci: bool,
    /// On PostgreSQL also those whose subject is a rule, those that take minutes, and the others at
    /// their full length: what a change need not wait for, every night. `docs/testing.md` lists them.
    #[arg(long)]
    all: bool,
}

impl Which {
    /// What a change must pass.
    pub const fn ci() -> Self {
        Self { filter: None, ci: true, all: false }
    }

    /// What is not run. Who names tests gets all of the name.
    fn left(&self) -> impl Iterator<Item = &'static str> {
        let (nightly, ci) = match self {
            Self { filter: Some(_), .. } | Self { all: true, .. } => (&[][..], &[][..]),
            Self { ci: true, .. } => (&LEFT_TO_NIGHT[..], &[][..]),
            _ => (&LEFT_TO_NIGHT[..], &LEFT_TO_CI[..]),
        };
        nightly.iter().chain(ci).copied()
    }
}

/// Names of tests that only `--all` runs: on a second engine, a rule, an answer or a client, whose statements
/// `host/store/tests/contract` runs on both.
const LEFT_TO_NIGHT: [&str; 1] = ["::postgres_too::"];

/// Names of tests that a run of minutes leaves to `cargo xtask ci`.
const LEFT_TO_CI: [&str; 12] = [
    "a_kill_after_any_step_of_two_payers_loses_nothing",
    "chaos::",
    "demonstration::",
    "fhir_examples::",
    "fuzzed_openapi::",
    "gateway::",
    "killed::postgres::",
    "money::postgres::no_bill_is_in_a_state_that_nobody_can_leave",
    "population::",
    "python::",
    "python_pathway::",
    "simulations::",
];

/// Tests of the plugins, natively, then of the host.
pub fn test(which: &Which) -> Result<()> {
    let mut tally = Tally::default();
    let scratch = Scratch::new();
    let place = |command: sh::Sh| match &scratch {
        Some(Scratch(folder)) => command.env("TMPDIR", folder),
        None => command,
    };
    let plugins = sh::cargo(["test", "--manifest-path", "plugins/Cargo.toml"]);
    let plugins = plugins.env("CARGO_TARGET_DIR", plugins_target());
    let host = sh::cargo(["test", "--workspace"]);
    let result = tally.run(place(plugins), which).and_then(|()| tally.run(place(host), which));
    tally.print(which);
    result
}

/// A folder in memory for what tests write, hundreds of databases above all; deleted when dropped.
struct Scratch(PathBuf);

impl Scratch {
    /// What all tests write at once is a third of it.
    const GIGABYTES: u64 = 12;

    /// `None` if `TMPDIR` says where, or there is not enough memory.
    fn new() -> Option<Self> {
        let memory = Path::new("/dev/shm");
        let free = rustix::fs::statvfs(memory).ok()?;
        let enough = free.f_bavail.saturating_mul(free.f_frsize) >> 30 >= Self::GIGABYTES;
        if std::env::var_os("TMPDIR").is_some() || !enough || memory_available()? >> 30 < Self::GIGABYTES {
            return None;
        }
        let folder = memory.join(format!("xinglin-{}", std::process::id()));
        std::fs::create_dir(&folder).ok()?;
        Some(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed goes with the next start of the machine.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Bytes that programs can have without swapping.
fn memory_available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// What tests read to know whether they may take long: see `docs/testing.md`.
const ALL: &str = "XINGLIN_TEST_ALL";

/// Not tests, but what tests start.
const NO_TESTS: [&str; 2] = ["host_to_be_killed", "reads_garbage"];

/// Where the plugins are built natively, apart from the host.
fn plugins_target() -> PathBuf {
    sh::target().join("plugins-native")
}

/// How many tests ran, by the database they ran on.
#[derive(Default)]
struct Tally {
    passed: BTreeMap<&'static str, usize>,
    failed: Vec<String>,
    /// Those that only `--all` runs.
    left: usize,
}

impl Tally {
    fn run(&mut self, command: sh::Sh, which: &Which) -> Result<()> {
        let mut command = command.args(["--no-fail-fast", "--"]);
        if which.all {
            command = command
                .args(["--include-ignored"])
                .args(NO_TESTS.iter().flat_map(|name| ["--skip", name]))
                .env(ALL, "1");
        }
        command = command.args(which.left().flat_map(|name| ["--skip", name]));
        let mut child = command.args(&which.filter).spawn_piped()?;
        for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
            let line = line?;
            if !self.count(&line) && !is_noise(&line) {
                println!("{line}");
            }
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("tests failed ({status}):\n  {}", self.failed.join("\n  "));
        }
        Ok(())
    }

    /// Counts a line of the form `test NAME ... ok`; says whether it was one.
    fn count(&mut self, line: &str) -> bool {
        let Some((name, result)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) else {
            return false;
        };
        match result {
            "ok" => *self.passed.entry(engine(name)).or_default() += 1,
            result if result.starts_with("ignored") => {
                self.left += usize::from(!NO_TESTS.iter().any(|child| name.contains(child)));
            }
            _ => self.failed.push(name.to_owned()),
        }
        result == "ok"
    }

    fn print(&self, which: &Which) {
        let total: usize = self.passed.values().sum();
        println!("\n{total} tests passed, {} failed", self.failed.len());
        for (engine, count) in &self.passed {
            println!("  {count:5}  {engine}");
        }
        if which.left().count() > LEFT_TO_NIGHT.len() {
            println!("without those that take long; with them: cargo xtask test --ci");
        }
        if which.left().count() > 0 {
            println!(
                "on PostgreSQL only what is about the database; everything, and {} more tests: cargo xtask test --all",
                self.left
            );
        }
    }
}

/// Tests that touch a database carry its name in their path.
fn engine(name: &str) -> &'static str {
    if name.contains("postgres") {
        "on PostgreSQL"
    } else if name.contains("sqlite") {
        "on SQLite"
    } else {
        "without a database of their own choosing"
    }
}

fn is_noise(line: &str) -> bool {
    line.is_empty() || line == "running 0 tests" || line.starts_with("test result: ok. 0 passed")
}
