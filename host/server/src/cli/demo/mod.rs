//! `xinglin demo`: one visit, step by step. Everything is done over HTTP against this same binary
//! in a process of its own, and the demonstration fails if an expected refusal does not occur.

mod client;
mod heads;
mod pathway;
mod patient;
mod payers;
mod server;
mod story;
mod vendor;
mod visit;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use xinglin_platform::{ambient, keys};

use crate::cli::demo::{server::Server, vendor::Vendor, visit::Plugin};

pub use crate::cli::demo::server::LISTENING;

/// Show one patient's follow-up visit on a real server with real plugins.
///
/// Starts a server on a new folder, installs four plugins, imports a synthetic patient and runs the
/// visit from the evidence to the dispensed medicine. Every step shows the input and output of each
/// plugin. Then the server keeps running for inspection; stop it with Ctrl-C.
///
/// Examples:
///   xinglin demo --once
///   xinglin demo --listen 127.0.0.1:9000
///   xinglin demo --plugins dist --patient my-synthea-patient.json
///   xinglin demo --payers --once
///   xinglin demo --pathway mental-health --once
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Demo {
    /// Stop after the last step, and remove all files.
    #[arg(long)]
    once: bool,
    /// Address to listen on [default: 127.0.0.1:7788, or any free port with --once].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Show who pays instead: the basic fund, an insurer after it, an insurer alone, and a year of payment per head.
    #[arg(long, conflicts_with = "patient")]
    payers: bool,
    /// Show half a year in a pathway instead: what each person sees, with the server killed in between.
    #[arg(long, value_name = "PATHWAY", conflicts_with_all = ["patient", "payers"])]
    pathway: Option<pathway::Which>,
    /// Folder with the packages of the plugins.
    #[arg(long, value_name = "FOLDER")]
    plugins: Option<PathBuf>,
    /// A FHIR R4 transaction bundle of a patient with type 2 diabetes, instead of the built-in one.
    #[arg(long, value_name = "FILE")]
    patient: Option<PathBuf>,
}

/// A synthetic patient: see `examples/patients/README.md`.
const PATIENT: &str = include_str!("../../../../../examples/patients/type-2-diabetes.json");

impl Demo {
    /// Runs the command.
    pub async fn run(self) -> Result<()> {
        let plugins = self.find_plugins()?;
        let patient = match &self.patient {
            Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
            None => PATIENT.to_owned(),
        };
        let patient = serde_json::from_str(&patient).context("the patient's bundle is not JSON")?;
        let folder = std::env::temp_dir().join(format!("xinglin-demo-{:08x}", ambient::fresh_id() as u32));
        keys::private_folder(&folder)?;
        let listen = self.listen.clone().unwrap_or_else(|| match self.once {
            true => "127.0.0.1:0".to_owned(),
            false => "127.0.0.1:7788".to_owned(),
        });
        let password = hex::encode(ambient::random_bytes::<8>());
        let vendor = Vendor::trusted_by(&folder)?;
        let server = Server::start(&folder, &listen, &password).await?;
        let told = match (self.pathway, self.payers) {
            (Some(which), _) => pathway::tell(which, server, &plugins, &vendor, &password).await,
            (None, true) => payers::tell(server, &plugins, &vendor, &password).await,
            (None, false) => visit::tell(server, &plugins, &vendor, patient, &password).await,
        };
        let mut told =
            told.with_context(|| format!("the server's log is in {}", folder.join("server.log").display()))?;
        if self.once {
            told.server.kill().await?;
            std::fs::remove_dir_all(&folder)?;
            return Ok(());
        }
        self.leave_running(told, &folder, &password).await
    }

    fn find_plugins(&self) -> Result<PathBuf> {
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
        let beside = beside.into_iter().flat_map(|folder| [folder.join("plugins"), folder.join("../plugins")]);
        let candidates: Vec<PathBuf> = match &self.plugins {
            Some(folder) => vec![folder.clone()],
            None => std::iter::once("target/plugins".into()).chain(beside).collect(),
        };
        let needed: Vec<Plugin> = match (self.pathway, self.payers) {
            (Some(which), _) => which.plugins().into(),
            (None, true) => payers::PLUGINS.into(),
            (None, false) => visit::PLUGINS.into(),
        };
        let whole = |folder: &&PathBuf| needed.iter().all(|plugin| folder.join(plugin.file).is_file());
        match candidates.iter().find(whole) {
            Some(folder) => Ok(folder.clone()),
            None => {
                let looked: Vec<_> = candidates.iter().map(|folder| folder.display().to_string()).collect();
                bail!(
                    "the plugins are not built: looked in {}. Run `cargo xtask build-plugins`, or name their folder \
                     with --plugins",
                    looked.join(", ")
                )
            }
        }
    }

    async fn leave_running(&self, told: visit::Told, folder: &Path, password: &str) -> Result<()> {
        let visit::Told { mut server, tenant, staff_password, .. } = told;
        let address = server.address.clone();
        println!("\nThe server goes on running (process {}). Look around:", server.pid());
        println!("   {address}/                      the front door");
        println!("   {address}/api/v1/openapi.json   every operation");
        println!("   {address}/fhir/R4/metadata      the FHIR face");
        println!("   {}   its log, with the plugins' lines", folder.join("server.log").display());
        println!("Sign in with POST {address}/api/v1/sessions:");
        println!("   {{\"login\": \"operator\", \"password\": \"{password}\"}}");
        println!(
            "   {{\"tenant\": \"{tenant}\", \"login\": \"doctor\", \"password\": \"{staff_password}\"}}   \
             (also: patient, pharmacist, assistant, administrator)"
        );
        println!("From another terminal, beside the server:");
        for command in ["replay --all", "audit verify", "plugin list"] {
            println!("   xinglin --data-dir {} {command}", folder.display());
        }
        println!("Stop with Ctrl-C. The records stay in {}", folder.display());
        tokio::select! {
            _ = tokio::signal::ctrl_c() => server.kill().await,
            ended = server.wait() => ended,
        }
    }
}
