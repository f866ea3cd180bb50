//! What a change must pass.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::PathBuf,
};

use anyhow::{Result, bail};

use crate::sh;

/// `cargo fmt`, changing nothing.
pub fn format() -> Result<()> {
    sh::cargo(["fmt", "--all", "--check"]).run()?;
    sh::cargo(["fmt", "--all", "--check", "--manifest-path", "plugins/Cargo.toml"]).run()
}

/// `cargo clippy`, every warning an error.
pub fn lints() -> Result<()> {
    sh::cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]).run()?;
    sh::cargo(["clippy", "--all-targets", "--quiet", "--manifest-path", "plugins/Cargo.toml"])
        .env("CARGO_TARGET_DIR", plugins_target())
        .args(["--", "-D", "warnings"])
        .run()
}

/// Every test: of the plugins, natively, then of the host.
pub fn test(filter: Option<&str>) -> Result<()> {
    let mut tally = Tally::default();
    let result = tally
        .run(
            sh::cargo(["test", "--manifest-path", "plugins/Cargo.toml"]).env("CARGO_TARGET_DIR", plugins_target()),
            filter,
        )
        .and_then(|()| tally.run(sh::cargo(["test", "--workspace"]), filter));
    tally.print();
    result
}

/// Where the plugins are built natively, apart from the host.
fn plugins_target() -> PathBuf {
    sh::target().join("plugins-native")
}

/// How many tests ran, by the database they ran on.
#[derive(Default)]
struct Tally {
    passed: BTreeMap<&'static str, usize>,
    failed: Vec<String>,
}

impl Tally {
    fn run(&mut self, command: sh::Sh, filter: Option<&str>) -> Result<()> {
        let mut child = command.args(["--no-fail-fast", "--"]).args(filter).spawn_piped()?;
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
            result if result.starts_with("ignored") => {}
            _ => self.failed.push(name.to_owned()),
        }
        result == "ok"
    }

    fn print(&self) {
        let total: usize = self.passed.values().sum();
        println!("\n{total} tests passed, {} failed", self.failed.len());
        for (engine, count) in &self.passed {
            println!("  {count:5}  {engine}");
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
