//! What one plugin, one tenant or one recall does to the rest.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{task::JoinHandle, time::sleep};
use xinglin_domain::{
    id::TenantId,
    review::{ReviewError, Verdict},
};
use xinglin_runtime::{Call, CallContext, FailureCode, Options, Plugin, Runtime};

use crate::fixtures::{Checker, Kept, Stuck, context, greeter, now, order, runtime, services, snapshot};

const LOOP: &str = "(loop $again (br $again)) unreachable";

async fn ask(runtime: &Runtime, plugin: &Plugin, context: CallContext) -> Call<Result<Verdict, ReviewError>> {
    runtime.review(plugin, context, &order(), &snapshot(), now()).await
}

fn begin(runtime: &Runtime, plugin: &Arc<Plugin>, tenant: TenantId) -> JoinHandle<Call<Result<Verdict, ReviewError>>> {
    let (runtime, plugin) = (runtime.clone(), plugin.clone());
    tokio::spawn(async move { ask(&runtime, &plugin, CallContext { tenant, ..context() }).await })
}

fn tenant(number: u128) -> TenantId {
    TenantId::from_u128(number)
}

#[tokio::test]
async fn a_plugin_that_fails_again_and_again_rests_and_is_tried_again() {
    let runtime = runtime();
    let plugin = greeter().manifest("[limits]\ndeadline-ms = 5").load(&runtime).await.expect("loaded");
    let fine = || {
        let kept = Kept(BTreeMap::from([("greeting".to_owned(), b"hello".to_vec())]));
        CallContext { services: services(kept), ..context() }
    };
    let stuck = || CallContext { services: services(Stuck), ..context() };
    let code = |call: Call<_>| call.outcome.map(drop).map_err(|failure| failure.code);
    for _ in 0..8 {
        assert_eq!(code(ask(&runtime, &plugin, stuck()).await), Err(FailureCode::Timeout));
    }
    // It works again, but nobody knows yet.
    let call = ask(&runtime, &plugin, fine()).await;
    assert_eq!(call.elapsed, Duration::ZERO, "it never began");
    assert_eq!(code(call), Err(FailureCode::Resting));
    sleep(Duration::from_millis(1_050)).await;
    // The probe fails, so it rests for longer.
    assert_eq!(code(ask(&runtime, &plugin, stuck()).await), Err(FailureCode::Timeout));
    sleep(Duration::from_millis(1_050)).await;
    assert_eq!(code(ask(&runtime, &plugin, fine()).await), Err(FailureCode::Resting));
    sleep(Duration::from_millis(1_050)).await;
    for _ in 0..2 {
        assert_eq!(code(ask(&runtime, &plugin, fine()).await), Ok(()));
    }
    // What it did is nobody else's fault: the same component in another tenant runs.
    let other = greeter().manifest("[limits]\ndeadline-ms = 5").load(&runtime).await.expect("loaded");
    assert_eq!(code(ask(&runtime, &other, fine()).await), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_fills_its_share_leaves_places_to_others() {
    let options = Options { calls: 4, calls_per_plugin: 4, calls_per_tenant: 3, ..Options::default() };
    let runtime = Runtime::new(options).expect("an engine");
    let looping = Checker::new(LOOP).manifest("[limits]\ndeadline-ms = 1500").load(&runtime).await.expect("loaded");
    let healthy = Checker::allow().load(&runtime).await.expect("loaded");
    let greedy: Vec<_> = (0..4).map(|_| begin(&runtime, &looping, tenant(1))).collect();
    sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    let call = begin(&runtime, &healthy, tenant(2)).await.expect("joined");
    assert_eq!(call.outcome.expect("an answer"), Ok(Verdict::Allow));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let mut codes = Vec::new();
    for call in greedy {
        codes.push(call.await.expect("joined").outcome.expect_err("stopped").code);
    }
    codes.sort_unstable_by_key(|code| code.as_str());
    assert_eq!(codes, [FailureCode::Busy, FailureCode::Fuel, FailureCode::Fuel, FailureCode::Fuel]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recall_stops_what_runs_and_what_waits() {
    let options = Options { calls_per_plugin: 1, patience: Duration::from_secs(10), ..Options::default() };
    let runtime = Runtime::new(options).expect("an engine");
    let checker = Checker::new(LOOP).manifest("[limits]\ndeadline-ms = 5000");
    let plugin = checker.load(&runtime).await.expect("loaded");
    let healthy = Checker::allow().load(&runtime).await.expect("loaded");
    let (running, waiting) = (begin(&runtime, &plugin, tenant(1)), begin(&runtime, &plugin, tenant(1)));
    let blocked = {
        let plugin = greeter().manifest("[limits]\ndeadline-ms = 5000").load(&runtime).await.expect("loaded");
        let (runtime, stuck) = (runtime.clone(), CallContext { services: services(Stuck), ..context() });
        let digest = plugin.digest();
        (digest, tokio::spawn(async move { ask(&runtime, &plugin, stuck).await }))
    };
    sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    runtime.recall(plugin.digest());
    runtime.recall(blocked.0);
    for call in [running, waiting, blocked.1] {
        let call = call.await.expect("joined");
        assert_eq!(call.outcome.expect_err("stopped").code, FailureCode::Recalled);
        assert_eq!(call.tape.output, xinglin_runtime::Output::Failed(FailureCode::Recalled));
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let after = begin(&runtime, &plugin, tenant(1)).await.expect("joined");
    assert_eq!(after.outcome.expect_err("stopped").code, FailureCode::Recalled);
    let other = begin(&runtime, &healthy, tenant(1)).await.expect("joined");
    assert_eq!(other.outcome.expect("another plugin goes on"), Ok(Verdict::Allow));
}

#[tokio::test]
async fn what_was_recalled_still_replays() {
    let runtime = runtime();
    let plugin = Checker::allow().load(&runtime).await.expect("loaded");
    let tape = ask(&runtime, &plugin, context()).await.tape;
    runtime.recall(plugin.digest());
    let report = runtime.replay(&plugin, &tape).await.expect("a replay");
    assert!(report.identical && report.conclusive);
}
