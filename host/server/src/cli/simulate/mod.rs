//! `xinglin simulate`.

mod course;
mod dice;
mod keep;
mod report;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    thread::available_parallelism,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::ProgressBar;
use tokio::{
    sync::{Semaphore, mpsc::Sender},
    task::JoinSet,
};
use xinglin_domain::{
    coding::Attribute,
    id::{CallId, TenantId},
    pathway::Definition,
    time::Instant,
};
use xinglin_runtime::{
    Call, CallContext, CallFailure, Grants, HostServices, Interface, Manifest, Options, Package, Plugin, Runtime, Tape,
};

use self::{course::Course, keep::Archive, report::Report};
use super::{Settings, pathway, plugin::bounded};

/// Simulate synthetic patients in a pathway, and report what it asked for: alerts, visits, the time of staff,
/// and where the patients were at the end.
///
/// Each patient has an adherence, a severity that drifts, and chance: answers come late or never, devices are
/// noisy, laboratories are slow, staff take alerts up in time or not. Of the same package, patients, days
/// and seed the report is the same, byte for byte. Courses are synthetic: they show how a pathway behaves,
/// not what it achieves.
///
/// Examples:
///   xinglin simulate target/plugins/diabetes.wasm
///   xinglin simulate examples/pathways/gout.yaml --patients 200 --days 90 --seed 7
///   xinglin simulate target/plugins/mental-health.wasm --svg alerts.svg --json > report.json
///   xinglin --data-dir simulations simulate target/plugins/hiv.wasm --keep
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Simulate {
    /// A package (`….wasm`), or a pathway file (YAML).
    path: PathBuf,
    /// How many patients.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    patients: u32,
    /// For how many days.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u16).range(1..=1_100))]
    days: u16,
    /// Another seed, other patients.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Draw the alerts of each week to this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Put every call on tape, in a new tenant of the database of --data-dir, which must hold no hospital:
    /// `xinglin replay --all` then runs each again.
    #[arg(long)]
    keep: bool,
    /// The package that executes pathway files.
    #[arg(long, default_value = "target/plugins/generic-pathway.wasm", value_name = "FILE")]
    template: PathBuf,
}

/// 2026-01-01T00:00:00Z, when all are enrolled.
const START: Instant = Instant::from_micros(1_767_225_600_000_000);

impl Simulate {
    /// Runs the command.
    pub async fn run(self, settings: Settings) -> Result<()> {
        let package = self.package()?;
        if !Interface::is_pathway(package.interfaces()) {
            bail!("{} is no pathway: it exports other interfaces", self.path.display());
        }
        let cores = available_parallelism().map_or(2, usize::from);
        let calls = u32::try_from(cores * 2)?;
        let options =
            Options { calls, calls_per_plugin: calls, calls_per_tenant: calls, unhurried: true, ..Options::default() };
        let runtime = Runtime::new(options)?;
        let manifest = package.manifest();
        let plugin = runtime.load(&package, &Grants::as_asked(manifest)).await?;
        let archive = match self.keep {
            true => Some(Archive::open(settings.load()?, &package, &self.named(manifest)).await?),
            false => None,
        };
        let tapes = archive.as_ref().map(Archive::tapes);
        let pathway = Arc::new(Pathway::new(runtime, plugin, manifest.resolve(&[])?, tapes).await?);
        let mut report = Report::new(&package, &pathway.definition, (self.patients, self.days, self.seed));
        let (slots, mut courses) = (Arc::new(Semaphore::new(cores)), JoinSet::new());
        for number in 0..self.patients {
            let (pathway, slots) = (Arc::clone(&pathway), Arc::clone(&slots));
            let (days, seed) = (self.days, self.seed);
            courses.spawn(async move {
                let _slot = slots.acquire_owned().await;
                (number, Course::of(&pathway, number, seed, days).run().await)
            });
        }
        let mut ended = BTreeMap::new();
        let progress = ProgressBar::new(u64::from(self.patients));
        while let Some(course) = courses.join_next().await {
            let (number, counted) = course?;
            ended.insert(number, counted);
            progress.inc(1);
        }
        progress.finish_and_clear();
        drop(pathway);
        if let Some(archive) = archive {
            archive.close().await?;
        }
        // In their order, whichever ended first.
        ended.into_values().for_each(|counted| report.add(counted));
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&report.document())?),
            false => report.print(),
        }
        if let Some(file) = &self.svg {
            std::fs::write(file, report.svg()).with_context(|| file.display().to_string())?;
        }
        match report.failure() {
            Some(why) => bail!("{why}"),
            None => Ok(()),
        }
    }

    /// What the tenant of its tapes is called.
    fn named(&self, manifest: &Manifest) -> String {
        let Self { patients, days, seed, .. } = self;
        let Manifest { id, version, .. } = manifest;
        format!("{id} {version}, {patients} patients, {days} days, seed {seed}")
    }

    fn package(&self) -> Result<Package> {
        let named = |path: &Path| path.display().to_string();
        let bytes = match self.path.extension().is_some_and(|extension| extension == "wasm") {
            true => bounded(&self.path, Package::MAX_BYTES)?,
            false => pathway::packed(&self.path, &self.template)?,
        };
        Package::read(bytes).with_context(|| named(&self.path))
    }
}

/// A pathway in the engine, without services of a host: it stores and reads nothing.
struct Pathway {
    runtime: Runtime,
    plugin: Arc<Plugin>,
    settings: Vec<Attribute>,
    definition: Definition,
    /// Where calls are put on tape.
    tapes: Option<Sender<Tape>>,
}

impl Pathway {
    async fn new(
        runtime: Runtime,
        plugin: Arc<Plugin>,
        settings: Vec<Attribute>,
        tapes: Option<Sender<Tape>>,
    ) -> Result<Self> {
        let context = context(CallId::from_u128(0), &settings, START);
        let described = runtime.describe(&plugin, context).await.outcome;
        let definition = described.map_err(|failure| anyhow::anyhow!("describe: {failure}"))?;
        Ok(Self { runtime, plugin, settings, definition, tapes })
    }

    /// The outcome of a call, which is put on tape if tapes are kept.
    async fn took<T>(&self, call: Call<T>) -> Result<T, Box<CallFailure>> {
        if let Some(tapes) = &self.tapes {
            // It is closed if they cannot be stored: then the command fails at its end.
            drop(tapes.send(call.tape).await);
        }
        call.outcome.map_err(Box::new)
    }

    fn context(&self, call: CallId, now: Instant) -> CallContext {
        context(call, &self.settings, now)
    }
}

fn context(call: CallId, settings: &[Attribute], now: Instant) -> CallContext {
    CallContext {
        call,
        tenant: TenantId::from_u128(1),
        request_id: "simulate".to_owned(),
        settings: settings.to_vec(),
        now,
        services: HostServices::default(),
    }
}
