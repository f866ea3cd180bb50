//! A call is on tape, the tape is sealed by its hash, and it runs again.

use std::{collections::BTreeMap, sync::Arc};

use xinglin_domain::{
    code::Code,
    id::{CallId, TenantId},
    time::Instant,
};
use xinglin_runtime::{Answer, CallContext, Digest, FailureCode, HostServices, Limits, Output, Plugin, Runtime, Tape};

use crate::fixtures::{Checker, Kept, context, greeter, now, order, runtime, services, snapshot};

fn specimen() -> Tape {
    Tape {
        call: CallId::from_u128(1),
        tenant: TenantId::from_u128(2),
        plugin: "acme.glucose".into(),
        version: "1.2.3".parse().expect("a version"),
        digest: Digest::of(b"component"),
        hook: "xinglin:prescribing/review@1.0.0#review".into(),
        engine: "engine".into(),
        restricted: false,
        limits: Limits::default(),
        started: Instant::from_micros(3),
        input: "{}".into(),
        answers: vec![Answer { import: "kv.get".into(), arguments: Digest::of(b"k"), answer: "null".into() }],
        output: Output::Answered("{}".into()),
    }
}

#[test]
fn the_hash_of_a_tape_never_changes() {
    // Chains in the field depend on this value.
    let pinned = "0e2a5883f4f83f80c5d280348d7096e6d3bced97c65c58ff1c82eb7457eb3175";
    assert_eq!(specimen().record_hash().to_string(), pinned);
    let json = serde_json::to_string(&specimen()).expect("JSON");
    let again: Tape = serde_json::from_str(&json).expect("a tape");
    assert_eq!(again.record_hash(), specimen().record_hash());
}

#[test]
fn every_field_is_in_the_hash() {
    let edits: [fn(&mut Tape); 14] = [
        |t| t.call = CallId::from_u128(9),
        |t| t.tenant = TenantId::from_u128(9),
        |t| t.plugin.push('x'),
        |t| t.version.patch += 1,
        |t| t.digest = Digest::of(b"other"),
        |t| t.hook.push('x'),
        |t| t.engine.push('x'),
        |t| t.limits.output_kib += 1,
        |t| t.started = Instant::from_micros(4),
        |t| t.input.push(' '),
        |t| t.answers.clear(),
        |t| t.answers[0].answer = "0".into(),
        |t| t.output = Output::Answered("null".into()),
        |t| t.output = Output::Failed(FailureCode::Trap),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut tape = specimen();
        edit(&mut tape);
        assert_ne!(tape.record_hash(), specimen().record_hash(), "edit {number}");
    }
}

async fn greeted(greeting: &str) -> (Runtime, Arc<Plugin>, Tape) {
    let runtime = runtime();
    let plugin = greeter().load(&runtime).await.expect("loaded");
    let kept = Kept(BTreeMap::from([("greeting".into(), greeting.as_bytes().to_vec())]));
    let context = CallContext { services: services(kept), ..context() };
    let call = runtime.review(&plugin, context, &order(), &snapshot(), now()).await;
    assert!(call.outcome.is_ok());
    (runtime, plugin, call.tape)
}

#[tokio::test]
async fn a_tape_holds_what_went_in_and_out() {
    let (runtime, plugin, tape) = greeted("hello").await;
    assert_eq!(tape.hook, "xinglin:prescribing/review@1.0.0#review");
    assert_eq!((tape.digest, tape.engine.as_str()), (plugin.digest(), runtime.fingerprint()));
    assert_eq!(tape.output, Output::Answered(r#"{"Err":{"other":"hello"}}"#.into()));
    let input: serde_json::Value = serde_json::from_str(&tape.input).expect("JSON");
    assert_eq!(input["snapshot"]["subject"]["pseudonym"], "p-1");
    assert_eq!(input["order"]["lines"][0]["days"], 30);
    assert_eq!(tape.answers.len(), 1);
    assert_eq!(
        (tape.answers[0].import.as_str(), tape.answers[0].answer.as_str()),
        ("kv.get", r#"{"Ok":"68656c6c6f"}"#)
    );
}

#[tokio::test]
async fn the_same_call_makes_the_same_tape() {
    let (_, _, first) = greeted("hello").await;
    let (_, _, second) = greeted("hello").await;
    assert_eq!(first.record_hash(), second.record_hash());
}

#[tokio::test]
async fn a_tape_replays_without_the_store() {
    let (runtime, plugin, tape) = greeted("hello").await;
    let report = runtime.replay(&plugin, &tape).await.expect("replayed");
    assert!(report.identical && report.conclusive && !report.diverged, "{report:?}");
    assert!(report.same_component && report.same_engine, "{report:?}");
}

#[tokio::test]
async fn a_tape_that_ended_by_time_proves_nothing() {
    let (runtime, plugin, mut tape) = greeted("hello").await;
    tape.output = Output::Failed(FailureCode::Timeout);
    let report = runtime.replay(&plugin, &tape).await.expect("replayed");
    assert!(!report.conclusive && !report.identical, "{report:?}");
}

#[tokio::test]
async fn a_forged_tape_does_not_replay() {
    let (runtime, plugin, tape) = greeted("hello").await;

    let mut output = tape.clone();
    output.output = Output::Answered(r#"{"Ok":"allow"}"#.into());
    let report = runtime.replay(&plugin, &output).await.expect("replayed");
    assert!(!report.identical && !report.diverged);

    let mut answer = tape.clone();
    answer.answers[0].answer = r#"{"Ok":"00"}"#.into();
    assert!(!runtime.replay(&plugin, &answer).await.expect("replayed").identical);

    let mut question = tape.clone();
    question.answers[0].arguments = Digest::of(b"another key");
    assert!(runtime.replay(&plugin, &question).await.expect("replayed").diverged);

    let mut more = tape.clone();
    more.answers.push(tape.answers[0].clone());
    assert!(runtime.replay(&plugin, &more).await.expect("replayed").diverged);

    let mut input = tape.clone();
    input.input = "{}".into();
    assert_eq!(runtime.replay(&plugin, &input).await.expect_err("unreadable").code(), Code::BodyInvalid);

    let mut hook = tape;
    hook.hook = "xinglin:prescribing/review@9.0.0#review".into();
    assert_eq!(runtime.replay(&plugin, &hook).await.expect_err("unknown").code(), Code::PluginInterface);
}

#[tokio::test]
async fn another_version_is_compared_on_the_same_tape() {
    let (runtime, _, tape) = greeted("hello").await;
    let candidate = Checker::allow().load(&runtime).await.expect("loaded");
    let report = runtime.replay(&candidate, &tape).await.expect("replayed");
    assert!(!report.same_component && !report.identical);
    assert_eq!(report.replayed, Output::Answered(r#"{"Ok":"allow"}"#.into()));

    // It may ask for what is not on the tape, and what differs has a kind.
    let report = runtime.compare(&candidate, &tape, Vec::new(), HostServices::default()).await.expect("compared");
    assert!(report.conclusive && report.diverged, "it did not ask what the other asked");
    assert_eq!(report.differences.iter().map(|d| d.kind.as_str()).collect::<Vec<_>>(), ["undecided", "verdict"]);
    let same = greeter().load(&runtime).await.expect("loaded");
    let report = runtime.compare(&same, &tape, Vec::new(), HostServices::default()).await.expect("compared");
    assert!(report.identical && report.differences.is_empty());
}

#[tokio::test]
async fn a_candidate_reads_its_own_writes_and_keeps_none() {
    let runtime = runtime();
    let plugin = Checker::allow().load(&runtime).await.expect("loaded");
    let tape = runtime.review(&plugin, context(), &order(), &snapshot(), now()).await.tape;
    // Asks more than the tape has, of what it is lent.
    let candidate = greeter().load(&runtime).await.expect("loaded");
    let kept = Kept(BTreeMap::from([("greeting".to_owned(), b"hello".to_vec())]));
    let report = runtime.compare(&candidate, &tape, Vec::new(), services(kept)).await.expect("compared");
    assert!(report.diverged && report.conclusive);
    assert_eq!(report.replayed, Output::Answered(r#"{"Err":{"other":"hello"}}"#.into()));
}

#[tokio::test]
async fn a_trap_replays_as_a_trap() {
    let runtime = runtime();
    let plugin = Checker::new("unreachable").load(&runtime).await.expect("loaded");
    let tape = runtime.review(&plugin, context(), &order(), &snapshot(), now()).await.tape;
    assert_eq!(tape.output, Output::Failed(FailureCode::Trap));
    assert!(runtime.replay(&plugin, &tape).await.expect("replayed").identical);
}
