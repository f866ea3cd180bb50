//! Every limit, by tripping it.

use std::time::{Duration, Instant};

use xinglin_domain::{
    code::Code,
    coding::{Attribute, AttributeValue},
    review::{ReviewError, Verdict},
};
use xinglin_runtime::{Call, CallContext, FailureCode, Grants, Limits, Options, Runtime};

use crate::fixtures::{
    Checker, KV_GET, SETTINGS_GET, Stuck, context, greeter, now, order, runtime, services, snapshot,
};

const LOOP: &str = "(loop $again (br $again)) unreachable";

async fn ask_in(runtime: &Runtime, checker: Checker, context: CallContext) -> Call<Result<Verdict, ReviewError>> {
    let plugin = checker.load(runtime).await.expect("loaded");
    runtime.review(&plugin, context, &order(), &snapshot(), now()).await
}

async fn fails(checker: Checker) -> FailureCode {
    ask_in(&runtime(), checker, context()).await.outcome.expect_err("a failure").code
}

#[tokio::test]
async fn a_loop_is_stopped_at_its_deadline() {
    let started = Instant::now();
    let call = ask_in(&runtime(), Checker::new(LOOP).manifest("[limits]\ndeadline-ms = 50"), context()).await;
    assert_eq!(call.outcome.expect_err("stopped").code, FailureCode::Fuel);
    assert!(call.elapsed >= Duration::from_millis(50), "{:?}", call.elapsed);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_loop_at_the_start_is_stopped_when_it_is_loaded() {
    let mut checker = Checker::allow().items("(func $spin (loop $again (br $again)))\n(start $spin)");
    checker.manifest = "[limits]\ndeadline-ms = 20";
    assert_eq!(checker.load(&runtime()).await.expect_err("refused").code(), Code::PluginFuel);
}

#[tokio::test]
async fn neighbours_of_a_loop_are_served() {
    // One thread for all: the healthy plugin answers only if the other gives way.
    let runtime = runtime();
    let hungry = Checker::new(LOOP).manifest("[limits]\ndeadline-ms = 1000").load(&runtime).await.expect("loaded");
    let healthy = Checker::allow().load(&runtime).await.expect("loaded");
    let looping = {
        let (runtime, order, snapshot) = (runtime.clone(), order(), snapshot());
        tokio::spawn(async move { runtime.review(&hungry, context(), &order, &snapshot, now()).await })
    };
    tokio::task::yield_now().await;
    for _ in 0..10 {
        let call = runtime.review(&healthy, context(), &order(), &snapshot(), now()).await;
        assert_eq!(call.outcome.expect("an answer"), Ok(Verdict::Allow));
        assert!(!looping.is_finished());
        tokio::task::yield_now().await;
    }
    assert_eq!(looping.await.expect("joined").outcome.expect_err("stopped").code, FailureCode::Fuel);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_calls_pass_any_number_of_loops() {
    let runtime = runtime();
    let manifest = "[limits]\ndeadline-ms = 2000";
    let hungry = Checker::new(LOOP).manifest(manifest).load(&runtime).await.expect("loaded");
    let healthy = Checker::allow().load(&runtime).await.expect("loaded");
    let looping: Vec<_> = (0..12)
        .map(|_| {
            let (runtime, hungry) = (runtime.clone(), hungry.clone());
            tokio::spawn(async move { runtime.review(&hungry, context(), &order(), &snapshot(), now()).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // If each loop ran between two of these, they would take longer than the loops.
    for _ in 0..200 {
        let (runtime, healthy) = (runtime.clone(), healthy.clone());
        let call = tokio::spawn(async move { runtime.review(&healthy, context(), &order(), &snapshot(), now()).await });
        assert_eq!(call.await.expect("joined").outcome.expect("an answer"), Ok(Verdict::Allow));
    }
    assert!(looping.iter().all(|looping| !looping.is_finished()));
    for looping in looping {
        assert_eq!(looping.await.expect("joined").outcome.expect_err("stopped").code, FailureCode::Fuel);
    }
}

#[tokio::test]
async fn a_blocked_host_call_is_given_up() {
    let checker = greeter().manifest("[limits]\ndeadline-ms = 30");
    let call = ask_in(&runtime(), checker, CallContext { services: services(Stuck), ..context() }).await;
    let failure = call.outcome.expect_err("given up");
    assert_eq!(failure.code, FailureCode::Timeout);
    assert!(call.elapsed < Duration::from_secs(2), "{:?}", call.elapsed);
    assert_eq!(call.tape.output, xinglin_runtime::Output::Failed(FailureCode::Timeout));
}

#[tokio::test]
async fn growing_memory_is_bounded() {
    let bomb = Checker::new(
        "(loop $again (drop (memory.grow (i32.const 16))) (br $again))
         unreachable",
    );
    let call = ask_in(&runtime(), bomb.manifest("[limits]\nmemory-mib = 8"), context()).await;
    assert_eq!(call.outcome.expect_err("stopped").code, FailureCode::Memory);
    assert!(call.memory_peak <= 8 << 20 && call.memory_peak > 6 << 20, "{}", call.memory_peak);
}

#[tokio::test]
async fn all_memories_count_together() {
    // Each stays below the limit; together they do not.
    let bomb = Checker::new(
        "(drop (memory.grow $other (i32.const 80))) (drop (memory.grow $third (i32.const 80))) i32.const 1024",
    )
    .items("(memory $other 0)\n(memory $third 0)\n")
    .manifest("[limits]\nmemory-mib = 8");
    assert_eq!(fails(bomb).await, FailureCode::Memory);

    let born = Checker::allow().items("(memory $other 80)\n(memory $third 80)\n").manifest("[limits]\nmemory-mib = 8");
    assert_eq!(born.load(&runtime()).await.expect_err("refused").code(), Code::PluginMemory);
}

#[tokio::test]
async fn tables_count_as_memory() {
    let grow = "(drop (table.grow $a (ref.null func) (i32.const 60000))) (drop (table.grow $b (ref.null func) (i32.const 60000))) i32.const 1024";
    let bomb = Checker::new(grow).items("(table $a 0 funcref)\n(table $b 0 funcref)\n");
    assert_eq!(fails(bomb.clone().manifest("[limits]\nmemory-mib = 1")).await, FailureCode::Memory);
    let call = ask_in(&runtime(), bomb.manifest("[limits]\nmemory-mib = 2"), context()).await;
    assert!(call.outcome.is_ok());
}

#[tokio::test]
async fn memory_beyond_its_own_maximum_is_an_ordinary_failure() {
    // `memory.grow` says -1 and nothing is counted, however often it is tried.
    let mut polite = Checker::new(
        "(loop $again
            (if (i32.ne (memory.grow $small (i32.const 100)) (i32.const -1)) (then unreachable))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 100))))
         i32.const 1024",
    )
    .items("(memory $small 1 2)\n");
    polite.manifest = "[limits]\nmemory-mib = 8";
    assert!(ask_in(&runtime(), polite, context()).await.outcome.is_ok());
}

#[tokio::test]
async fn an_answer_has_a_size() {
    // 300 KiB are lifted and then measured; 3 MiB are not even copied.
    for (bytes, pages) in [(300 << 10, 16), (3 << 20, 64)] {
        let flood = Checker::say("", "(i32.const 2048)", &format!("(i32.const {bytes})")).pages(pages);
        assert_eq!(fails(flood).await, FailureCode::Output, "{bytes}");
    }
    let modest = Checker::say("", "(i32.const 2048)", "(i32.const 4096)");
    assert!(ask_in(&runtime(), modest, context()).await.outcome.is_ok());
}

#[tokio::test]
async fn answers_of_the_host_have_a_size() {
    // Asks for a long setting again and again.
    let curious = Checker::new(
        "(loop $again (call $setting (i32.const 512) (i32.const 4) (i32.const 2048)) (br $again))
         unreachable",
    )
    .with("settings", SETTINGS_GET)
    .items(r#"(data (i32.const 512) "long")"#)
    .pages(200)
    .manifest("[limits]\ndeadline-ms = 5000");
    let long = Attribute { key: "long".into(), value: AttributeValue::Text("x".repeat(128 << 10)) };
    let call = ask_in(&runtime(), curious, CallContext { settings: vec![long], ..context() }).await;
    let failure = call.outcome.expect_err("stopped");
    assert_eq!(failure.code, FailureCode::Output);
    assert!(failure.message.contains("tape"), "{failure}");
    assert_eq!(call.tape.answers.len(), 63);
}

#[tokio::test]
async fn a_deep_recursion_traps() {
    let deep = Checker::new("(call $down) i32.const 1024").items("(func $down (call $down))");
    assert_eq!(fails(deep).await, FailureCode::Trap);
}

#[tokio::test]
async fn calls_wait_their_turn_for_a_while() {
    let options = Options { calls: 1, patience: Duration::from_millis(20), ..Options::default() };
    let runtime = Runtime::new(options).expect("an engine");
    let waiting = greeter().manifest("[limits]\ndeadline-ms = 500").load(&runtime).await.expect("loaded");
    let healthy = Checker::allow().with("kv", KV_GET).load(&runtime).await.expect("loaded");
    let held = {
        let (runtime, order, snapshot) = (runtime.clone(), order(), snapshot());
        let context = CallContext { services: services(Stuck), ..context() };
        tokio::spawn(async move { runtime.review(&waiting, context, &order, &snapshot, now()).await })
    };
    tokio::task::yield_now().await;
    let call = runtime.review(&healthy, context(), &order(), &snapshot(), now()).await;
    assert_eq!(call.outcome.expect_err("no place").code, FailureCode::Busy);
    assert_eq!(held.await.expect("joined").outcome.expect_err("given up").code, FailureCode::Timeout);
    let call = runtime.review(&healthy, context(), &order(), &snapshot(), now()).await;
    assert!(call.outcome.is_ok());
}

#[tokio::test]
async fn the_tenant_may_grant_less_than_is_asked() {
    let package = Checker::new(LOOP).manifest("[limits]\ndeadline-ms = 5000").package();
    let grants =
        Grants { limits: Limits { deadline_ms: 20, ..Limits::MAXIMUM }, ..Grants::as_asked(package.manifest()) };
    let runtime = runtime();
    let plugin = runtime.load(&package, &grants).await.expect("loaded");
    assert_eq!(plugin.limits(), Limits { deadline_ms: 20, ..Limits::default() });
    let call = runtime.review(&plugin, context(), &order(), &snapshot(), now()).await;
    assert!(call.outcome.is_err() && call.elapsed < Duration::from_secs(1), "{:?}", call.elapsed);
}
