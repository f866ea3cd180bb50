//! What is taken from others, held against `deny.toml`.

use anyhow::{Result, bail};

use crate::sh;

/// What `deny.toml` was written for.
const VERSION: &str = "0.20.2";

/// Licences, duplicates and sources; what is advised against too, if asked, which
/// fetches a database.
pub fn check(advisories: bool) -> Result<()> {
    if !sh::cargo(["deny", "--version"]).succeeds() {
        bail!("cargo-deny is not installed: cargo install cargo-deny --locked --version {VERSION}");
    }
    sh::cargo(["deny", "check", "licenses", "bans", "sources"]).args(advisories.then_some("advisories")).run()
}
