//! A check of a prescription as a plugin, as an Extism plugin, and as the HTTP webhook
//! that one would build instead: the same rule, order, snapshot and answer, taking
//! turns in one process.
//!
//! The plugin's side is [`Runtime::review`] with all that it does: limits, a fresh
//! instance, the tape and its hash. Extism's are a module of the same rule, compiled
//! once, with JSON both ways: a plugin made for each call, as ours is, on Extism's own
//! settings and on the pooling allocator that our host uses; and one plugin for all
//! calls, so that each finds what the one before it left in memory. None of them has
//! a limit of memory or time, nor a record of what was said. The webhook's side is a
//! server on a runtime of its own and a client that keeps its connection, both on
//! loopback, JSON both ways, native code, no TLS, no signature, no record. All are let
//! off lightly.
//!
//! `cargo xtask bench versus` builds the plugins and runs this.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant as Moment},
};

use axum::{Json, Router, routing::post};
use clap::Parser;
use extism::{CompiledPlugin, PluginBuilder};
use xinglin_bench::{
    Result,
    case::{NOW, World},
    dice::Dice,
    rule::{self, Answer, Asked},
};
use xinglin_domain::{
    id::{CallId, TenantId},
    review::Verdict,
};
use xinglin_runtime::{CallContext, Grants, HostServices, Options, Package, Plugin, Runtime};

/// Calls of one side before it is the next one's turn.
const TURN: usize = 50;
/// Calls of each side before any is counted.
const WARM_UP: usize = 1_000;
/// How much slower the webhook should be, at the median.
const TARGET: f64 = 10.0;
/// The size of snapshot that the budget speaks of, as JSON.
const SNAPSHOT: usize = 2_048;

#[derive(Parser)]
struct Arguments {
    /// Calls to time on each side.
    #[arg(long, default_value_t = 10_000)]
    calls: usize,
    /// The built checker.
    #[arg(long)]
    component: PathBuf,
    /// The same rule as an Extism module.
    #[arg(long)]
    extism: PathBuf,
}

fn main() -> Result<()> {
    let Arguments { calls, component, extism } = Arguments::parse();
    let asked = asked()?;
    let expected = rule::review(&asked).map_err(|e| format!("the rule answers {e:?}"))?;
    let (order, snapshot) = (serde_json::to_string(&asked.order)?.len(), serde_json::to_string(&asked.snapshot)?.len());
    println!(
        "an order of {order} bytes and a snapshot of {snapshot} as JSON, answered with {}; {calls} calls a side in \
         turns of {TURN}\n",
        named(&expected),
    );

    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bytes = fs::read(&component).map_err(|e| format!("{}: {e}", component.display()))?;
    let package = Package::read(bytes.as_slice())?;
    let runtime = Runtime::new(Options::default())?;
    let plugin = tokio.block_on(runtime.load(&package, &Grants::as_asked(package.manifest())))?;
    let (usual, pooled) = (compiled(&extism, false)?, compiled(&extism, true)?);
    let mut reused = extism::Plugin::new_from_compiled(&usual)?;
    // A client that speaks TLS wants to know whose, even if it never does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (client, url) = (reqwest::Client::builder().tcp_nodelay(true).build()?, serve()?);

    let mut sides: [Side<'_>; 5] = [
        Side::new("plugin, whole host path", || tokio.block_on(reviewed(&runtime, &plugin, &asked))),
        Side::new("Extism, fresh plugin", || of_extism(&mut extism::Plugin::new_from_compiled(&usual)?, &asked)),
        Side::new("Extism, fresh, pooled", || of_extism(&mut extism::Plugin::new_from_compiled(&pooled)?, &asked)),
        Side::new("Extism, reused plugin", || of_extism(&mut reused, &asked)),
        Side::new("webhook on loopback", || tokio.block_on(posted(&client, &url, &asked))),
    ];
    for side in &mut sides {
        side.take_turn(WARM_UP, &expected)?;
        side.times.clear();
    }
    while sides.iter().any(|side| side.times.len() < calls) {
        for side in &mut sides {
            side.take_turn(TURN.min(calls - side.times.len()), &expected)?;
        }
    }
    let rows = sides.map(|side| {
        let mut times = side.times;
        times.sort_unstable();
        (side.name, percentile(&times, 50).as_secs_f64(), percentile(&times, 99).as_secs_f64())
    });
    let [(_, host_p50, host_p99), .., (_, webhook_p50, _)] = rows;
    println!("{:<26}{:>12}{:>12}{:>10}{:>10}", "one call at a time", "p50", "p99", "p50, ×", "p99, ×");
    for (name, p50, p99) in rows {
        println!(
            "{name:<26}{:>9.1} µs{:>9.1} µs{:>10.2}{:>10.2}",
            p50 * 1e6,
            p99 * 1e6,
            p50 / host_p50,
            p99 / host_p99
        );
    }
    let verdict = if webhook_p50 / host_p50 >= TARGET { "met" } else { "MISSED" };
    println!("\ntarget, a webhook at least {TARGET} times as slow at the median: {verdict}");
    Ok(())
}

/// The first patient drawn whose snapshot is about as large as the budget says.
fn asked() -> Result<Asked> {
    let (world, mut dice) = (World::new()?, Dice::new(7));
    for _ in 0..10_000 {
        let patient = world.patient(&mut dice, NOW);
        let snapshot = patient.for_review(NOW);
        if serde_json::to_string(&snapshot)?.len().abs_diff(SNAPSHOT) <= 64 {
            return Ok(Asked { order: patient.order(&mut dice), snapshot, now: NOW });
        }
    }
    Err("no patient has a snapshot of that size".into())
}

fn named(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Warn(findings) => format!("a warning, findings: {}", findings.len()),
        Verdict::Veto(findings) => format!("a veto, findings: {}", findings.len()),
    }
}

// --- the sides ---------------------------------------------------------------------

async fn reviewed(runtime: &Runtime, plugin: &Plugin, asked: &Asked) -> Result<Verdict> {
    let context = CallContext {
        call: CallId::from_u128(7),
        tenant: TenantId::from_u128(5),
        request_id: "0199a2f0-3c41-7d52-9f6e-2b8d4c1a7e90".to_owned(),
        settings: Vec::new(),
        services: HostServices::default(),
        now: asked.now,
    };
    let call = runtime.review(plugin, context, &asked.order, &asked.snapshot, asked.now).await;
    black_box(call.tape.record_hash());
    match call.outcome {
        Ok(Ok(verdict)) => Ok(verdict),
        other => Err(format!("the plugin answered {other:?}").into()),
    }
}

fn compiled(module: &Path, is_pooled: bool) -> Result<CompiledPlugin> {
    let bytes = fs::read(module).map_err(|e| format!("{}: {e}", module.display()))?;
    let builder = PluginBuilder::new(bytes).with_cache_disabled();
    let builder = if is_pooled { builder.with_wasmtime_config(pooled()) } else { builder };
    Ok(builder.compile()?)
}

/// Extism's side is one call at a time. What stays resident is what our host keeps.
fn pooled() -> wasmtime::Config {
    let mut pool = wasmtime::PoolingAllocationConfig::new();
    pool.total_core_instances(8)
        .total_memories(8)
        .total_tables(8)
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(16 << 10)
        .pagemap_scan(wasmtime::Enabled::Auto);
    let mut config = wasmtime::Config::new();
    config.allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool));
    config
}

fn of_extism(plugin: &mut extism::Plugin, asked: &Asked) -> Result<Verdict> {
    let answer: &[u8] = plugin.call("review", serde_json::to_vec(asked)?)?;
    serde_json::from_slice::<Answer>(answer)?.map_err(|e| format!("Extism's plugin answered {e:?}").into())
}

async fn posted(client: &reqwest::Client, url: &str, asked: &Asked) -> Result<Verdict> {
    let response = client.post(url).json(asked).send().await?.error_for_status()?;
    response.json::<Answer>().await?.map_err(|e| format!("the webhook answered {e:?}").into())
}

/// A server with a thread and a runtime of its own; ends with the process.
fn serve() -> Result<String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}/review", listener.local_addr()?);
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let review = async |Json(asked): Json<Asked>| Json(rule::review(&asked));
    thread::spawn(move || {
        tokio.block_on(async move {
            use axum::serve::ListenerExt as _;
            let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
                // Otherwise Nagle's algorithm is measured.
                let _ = stream.set_nodelay(true);
            });
            axum::serve(listener, Router::new().route("/review", post(review))).await
        })
    });
    Ok(url)
}

// --- measuring ---------------------------------------------------------------------

struct Side<'a> {
    name: &'static str,
    call: Box<dyn FnMut() -> Result<Verdict> + 'a>,
    times: Vec<Duration>,
}

impl<'a> Side<'a> {
    fn new(name: &'static str, call: impl FnMut() -> Result<Verdict> + 'a) -> Self {
        Self { name, call: Box::new(call), times: Vec::new() }
    }

    fn take_turn(&mut self, calls: usize, expected: &Verdict) -> Result<()> {
        for _ in 0..calls {
            let started = Moment::now();
            let verdict = (self.call)()?;
            self.times.push(started.elapsed());
            if verdict != *expected {
                return Err(format!("{}: answered {verdict:?}, not {expected:?}", self.name).into());
            }
        }
        Ok(())
    }
}

/// The smallest time that so many in a hundred do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
