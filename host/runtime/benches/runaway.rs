//! What a plugin that never ends costs its neighbours, and when it is stopped.
//!
//! Eight plugins, called in turn by 64 callers at once. In the quiet round all are
//! the shipped checker of prescriptions; in the others one of the eight loops for
//! ever. First as it is in life, where the breaker soon lets the looper rest; then
//! with its breaker never allowed to open, as if each of its calls came from another
//! tenant. The rounds take turns, so that a busy machine disturbs all alike.
//!
//! `cargo xtask bench runaway` builds the plugins and runs this.
#![allow(clippy::disallowed_methods, reason = "tasks of a benchmark end with it")]

use std::{
    env,
    error::Error,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant as Moment},
};

use xinglin_domain::review::Verdict;
use xinglin_runtime::{CallContext, FailureCode, Grants, Options, Package, Plugin, Runtime};

#[allow(dead_code, reason = "written for tests, of which this needs a few")]
#[path = "../tests/runtime/fixtures.rs"]
mod fixtures;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const PLUGINS: usize = 8;
/// Which of them loops.
const LOOPER: usize = PLUGINS - 1;
/// What each kind of round is made of, so that kinds can take turns.
const TURNS: usize = 5;
/// How late after its deadline a looper may be stopped.
const LATE: Duration = Duration::from_millis(20);
/// What the neighbours' 99th percentile may become, as a multiple of the quiet round's.
const TARGET: f64 = 2.0;

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    tokio.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let Arguments { calls, callers, deadline_ms, component } = arguments;
    let bytes = fs::read(component).map_err(|e| format!("{}: {e}", component.display()))?;
    let runtime = Runtime::new(Options::default())?;
    let neighbour = Package::read(bytes.as_slice())?;
    let manifest: &'static str = format!("[limits]\ndeadline-ms = {deadline_ms}").leak();
    let looper = fixtures::Checker::new("(loop $again (br $again)) unreachable").manifest(manifest).package();
    let packages = Packages { runtime, neighbour, looper };
    println!(
        "{calls} calls a kind of round, {callers} at once, over {PLUGINS} plugins of which one loops until its deadline \
         of {deadline_ms} ms; {} cores\n",
        std::thread::available_parallelism()?,
    );

    let kinds = [Kind::Quiet, Kind::Resting, Kind::Restless];
    // Not counted: the first calls of a process find nothing warm.
    packages.round(Kind::Quiet, (calls / 10).max(PLUGINS), *callers).await?;
    let mut rounds: [Round; 3] = Default::default();
    for _ in 0..TURNS {
        for (kind, round) in kinds.iter().zip(&mut rounds) {
            round.add(packages.round(*kind, calls.div_ceil(TURNS), *callers).await?);
        }
    }
    for round in &mut rounds {
        round.neighbours.sort_unstable();
        round.late.sort_unstable();
    }

    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{:<34}{:>10}{:>10}{:>10}{:>10}{:>12}{:>10}",
        "neighbours, asked to answered", "p50", "p99", "max", "p99, ×", "answers/s", "without",
    );
    let [quiet, ..] = &rounds;
    let quiet_p99 = percentile(&quiet.neighbours, 990);
    for (kind, round) in kinds.iter().zip(&rounds) {
        let p99 = percentile(&round.neighbours, 990);
        println!(
            "{:<34}{:>7.2} ms{:>7.2} ms{:>7.2} ms{:>10.2}{:>12.0}{:>10}",
            kind.name(),
            millis(percentile(&round.neighbours, 500)),
            millis(p99),
            millis(percentile(&round.neighbours, 1_000)),
            p99.as_secs_f64() / quiet_p99.as_secs_f64(),
            round.neighbours.len() as f64 / round.took.as_secs_f64(),
            round.failed,
        );
    }
    println!(
        "\n{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}",
        "looper, stopped after its deadline", "p50", "p99", "max", "stopped", "resting", "busy",
    );
    for (kind, round) in kinds.iter().zip(&rounds).skip(1) {
        println!(
            "{:<34}{:>7.2} ms{:>7.2} ms{:>7.2} ms{:>10}{:>10}{:>8}",
            kind.name(),
            millis(percentile(&round.late, 500)),
            millis(percentile(&round.late, 990)),
            millis(percentile(&round.late, 1_000)),
            round.late.len(),
            round.resting,
            round.busy,
        );
    }
    println!();
    for (kind, round) in kinds.iter().zip(&rounds).skip(1) {
        let ratio = percentile(&round.neighbours, 990).as_secs_f64() / quiet_p99.as_secs_f64();
        let late = percentile(&round.late, 990);
        println!(
            "{}: stopped at most {} ms late (p99): {}; neighbours' p99 below {TARGET} times: {}",
            kind.name(),
            LATE.as_millis(),
            if late <= LATE { "met" } else { "EXCEEDED" },
            if ratio < TARGET { "met" } else { "EXCEEDED" },
        );
    }
    Ok(())
}

struct Arguments {
    calls: usize,
    callers: usize,
    deadline_ms: u32,
    component: PathBuf,
}

impl Arguments {
    /// `--calls N --callers N --deadline-ms N --component FILE`; cargo adds `--bench`.
    fn parse() -> Result<Self> {
        let (mut calls, mut callers, mut deadline_ms, mut component) = (100_000, 64, 20, None);
        let mut arguments = env::args_os().skip(1);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{} wants a value", name.display()));
            match name.to_str() {
                Some("--bench") => {}
                Some("--calls") => calls = value()?.to_string_lossy().parse()?,
                Some("--callers") => callers = value()?.to_string_lossy().parse()?,
                Some("--deadline-ms") => deadline_ms = value()?.to_string_lossy().parse()?,
                Some("--component") => component = Some(value()?.into()),
                _ => return Err(format!("unknown argument {}", name.display()).into()),
            }
        }
        if calls < PLUGINS * TURNS || callers == 0 {
            return Err(format!("--calls must be at least {} and --callers above 0", PLUGINS * TURNS).into());
        }
        let component =
            component.ok_or("--component is missing; `cargo xtask bench runaway` builds it and names it")?;
        Ok(Self { calls, callers, deadline_ms, component })
    }
}

// --- rounds ------------------------------------------------------------------------

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nobody loops.
    Quiet,
    /// One loops, and its breaker does what it does.
    Resting,
    /// One loops, and no breaker ever sees enough of it.
    Restless,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "no looper",
            Self::Resting => "a looper, with its breaker",
            Self::Restless => "a looper that never rests",
        }
    }
}

#[derive(Default)]
struct Round {
    /// Of each neighbour's call, waiting for its turn included.
    neighbours: Vec<Duration>,
    /// Of each looping call, how long after its deadline it was over.
    late: Vec<Duration>,
    resting: usize,
    busy: usize,
    /// Neighbours without an answer: out of time or of places.
    failed: usize,
    took: Duration,
}

impl Round {
    fn add(&mut self, other: Self) {
        self.neighbours.extend(other.neighbours);
        self.late.extend(other.late);
        self.resting += other.resting;
        self.busy += other.busy;
        self.failed += other.failed;
        self.took += other.took;
    }
}

struct Packages {
    runtime: Runtime,
    neighbour: Package,
    looper: Package,
}

impl Packages {
    async fn load(&self, package: &Package) -> Result<Arc<Plugin>> {
        Ok(self.runtime.load(package, &Grants::as_asked(package.manifest())).await?)
    }

    async fn round(&self, kind: Kind, calls: usize, callers: usize) -> Result<Round> {
        let mut plugins = Vec::new();
        for place in 0..PLUGINS {
            let loops = place == LOOPER && kind != Kind::Quiet;
            plugins.push(self.load(if loops { &self.looper } else { &self.neighbour }).await?);
        }
        let (plugins, next, started) = (Arc::new(plugins), Arc::new(AtomicUsize::new(0)), Moment::now());
        let mut tasks = Vec::new();
        for _ in 0..callers {
            let (plugins, next, packages) = (plugins.clone(), next.clone(), self.clone());
            tasks.push(tokio::spawn(async move {
                let mut round = Round::default();
                loop {
                    // As a request that ended: the next one is another task's.
                    tokio::task::yield_now().await;
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= calls {
                        return Ok::<_, Box<dyn Error + Send + Sync>>(round);
                    }
                    let place = number % PLUGINS;
                    if place == LOOPER && kind == Kind::Restless {
                        // Under a breaker of its own.
                        let plugin = packages.load(&packages.looper).await?;
                        packages.call(&plugin, true, &mut round).await?;
                    } else {
                        packages.call(&plugins[place], place == LOOPER && kind == Kind::Resting, &mut round).await?;
                    }
                }
            }));
        }
        let mut sum = Round::default();
        for task in tasks {
            sum.add(task.await??);
        }
        sum.took = started.elapsed();
        Ok(sum)
    }

    async fn call(&self, plugin: &Plugin, loops: bool, round: &mut Round) -> Result<()> {
        let context: CallContext = fixtures::context();
        let (order, snapshot, asked) = (fixtures::order(), fixtures::snapshot(), Moment::now());
        let call = self.runtime.review(plugin, context, &order, &snapshot, fixtures::now()).await;
        let took = asked.elapsed();
        match call.outcome {
            Ok(Ok(Verdict::Allow | Verdict::Warn(_))) if !loops => round.neighbours.push(took),
            Err(failure) if loops => match failure.code {
                FailureCode::Fuel => {
                    let deadline = Duration::from_millis(plugin.limits().deadline_ms.into());
                    round.late.push(call.elapsed.saturating_sub(deadline));
                }
                FailureCode::Resting => round.resting += 1,
                FailureCode::Busy => round.busy += 1,
                code => return Err(format!("the looper ended with {code}: {}", failure.message).into()),
            },
            Err(failure) if matches!(failure.code, FailureCode::Fuel | FailureCode::Busy | FailureCode::Resting) => {
                round.failed += 1;
            }
            other => return Err(format!("{} answered {other:?}", plugin.manifest().id).into()),
        }
        Ok(())
    }
}

impl Clone for Packages {
    fn clone(&self) -> Self {
        Self { runtime: self.runtime.clone(), neighbour: self.neighbour.clone(), looper: self.looper.clone() }
    }
}

/// The smallest time that so many in a thousand do not exceed.
fn percentile(sorted: &[Duration], thousandths: usize) -> Duration {
    let rank = (sorted.len() * thousandths).div_ceil(1_000);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
