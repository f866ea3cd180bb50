//! The command line: one file per command; they call the same use cases as the API.

mod audit;
mod demo;
mod host;
mod import;
mod keys;
mod migrate;
mod operator;
mod pathway;
mod plugin;
mod policy;
mod replay;
mod retention;
mod serve;
mod simulate;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};
use xinglin_platform::{Config, config::LogFormat, tls};

use crate::telemetry::{self, Traces};

/// An internet-hospital core host that vendors extend with sandboxed
/// WebAssembly components.
///
/// Examples:
///   xinglin demo --once                        one visit, told step by step
///   xinglin serve --listen 0.0.0.0:7788        run a hospital
///   xinglin plugin inspect diabetes.wasm       what may this component do?
///   xinglin pathway check gout.yaml            is this pathway whole?
#[derive(Parser)]
#[command(name = "xinglin", version, verbatim_doc_comment)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

/// Settings that every command accepts.
#[derive(Args)]
struct Settings {
    /// Settings file; without it, `xinglin.toml` in this folder if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database, the host key and the plugin cache [default: .xinglin].
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// `sqlite:PATH` or `postgres://…` [default: hospital.db in the data folder].
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Shows one patient's follow-up visit on a real server with real plugins.
    Demo(demo::Demo),
    /// Runs the hospital.
    Serve(serve::Serve),
    /// Imports a FHIR R4 transaction or batch bundle into a tenant.
    Import(import::Import),
    /// Migrates the database to this version's schema.
    Migrate(migrate::Migrate),
    /// Builds, signs, transfers and installs plugins.
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Checks pathways, and builds those that are files.
    #[command(subcommand)]
    Pathway(pathway::Pathway),
    /// Explains, checks and lists policies.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Simulates synthetic patients in a pathway.
    Simulate(simulate::Simulate),
    /// Replays plugin calls from their tapes.
    Replay(replay::Replay),
    /// Rotates the keys that patients' identities are sealed with.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Lists patients whose retention period is over, and erases them.
    #[command(subcommand)]
    Retention(retention::Retention),
    /// Verifies the hash chains of the database.
    #[command(subcommand)]
    Audit(audit::Audit),
}

impl Cli {
    /// Runs the command and reports its error on stderr.
    pub fn run(self) -> ExitCode {
        match self.try_run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn try_run(self) -> Result<()> {
        tls::install();
        let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
        let settings = self.settings;
        match self.command {
            Command::Plugin(command) => runtime.block_on(command.run(settings)),
            Command::Simulate(command) => runtime.block_on(command.run(settings)),
            Command::Pathway(command) => runtime.block_on(command.run()),
            Command::Demo(command) => runtime.block_on(command.run()),
            Command::Serve(command) => {
                let config = settings.load()?;
                let traces = Traces::open(&config.telemetry, runtime.handle()).context("telemetry.otlp_endpoint")?;
                log_to_stderr(&config, &traces)?;
                let served = runtime.block_on(command.run(config));
                traces.close();
                // A thread that is still blocked is not waited for.
                runtime.shutdown_background();
                served
            }
            Command::Import(command) => runtime.block_on(command.run(settings.load()?)),
            Command::Policy(command) => runtime.block_on(command.run(settings.load()?)),
            Command::Replay(command) => runtime.block_on(command.run(settings.load()?)),
            Command::Keys(command) => runtime.block_on(command.run(settings.load()?)),
            Command::Retention(command) => runtime.block_on(command.run(settings.load()?)),
            Command::Audit(command) => runtime.block_on(command.run(settings.load()?)),
            Command::Migrate(command) => runtime.block_on(command.run(settings.load()?)),
        }
    }
}

impl Settings {
    fn load(self) -> Result<Config> {
        let mut config = Config::load(self.config.as_deref()).context("settings")?;
        config.data_dir = self.data_dir.unwrap_or(config.data_dir);
        config.database_url = self.database_url.or(config.database_url);
        Ok(config)
    }
}

/// Log lines to stderr, and spans to the collector if there is one.
fn log_to_stderr(config: &Config, traces: &Traces) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log.filter).context("log.filter")?;
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    let lines = match config.log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(traces.layer())
        .with(lines.with_filter(filter.and(filter_fn(telemetry::stays))))
        .init();
    Ok(())
}
