//! A check of a prescription as a plugin, and as the HTTP webhook that one would
//! build instead: the same order and snapshot, taking turns in one process.
//!
//! The plugin's side is [`Runtime::review`] with all that it does: limits, a fresh
//! instance, the tape and its hash. The webhook's side is a server on a runtime of
//! its own and a client that keeps its connection, both on loopback, JSON both ways,
//! no TLS, no signature, no record of what was said. Its rule is native code and
//! looks at less than the plugin's table does; it is let off lightly.
//!
//! `cargo xtask bench versus` builds the plugin and runs this.

use std::{
    fs,
    hint::black_box,
    path::PathBuf,
    thread,
    time::{Duration, Instant as Moment},
};

use axum::{Json, Router, routing::post};
use clap::Parser;
use serde::{Deserialize, Serialize};
use xinglin_bench::{
    Result,
    case::{NOW, World},
    dice::Dice,
};
use xinglin_domain::{
    clinical::{ObservationValue, Snapshot},
    coding::Coding,
    id::{CallId, TenantId},
    review::{Order, Verdict},
};
use xinglin_runtime::{CallContext, Grants, Lent, Options, Package, Plugin, Runtime};

/// Calls of one side before it is the other's turn.
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
}

/// What a webhook is sent.
#[derive(Serialize, Deserialize)]
struct Asked {
    order: Order,
    snapshot: Snapshot,
}

fn main() -> Result<()> {
    let Arguments { calls, component } = Arguments::parse();
    let asked = asked()?;
    let (order, snapshot) = (serde_json::to_string(&asked.order)?.len(), serde_json::to_string(&asked.snapshot)?.len());
    println!(
        "an order of {order} bytes and a snapshot of {snapshot} as JSON; {calls} calls a side in turns of {TURN}\n"
    );

    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bytes = fs::read(&component).map_err(|e| format!("{}: {e}", component.display()))?;
    let package = Package::read(bytes.as_slice())?;
    let runtime = Runtime::new(Options::default())?;
    let plugin = tokio.block_on(runtime.load(&package, &Grants::as_asked(package.manifest())))?;
    // A client that speaks TLS wants to know whose, even if it never does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (client, url) = (reqwest::Client::builder().tcp_nodelay(true).build()?, serve()?);

    let mut sides: [Side<'_>; 2] = [
        Side::new("plugin, whole host path", || tokio.block_on(reviewed(&runtime, &plugin, &asked))),
        Side::new("webhook on loopback", || tokio.block_on(posted(&client, &url, &asked))),
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
    let [plugin, webhook] = sides.map(|side| {
        let mut times = side.times;
        times.sort_unstable();
        (side.name, percentile(&times, 50), percentile(&times, 99))
    });
    println!("{:<26}{:>12}{:>12}", "one call at a time", "p50", "p99");
    for (name, p50, p99) in [plugin, webhook] {
        println!("{name:<26}{:>9.1} µs{:>9.1} µs", p50.as_secs_f64() * 1e6, p99.as_secs_f64() * 1e6);
    }
    let median = webhook.1.as_secs_f64() / plugin.1.as_secs_f64();
    println!("{:<26}{median:>12.2}{:>12.2}", "ratio", webhook.2.as_secs_f64() / plugin.2.as_secs_f64());
    let verdict = if median >= TARGET { "met" } else { "MISSED" };
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
            return Ok(Asked { order: patient.order(&mut dice), snapshot });
        }
    }
    Err("no patient has a snapshot of that size".into())
}

// --- the two sides -----------------------------------------------------------------

async fn reviewed(runtime: &Runtime, plugin: &Plugin, asked: &Asked) -> Result<()> {
    let context = CallContext {
        call: CallId::from_u128(7),
        tenant: TenantId::from_u128(5),
        request_id: "0199a2f0-3c41-7d52-9f6e-2b8d4c1a7e90".to_owned(),
        settings: Vec::new(),
        lent: Lent::default(),
        now: NOW,
    };
    let call = runtime.review(plugin, context, &asked.order, &asked.snapshot, NOW).await;
    black_box(call.tape.record_hash());
    match call.outcome {
        Ok(Ok(verdict)) => {
            black_box(verdict);
            Ok(())
        }
        other => Err(format!("the plugin answered {other:?}").into()),
    }
}

async fn posted(client: &reqwest::Client, url: &str, asked: &Asked) -> Result<()> {
    let response = client.post(url).json(asked).send().await?.error_for_status()?;
    black_box(response.json::<Verdict>().await?);
    Ok(())
}

/// A server with a thread and a runtime of its own; ends with the process.
fn serve() -> Result<String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}/review", listener.local_addr()?);
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
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

/// No line of an allergen, none twice, and doses within a bound that falls with the
/// kidneys.
async fn review(Json(Asked { order, snapshot }): Json<Asked>) -> Json<Verdict> {
    let shares =
        |ours: &[Coding], theirs: &[Coding]| ours.iter().any(|code| theirs.iter().any(|other| code.same(other)));
    let kidneys = snapshot.observations.iter().find_map(|result| match &result.value {
        ObservationValue::Quantity(value) => value.value.to_string().parse::<f64>().ok(),
        _ => None,
    });
    let most = if kidneys.is_some_and(|rate| rate < 30.0) { 1_000.0 } else { 3_000.0 };
    let wrong = order.lines.iter().any(|line| {
        let dose: f64 = line.dose.value.to_string().parse().unwrap_or(f64::MAX);
        let times: f64 = line.doses_per_day.to_string().parse().unwrap_or(f64::MAX);
        dose * times > most
            || snapshot.allergies.iter().any(|allergy| shares(&line.code, &allergy.substance))
            || snapshot.medications.iter().any(|medication| shares(&line.code, &medication.code))
    });
    Json(if wrong { Verdict::Veto(Vec::new()) } else { Verdict::Allow })
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
}

/// The smallest time that so many in a hundred do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
