//! What the host costs: [`Runtime::review`] beside wasmtime alone, on the same
//! component with the same arguments, taking turns in one process.
//!
//! The host's side is all that a caller pays for: lowering from the domain's
//! types, turn-taking, limits, deadline, a fresh instance, raising and measuring
//! the answer, the tape and its hash. Wasmtime's side is the least that calls a
//! component at all: a store, an instance, the generated binding, on arguments
//! lowered beforehand, synchronous, with no epochs, limits or canonical NaNs.
//! The allocator is set up alike on both.
//!
//! `cargo xtask bench call` builds the plugin and runs this.

use std::{
    env,
    error::Error,
    fs,
    hint::black_box,
    path::PathBuf,
    time::{Duration, Instant as Moment},
};

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component, InstancePre, Linker},
};
use xinglin_domain::{
    clinical::{
        Allergy, Condition, ConditionStatus, Criticality, Medication, MedicationStatus, Observation, ObservationValue,
        Omission, OmissionReason, Section, Sex, Snapshot, Subject,
    },
    coding::{Coding, Decimal, Quantity, system},
    id::{CallId, TenantId},
    review::{Line, Order, Verdict},
    time::Instant,
};
use xinglin_runtime::{AotCache, CallContext, Grants, HostKey, HostServices, Options, Package, Plugin, Runtime};

// The runtime shows its bindings to nobody. Its own files, compiled once more,
// give both sides the very same types and conversions.
#[path = "../src/contract/clinical/v1.rs"]
mod clinical_v1;
#[allow(dead_code, reason = "used in one direction")]
#[path = "../src/contract/types/v1.rs"]
mod types_v1;
#[allow(dead_code, reason = "generated for every hook, used for one")]
#[path = "../src/wit.rs"]
mod wit;
mod contract {
    pub(crate) mod types {
        pub(crate) use crate::types_v1 as v1;
    }
}

use types_v1::lower;
use wit::{exports::xinglin::prescribing::review as guest, xinglin::clinical::snapshot::Snapshot as GuestSnapshot};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Calls of one side before it is the other's turn: long enough to be warm, short
/// enough that a busy neighbour disturbs both alike.
const TURN: usize = 100;
/// Calls of each side before any is counted.
const WARM_UP: usize = 2_000;
/// What the host may cost at the median, as a multiple of wasmtime alone.
const TARGET: f64 = 2.0;

fn main() -> Result<()> {
    let Arguments { calls, component } = Arguments::parse()?;
    let bytes = fs::read(&component).map_err(|e| format!("{}: {e}", component.display()))?;
    let (order, snapshot) = (order(), snapshot());
    println!(
        "{} ({} KiB), a snapshot of {} bytes as JSON, an order of {} lines; {calls} calls a side in turns of {TURN}",
        component.file_name().unwrap_or_default().display(),
        bytes.len() >> 10,
        serde_json::to_string(&snapshot)?.len(),
        order.lines.len(),
    );
    let pagemap_scan = PoolingAllocationConfig::is_pagemap_scan_available();
    println!("kernel has pagemap_scan: {}\n", if pagemap_scan { "yes" } else { "no" });

    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let package = Package::read(bytes.as_slice())?;
    let runtime = Runtime::new(Options::default())?;
    let plugin = tokio.block_on(runtime.load(&package, &Grants::as_asked(package.manifest())))?;
    let bare = Bare::new(&bytes, &order, &snapshot)?;

    let mut sides: [Side<'_>; 2] = [
        Side::new("wasmtime alone", || bare.call()),
        Side::new("Runtime::review", || tokio.block_on(reviewed(&runtime, &plugin, &order, &snapshot))),
    ];
    for side in &mut sides {
        side.take_turn(WARM_UP)?;
        side.times.clear();
    }
    while sides.iter().any(|side| side.times.len() < calls) {
        for side in &mut sides {
            side.take_turn(TURN.min(calls - side.times.len()))?;
        }
    }
    let [bare, host] = sides.map(Side::figures);
    print_figures(&bare, &host);

    let (compiled, cached) = tokio.block_on(loads(&package))?;
    println!(
        "loading: compiled in {compiled:.1?}, from the AOT cache in {cached:.2?} ({:.0} times as fast)",
        compiled.as_secs_f64() / cached.as_secs_f64(),
    );
    Ok(())
}

struct Arguments {
    calls: usize,
    component: PathBuf,
}

impl Arguments {
    /// `--calls N --component FILE`; cargo adds `--bench`.
    fn parse() -> Result<Self> {
        let (mut calls, mut component) = (20_000, None);
        let mut arguments = env::args_os().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{} wants a value", name.display()));
            match name.to_str() {
                Some("--bench") => {}
                Some("--calls") => calls = value()?.to_string_lossy().parse()?,
                Some("--component") => component = Some(value()?.into()),
                _ => return Err(format!("unknown argument {}", name.display()).into()),
            }
        }
        if calls == 0 {
            return Err("--calls must be above 0".into());
        }
        let component = component.ok_or("--component is missing; `cargo xtask bench call` builds it and names it")?;
        Ok(Self { calls, component })
    }
}

// --- the two sides -----------------------------------------------------------------

/// The whole path of the host. Fails if the plugin did not decide as expected: a
/// failure would be quick.
async fn reviewed(runtime: &Runtime, plugin: &Plugin, order: &Order, snapshot: &Snapshot) -> Result<()> {
    let context = CallContext {
        call: CallId::from_u128(7),
        tenant: TenantId::from_u128(5),
        request_id: "0199a2f0-3c41-7d52-9f6e-2b8d4c1a7e90".to_owned(),
        settings: Vec::new(),
        services: HostServices::default(),
        now: NOW,
    };
    let call = runtime.review(plugin, context, order, snapshot, NOW).await;
    black_box(call.tape.record_hash());
    match call.outcome {
        Ok(Ok(Verdict::Allow)) => Ok(()),
        other => Err(format!("the host's side answered {other:?}").into()),
    }
}

/// Wasmtime, and nothing of ours.
struct Bare {
    engine: Engine,
    instance: InstancePre<()>,
    review: guest::GuestIndices,
    order: guest::Order,
    snapshot: GuestSnapshot,
}

impl Bare {
    fn new(bytes: &[u8], order: &Order, snapshot: &Snapshot) -> Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.linear_memory_keep_resident(64 << 10).table_keep_resident(16 << 10).pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool)).memory_init_cow(true);
        let engine = Engine::new(&config)?;
        // The plugin imports types alone, so there is nothing to link.
        let instance = Linker::new(&engine).instantiate_pre(&Component::from_binary(&engine, bytes)?)?;
        let review = guest::GuestIndices::new(&instance)?;
        Ok(Self { engine, instance, review, order: lower_order(order), snapshot: snapshot.into() })
    }

    fn call(&self) -> Result<()> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.instance.instantiate(&mut store)?;
        let review = self.review.load(&mut store, &instance)?;
        match review.call_review(&mut store, &self.order, &self.snapshot, NOW.micros())? {
            Ok(guest::Verdict::Allow) => Ok(()),
            other => Err(format!("wasmtime's side answered {other:?}").into()),
        }
    }
}

fn lower_order(order: &Order) -> guest::Order {
    let line = |line: &Line| guest::Line {
        number: line.number,
        code: lower(&line.code),
        ingredients: lower(&line.ingredients),
        dose: (&line.dose).into(),
        doses_per_day: (&line.doses_per_day).into(),
        days: line.days,
        route: line.route.as_ref().map(Into::into),
        attributes: lower(&line.attributes),
    };
    guest::Order {
        diagnoses: lower(&order.diagnoses),
        lines: order.lines.iter().map(line).collect(),
        long_term: order.long_term,
        attributes: lower(&order.attributes),
    }
}

// --- measuring ---------------------------------------------------------------------

struct Side<'a> {
    name: &'static str,
    call: Box<dyn FnMut() -> Result<()> + 'a>,
    times: Vec<Duration>,
}

impl<'a> Side<'a> {
    fn new(name: &'static str, call: impl FnMut() -> Result<()> + 'a) -> Self {
        Self { name, call: Box::new(call), times: Vec::new() }
    }

    fn take_turn(&mut self, calls: usize) -> Result<()> {
        for _ in 0..calls {
            let started = Moment::now();
            (self.call)()?;
            self.times.push(started.elapsed());
        }
        Ok(())
    }

    fn figures(self) -> Figures {
        let Self { name, mut times, .. } = self;
        times.sort_unstable();
        Figures {
            name,
            p50: percentile(&times, 50),
            p99: percentile(&times, 99),
            per_second: times.len() as f64 / times.iter().sum::<Duration>().as_secs_f64(),
        }
    }
}

/// The smallest time that so many in a hundred do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted[rank.saturating_sub(1)]
}

struct Figures {
    name: &'static str,
    p50: Duration,
    p99: Duration,
    per_second: f64,
}

fn print_figures(bare: &Figures, host: &Figures) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!("{:<18}{:>12}{:>12}{:>18}", "one thread", "p50", "p99", "calls a second");
    for Figures { name, p50, p99, per_second } in [bare, host] {
        println!("{name:<18}{:>9.1} µs{:>9.1} µs{per_second:>18.0}", micros(*p50), micros(*p99));
    }
    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
    let median = ratio(host.p50, bare.p50);
    println!("{:<18}{median:>12.2}{:>12.2}", "ratio", ratio(host.p99, bare.p99));
    println!("\nthe host adds {:.1} µs at the median", micros(host.p50) - micros(bare.p50));
    let verdict = if median <= TARGET { "met" } else { "EXCEEDED" };
    println!("target, a median of at most {TARGET} times wasmtime alone: {verdict}");
}

/// Medians of loading with the compiler and from the cache. Loading includes
/// linking and one trial instance.
async fn loads(package: &Package) -> Result<(Duration, Duration)> {
    let folder = tempfile::tempdir()?;
    let cache = AotCache::open(folder.path(), HostKey::new([7; 32]))?;
    let compiling = Runtime::new(Options::default())?;
    let caching = Runtime::new(Options { cache: Some(cache), ..Options::default() })?;
    load(&caching, package).await?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..9 {
        times[0].push(load(&compiling, package).await?);
        times[1].push(load(&caching, package).await?);
    }
    let [compiled, cached] = times.map(|mut times| {
        times.sort_unstable();
        percentile(&times, 50)
    });
    Ok((compiled, cached))
}

/// The plugin is dropped again, and its code with it.
async fn load(runtime: &Runtime, package: &Package) -> Result<Duration> {
    let grants = Grants::as_asked(package.manifest());
    let started = Moment::now();
    let plugin = runtime.load(package, &grants).await?;
    let elapsed = started.elapsed();
    drop(plugin);
    Ok(elapsed)
}

// --- the case ----------------------------------------------------------------------

/// 2027-01-15T08:00:00Z.
const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

fn coding(system: &str, code: &str, display: &str) -> Coding {
    Coding { display: Some(display.to_owned()), ..Coding::new(system, code) }
}

fn quantity(value: Decimal, unit: &str) -> Quantity {
    Quantity { value, unit: unit.to_owned() }
}

/// Metformin and dapagliflozin for two months.
fn order() -> Order {
    let line = |number, code: &str, name: &str, milligrams, doses_per_day| Line {
        number,
        code: vec![coding(system::ATC, code, name)],
        ingredients: vec![Coding::new(system::ATC, code)],
        dose: quantity(Decimal::whole(milligrams), "mg"),
        doses_per_day: Decimal::whole(doses_per_day),
        days: 60,
        route: Some(coding(system::SNOMED, "26643006", "口服")),
        attributes: Vec::new(),
    };
    Order {
        diagnoses: vec![coding(system::ICD10, "E11.9", "2型糖尿病")],
        lines: vec![line(1, "A10BA02", "二甲双胍片", 500, 2), line(2, "A10BK01", "达格列净片", 10, 1)],
        long_term: true,
        attributes: Vec::new(),
    }
}

/// A diabetic with healthy kidneys, whom the order suits.
fn snapshot() -> Snapshot {
    let condition = |code: &str, name: &str, days: i64| Condition {
        code: vec![coding(system::ICD10, code, name)],
        status: ConditionStatus::Active,
        onset: Some(NOW.plus_days(-days)),
        attributes: Vec::new(),
    };
    let medication = |code: &str, name: &str| Medication {
        code: vec![coding(system::ATC, code, name)],
        ingredients: vec![Coding::new(system::ATC, code)],
        status: MedicationStatus::Active,
        started: Some(NOW.plus_days(-400)),
        ended: None,
        attributes: Vec::new(),
    };
    let result = |code: &str, name: &str, value, unit: &str, days: i64| Observation {
        code: vec![coding(system::LOINC, code, name)],
        value: ObservationValue::Quantity(quantity(value, unit)),
        components: Vec::new(),
        effective: Some(NOW.plus_days(-days)),
        attributes: Vec::new(),
    };
    Snapshot {
        taken_at: NOW,
        subject: Subject {
            pseudonym: "b1946ac92492d2347c6235b4d2611184".to_owned(),
            age_months: Some(700),
            sex: Sex::Female,
        },
        conditions: vec![condition("E11.9", "2型糖尿病", 2_000), condition("I10", "原发性高血压", 3_000)],
        allergies: vec![Allergy {
            substance: vec![coding(system::ATC, "J01CA04", "阿莫西林")],
            criticality: Criticality::High,
            recorded: Some(NOW.plus_days(-5_000)),
            attributes: Vec::new(),
        }],
        medications: vec![medication("C08CA01", "氨氯地平"), medication("C10AA05", "阿托伐他汀")],
        observations: vec![
            result("98979-8", "估算肾小球滤过率", Decimal::whole(95), "mL/min/{1.73_m2}", 30),
            result("14682-9", "血肌酐", Decimal::whole(62), "umol/L", 30),
            result("98979-8", "估算肾小球滤过率", Decimal::whole(97), "mL/min/{1.73_m2}", 210),
            result("14682-9", "血肌酐", Decimal::whole(60), "umol/L", 210),
        ],
        omissions: vec![Omission { section: Section::Observations, reason: OmissionReason::NotDeclared }],
        attributes: Vec::new(),
    }
}
