//! What a call is: typed, fresh, taped, and told plainly when it fails.

use std::{collections::BTreeMap, sync::Arc};

use xinglin_domain::{
    coding::{Attribute, AttributeValue},
    payer::Operation,
    review::{ReviewError, Verdict},
};
use xinglin_runtime::{
    Call, CallContext, FailureCode, Grants, KvWrite, LogLevel, Manifest, Package, Plugin, Runtime, attach,
};

use crate::fixtures::{
    Checker, KV_GET, KV_SET, Kept, LOG, SETTINGS_GET, component, context, greeter, now, order, resolve, runtime,
    services, snapshot, toml,
};

type Reviewed = Call<Result<Verdict, ReviewError>>;

async fn review(runtime: &Runtime, plugin: &Plugin, context: CallContext) -> Reviewed {
    runtime.review(plugin, context, &order(), &snapshot(), now()).await
}

async fn ask(checker: Checker, context: CallContext) -> Reviewed {
    let runtime = runtime();
    let plugin = checker.load(&runtime).await.expect("loaded");
    review(&runtime, &plugin, context).await
}

fn said(call: &Reviewed) -> &str {
    match &call.outcome {
        Ok(Err(ReviewError::Other(text))) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_checker_answers() {
    let call = ask(Checker::allow(), context()).await;
    assert_eq!(call.outcome.expect("an answer"), Ok(Verdict::Allow));
    assert_eq!(call.memory_peak, 4 * 65536);
    assert!(call.elapsed.as_nanos() > 0);
}

#[tokio::test]
async fn the_arguments_arrive() {
    // Says the pseudonym, which lies behind two pointers in the arguments:
    // order is 4 fields (28 bytes, aligned to 8 by the snapshot), then taken-at.
    let call =
        ask(Checker::say("", "(i32.load offset=40 (local.get 0))", "(i32.load offset=44 (local.get 0))"), context())
            .await;
    assert_eq!(said(&call), "p-1");
}

#[tokio::test]
async fn every_call_has_a_fresh_instance() {
    let runtime = runtime();
    // Counts in memory, and says the digit.
    let counter = Checker::say(
        "(i32.store8 (i32.const 512) (i32.add (i32.load8_u (i32.const 512)) (i32.const 1)))",
        "(i32.const 512)",
        "(i32.const 1)",
    )
    .items(r#"(data (i32.const 512) "0")"#);
    let plugin = counter.load(&runtime).await.expect("loaded");
    for _ in 0..20 {
        assert_eq!(said(&review(&runtime, &plugin, context()).await), "1");
    }
}

#[tokio::test]
async fn kept_values_are_read() {
    let kept = Kept(BTreeMap::from([("greeting".into(), b"hello".to_vec())]));
    let call = ask(greeter(), CallContext { services: services(kept), ..context() }).await;
    assert_eq!(said(&call), "hello");
    assert!(call.kv_writes.is_empty());
}

const SET: &str = "(call $set (i32.const 512) (i32.const 8) (i32.const 520) (i32.const 5) (i32.const 2048))";
const WORDS: &str = r#"(data (i32.const 512) "greetinghello")"#;

#[tokio::test]
async fn a_call_reads_its_own_writes_and_hands_them_out() {
    let mut checker = greeter().with("kv", KV_SET).items("\n(data (i32.const 520) \"hello\")");
    checker.body = format!("{SET} {}", checker.body);
    let call = ask(checker, context()).await;
    assert_eq!(said(&call), "hello");
    assert_eq!(call.kv_writes, [KvWrite { key: "greeting".into(), value: Some(b"hello".to_vec()) }]);
}

#[tokio::test]
async fn a_call_that_traps_leaves_nothing_behind() {
    let call = ask(Checker::new(&format!("{SET} unreachable")).with("kv", KV_SET).items(WORDS), context()).await;
    assert_eq!(call.outcome.expect_err("a trap").code, FailureCode::Trap);
    assert!(call.kv_writes.is_empty());
    assert_eq!(call.tape.answers.len(), 1);
}

/// Sets a value of so many bytes, and says the case of the error as a digit, or
/// `-` if there is none.
fn setter(key: u32, value: u32) -> Checker {
    Checker::say(
        &format!(
            "(call $set (i32.const 512) (i32.const {key}) (i32.const 4096) (i32.const {value}) (i32.const 2048))
             (i32.store8 (i32.const 768) (select
                (i32.add (i32.const 48) (i32.load8_u (i32.const 2056)))
                (i32.const 45)
                (i32.load8_u (i32.const 2048))))"
        ),
        "(i32.const 768)",
        "(i32.const 1)",
    )
    .with("kv", KV_SET)
    .items(r#"(data (i32.const 512) "kkkkkkkk")"#)
}

#[tokio::test]
async fn kept_values_have_bounds() {
    for (checker, expected) in
        [(setter(8, 100), "-"), (setter(0, 100), "0"), (setter(513, 100), "0"), (setter(8, 65_537), "1")]
    {
        assert_eq!(said(&ask(checker, context()).await), expected);
    }
    // 1 KiB in all, of which another key holds 500 bytes and its name.
    let runtime = runtime();
    for (value, expected) in [(1024 - 505 - 8, "-"), (1024 - 505 - 7, "2")] {
        let package = setter(8, value).package();
        let grants = Grants { kv_quota_kib: 1, ..Grants::as_asked(package.manifest()) };
        let plugin = runtime.load(&package, &grants).await.expect("loaded");
        let kept = Kept(BTreeMap::from([("other".into(), vec![0; 500])]));
        let call = review(&runtime, &plugin, CallContext { services: services(kept), ..context() }).await;
        assert_eq!(said(&call), expected, "{value} bytes");
    }
}

#[tokio::test]
async fn settings_are_those_of_the_context() {
    // option<attribute-value> at 2048: the value is aligned to 8, its payload too.
    let checker = Checker::say(
        "(call $setting (i32.const 512) (i32.const 4) (i32.const 2048))",
        "(i32.load (i32.const 2064))",
        "(i32.load (i32.const 2068))",
    )
    .with("settings", SETTINGS_GET)
    .items(r#"(data (i32.const 512) "unit")"#);
    let settings = vec![Attribute { key: "unit".into(), value: AttributeValue::Text("mmol/L".into()) }];
    let call = ask(checker, CallContext { settings, ..context() }).await;
    assert_eq!(said(&call), "mmol/L");
}

#[tokio::test]
async fn the_log_is_cut_and_counted() {
    let checker = Checker::new(
        "(loop $again
            (call $log (i32.const 3) (i32.const 4096) (i32.const 5000))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 300))))
         i32.const 1024",
    )
    .with("log", LOG);
    let call = ask(checker, context()).await;
    assert_eq!(call.outcome.expect("an answer"), Ok(Verdict::Allow));
    assert_eq!((call.log.len(), call.log_dropped), (256, 44));
    assert!(call.log.iter().all(|line| line.level == LogLevel::Warn && line.message.len() == 4096));
}

#[tokio::test]
async fn a_failure_reads_like_a_compiler_error() {
    let checker = Checker::new(
        "(call $log (i32.const 4) (i32.const 512) (i32.const 11))
         (call $_ZN8diabetes5rules17h0123456789abcdefE)
         i32.const 1024",
    )
    .with("log", LOG)
    .items("(data (i32.const 512) \"out of dose\")\n(func $_ZN8diabetes5rules17h0123456789abcdefE unreachable)");
    let failure = ask(checker, context()).await.outcome.expect_err("a trap");
    assert_eq!(
        failure.to_string(),
        "error[PLUGIN_TRAP]: the guest panicked (`unreachable` was executed)
  --> test.guest 1.2.3, xinglin:prescribing/review@1.0.0#review, call-00000000000000000000000007
    0: diabetes::rules
    1: review
   = log: error: out of dose
   = help: the tape of this call has all that went in; a plugin that may `log` \
         reports the place of a panic"
    );
}

#[tokio::test]
async fn an_interface_that_is_not_exported_cannot_be_called() {
    let runtime = runtime();
    let plugin = Checker::allow().load(&runtime).await.expect("loaded");
    let operation = Operation { key: "k".into(), at: now() };
    let call = runtime.query(&plugin, context(), &operation, &|_| None).await;
    assert_eq!(call.outcome.expect_err("not a payer").code, FailureCode::Interface);
}

/// A payer whose `query` answers with this data at 1024.
async fn payer(data: &str) -> (Runtime, Arc<Plugin>) {
    let name = "xinglin:payment/payer@1.0.0";
    let (resolve, _, world) = resolve(|text| text, &[], &format!("export {name};"));
    let core = format!(
        r#"(module
            (memory (export "memory") 4)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 65536)
            (func (export "{name}#quote") (param i32) (result i32) unreachable)
            (func (export "{name}#authorize") (param i32) (result i32) unreachable)
            (func (export "{name}#settle") (param i32) (result i32) unreachable)
            (func (export "{name}#reverse") (param i32) (result i32) unreachable)
            (func (export "{name}#query") (param i32 i32 i64) (result i32) i32.const 1024)
            {data})"#
    );
    let manifest = Manifest::parse(&toml("")).expect("a manifest");
    let packed = attach(&component(&core, &resolve, world), &manifest).expect("attached");
    let runtime = runtime();
    let package = Package::read(packed).expect("read");
    let plugin = runtime.load(&package, &Grants::as_asked(&manifest)).await.expect("loaded");
    (runtime, plugin)
}

/// `ok(reversed({ reference: "ref", accumulators: [{ code: "c", 5 }] }))`.
fn reversed(currency: &str) -> String {
    format!(
        r#"(data (i32.const 1024) "\00\00\00\00\03\00\00\00\00\02\00\00\03\00\00\00\10\02\00\00\01\00\00\00")
           (data (i32.const 512) "ref")
           (data (i32.const 528) "\00\03\00\00\01\00\00\00\05\00\00\00\00\00\00\00\08\03\00\00\03\00\00\00")
           (data (i32.const 768) "c")
           (data (i32.const 776) "{currency}")"#
    )
}

#[tokio::test]
async fn money_is_in_the_currency_of_the_hospital() {
    let operation = Operation { key: "k".into(), at: now() };
    let (runtime, plugin) = payer(&reversed("CNY")).await;
    let call = runtime.query(&plugin, context(), &operation, &|_| None).await;
    let json = serde_json::to_string(&call.outcome.expect("an answer")).expect("JSON");
    assert_eq!(json, r#"{"Ok":{"reversed":{"reference":"ref","accumulators":[{"code":"c","amount":5}]}}}"#);

    let (runtime, plugin) = payer(&reversed("USD")).await;
    let failure = runtime.query(&plugin, context(), &operation, &|_| None).await.outcome.expect_err("refused");
    assert_eq!(failure.code, FailureCode::Output);
    assert!(failure.message.contains("`USD` (MONEY_INVALID)"), "{failure}");
}

#[tokio::test]
async fn an_answer_that_means_nothing_is_no_answer() {
    // ok(veto([])), and a case that `verdict` does not have.
    let veto = Checker::allow().items(r#"(data (i32.const 1024) "\00\00\00\00\02\00\00\00\00\00\00\00\00\00\00\00")"#);
    let failure = ask(veto, context()).await.outcome.expect_err("refused");
    assert_eq!(failure.code, FailureCode::Output);
    assert!(failure.message.contains("veto without a finding"), "{failure}");
    // ok(warn([])), and ok(warn([finding])) with nothing in it.
    let warn = Checker::allow().items(r#"(data (i32.const 1024) "\00\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00")"#);
    let failure = ask(warn, context()).await.outcome.expect_err("refused");
    assert!(failure.message.contains("without a finding"), "{failure}");
    let empty = Checker::allow().items(r#"(data (i32.const 1024) "\00\00\00\00\01\00\00\00\00\02\00\00\01\00\00\00")"#);
    let failure = ask(empty, context()).await.outcome.expect_err("refused");
    assert_eq!(failure.code, FailureCode::Output);
    assert!(failure.message.contains("upper snake case"), "{failure}");

    let nonsense = Checker::allow().items(r#"(data (i32.const 1024) "\00\00\00\00\09")"#);
    assert_eq!(ask(nonsense, context()).await.outcome.expect_err("refused").code, FailureCode::Output);

    // ok(warn([finding])) whose only attribute is a decimal of scale 19.
    let scale = Checker::allow().items(
        r#"(data (i32.const 1024) "\00\00\00\00\01\00\00\00\00\02\00\00\01\00\00\00")
(data (i32.const 584) "\80\02\00\00\01\00\00\00")
(data (i32.const 640) "\00\00\00\00\00\00\00\00\02\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\13")"#,
    );
    let failure = ask(scale, context()).await.outcome.expect_err("refused");
    assert!(failure.message.contains("scale 19"), "{failure}");
}

#[tokio::test]
async fn an_import_that_is_not_called_leaves_no_trace() {
    let call = ask(Checker::allow().with("kv", KV_GET), context()).await;
    assert!(call.outcome.is_ok());
    assert!(call.tape.answers.is_empty());
}
