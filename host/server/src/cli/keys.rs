//! `xinglin keys …`.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use xinglin_platform::{Config, person_key};

use crate::cli::operator;

/// Commands for the wrapping keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Generates a new wrapping key, and re-wraps every person's key with it.
    Rotate(Rotate),
    /// Deletes the wrapping keys before the newest.
    Retire(Retire),
}

/// Generates a new wrapping key, and re-wraps every person's key with it. Servers may be running.
/// The former wrapping keys stay in `record.keys` until `xinglin keys retire`; back the file up
/// first, separate from the database.
///
/// Example:
///   xinglin keys rotate
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Rotate {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Deletes the wrapping keys before the newest: ten minutes after `xinglin keys rotate`, so that no
/// transaction still uses them. An older copy of `record.keys` then decrypts nothing of the current
/// database.
///
/// Example:
///   xinglin keys rotate && sleep 600 && xinglin keys retire
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Retire {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Keys {
    /// Runs the command.
    pub async fn run(self, config: Config) -> Result<()> {
        let (hospital, _) = operator::open(config, "keys").await?;
        let bar = ProgressBar::new_spinner().with_message("wrapping keys anew");
        bar.enable_steady_tick(Duration::from_millis(100));
        let told = |wrapped| bar.set_message(format!("{wrapped} keys wrapped anew"));
        let (json, done) = match self {
            Self::Rotate(Rotate { json }) => {
                (json, person_key::rotate(&hospital.platform, hospital.platform.now(), told).await)
            }
            Self::Retire(Retire { json }) => {
                (json, person_key::retire(&hospital.platform, hospital.platform.now(), told).await)
            }
        };
        bar.finish_and_clear();
        let done = done?;
        match json {
            true => operator::print_json(&done)?,
            false => println!(
                "wrapping key {}: {} keys wrapped anew, {} former wrapping keys forgotten",
                done.generation, done.wrapped, done.retired
            ),
        }
        Ok(hospital.platform.store().close().await?)
    }
}
