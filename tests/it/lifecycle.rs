//! Upgrade, rollback and recall of plugins.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::support::{Clinic, TestHospital, guest::Guest, line, rules_on_both_engines};

rules_on_both_engines!(
    TestHospital:
    a_candidate_that_differs_does_not_pass_the_gate,
    an_equivalent_candidate_is_promoted_and_rolled_back,
    a_version_that_asks_for_more_needs_a_new_grant,
    a_recalled_plugin_fails_closed_and_is_reported,
    every_call_replays_byte_for_byte,
);

const LOG: &[(&str, &str)] =
    &[(r#"(import "xinglin:host/log@1.1.0" "write" (func $log (param i32 i32 i32)))"#, "xinglin:host/log@1.1.0")];

async fn with_checker(hospital: &TestHospital) -> (Clinic, String) {
    let clinic = hospital.clinic(&[]).await;
    Guest::healthy().enable(&hospital.operator, &clinic.tenant).await;
    let path = Guest::healthy().path(&clinic.tenant);
    (clinic, path)
}

async fn bring(hospital: &TestHospital, guest: Guest) {
    hospital.operator.upload(guest.package()).await.done("/api/v1/plugins");
}

async fn refuses_to_sign(clinic: &Clinic, code: &str) {
    let prescription = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    clinic.doctor.refused(&format!("{prescription}/sign"), json!({ "valid_days": 3 }), code).await;
}

/// Waits until this many calls of the candidate were compared.
async fn compared(hospital: &TestHospital, path: &str, calls: i64) -> Value {
    for _ in 0..200 {
        let view = hospital.operator.get(&format!("{path}/shadow")).await;
        let count = |member: &str| view[member].as_i64().expect("a count");
        if count("same") + count("differing") >= calls {
            return view;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the candidate was not given {calls} calls");
}

async fn a_candidate_that_differs_does_not_pass_the_gate(hospital: TestHospital) {
    let (clinic, path) = with_checker(&hospital).await;
    clinic.signed().await;
    bring(&hospital, Guest::undecided().version("1.1.0")).await;

    // An earlier call is replayed from its tape, a new one is passed to the candidate, too.
    let gate = json!({ "max_differing_percent": 10.0, "minimum_calls": 2 });
    let start = json!({ "version": "1.1.0", "gate": gate, "over_tapes": 100 });
    let view = hospital.operator.put(&format!("{path}/shadow"), start).await;
    assert_eq!((&view["differing"], &view["kinds"]["verdict"]), (&json!(1), &json!(1)), "{view}");
    assert!(view["refused"].as_str().expect("too few").contains("1 calls"), "{view}");
    // A candidate without a decision has no effect.
    clinic.signed().await;
    let view = compared(&hospital, &path, 2).await;
    assert_eq!(view["differing"], 2);
    let example = &view["examples"].as_array().expect("examples").iter().find(|e| e["kind"] == "undecided");
    assert_eq!(example.expect("an indecision")["would_decide"], json!(["other"]));

    let refused = hospital.operator.refused(&format!("{path}/promote"), json!({}), "PLUGIN_GATE").await;
    assert_eq!(refused["kinds"]["verdict"], 2);
    hospital.operator.refused(&format!("{path}/promote"), json!({ "version": "1.0.0" }), "PLUGIN_STATE").await;

    let loose = json!({ "max_differing_percent": 100.0, "minimum_calls": 1 });
    let start = json!({ "version": "1.1.0", "gate": loose, "over_tapes": 100 });
    hospital.operator.put(&format!("{path}/shadow"), start).await;
    let promoted = hospital.operator.post(&format!("{path}/promote"), json!({})).await;
    assert_eq!(promoted["version"], "1.1.0");
    refuses_to_sign(&clinic, "RX_NOT_CHECKED").await;
    let back = hospital.operator.post(&format!("{path}/rollback"), json!(null)).await;
    assert_eq!(back["version"], "1.0.0");
    clinic.signed().await;
}

async fn an_equivalent_candidate_is_promoted_and_rolled_back(hospital: TestHospital) {
    let (clinic, path) = with_checker(&hospital).await;
    hospital.operator.refused(&format!("{path}/rollback"), json!(null), "PLUGIN_STATE").await;
    hospital.operator.refused(&format!("{path}/promote"), json!({}), "PLUGIN_STATE").await;
    bring(&hospital, Guest::healthy().version("1.0.1")).await;
    hospital.operator.refused(&format!("{path}/promote"), json!({ "version": "1.0.1" }), "PLUGIN_GATE").await;
    let start = json!({ "version": "1.0.1", "gate": { "minimum_calls": 3 } });
    hospital.operator.put(&format!("{path}/shadow"), start).await;
    for _ in 0..3 {
        clinic.signed().await;
    }
    let view = compared(&hospital, &path, 3).await;
    assert_eq!((&view["same"], &view["differing"], &view["refused"]), (&json!(3), &json!(0), &json!(null)));
    assert_eq!(hospital.operator.post(&format!("{path}/promote"), json!({})).await["version"], "1.0.1");
    clinic.signed().await;
    let calls = clinic.administrator.get("/api/v1/calls?limit=1").await;
    assert_eq!(calls[0]["tape"]["version"], "1.0.1", "{calls}");
    assert_eq!(hospital.operator.post(&format!("{path}/rollback"), json!(null)).await["version"], "1.0.0");
}

async fn a_version_that_asks_for_more_needs_a_new_grant(hospital: TestHospital) {
    let (clinic, path) = with_checker(&hospital).await;
    bring(&hospital, Guest::healthy().version("1.1.0").imports(LOG).manifest("[capabilities.log]")).await;
    let start = json!({ "version": "1.1.0", "gate": { "minimum_calls": 1 } });
    let shadow = format!("{path}/shadow");
    let answer = hospital.operator.ask(Method::PUT, &shadow, Some(start.clone())).await;
    let refused = answer.refused(&shadow, "PLUGIN_CAPABILITY");
    assert_eq!(refused["lacks"], json!(["capability `log`"]));
    // A grant does not change the active version.
    let granted = hospital.operator.put(&path, json!({ "version": "1.1.0" })).await;
    assert_eq!((&granted["version"], &granted["state"]), (&json!("1.0.0"), &json!("enabled")));
    hospital.operator.put(&format!("{path}/shadow"), start).await;
    clinic.signed().await;
    compared(&hospital, &path, 1).await;
    assert_eq!(hospital.operator.post(&format!("{path}/promote"), json!({})).await["version"], "1.1.0");
}

async fn a_recalled_plugin_fails_closed_and_is_reported(hospital: TestHospital) {
    let (clinic, path) = with_checker(&hospital).await;
    let path_of_one = clinic.signed().await;
    let prescription = crate::support::clinic::id(&path_of_one).to_owned();
    let plugins = hospital.operator.get(&format!("/api/v1/tenants/{}/plugins", clinic.tenant)).await;
    let digest = plugins.as_array().expect("plugins").iter().find(|p| p["id"] == "test.healthy").expect("it")["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    let recall = format!("/api/v1/recalls/{digest}");
    let before = hospital.operator.get(&recall).await;
    assert_eq!(before["recalled"], json!(null));
    clinic.doctor.refused(&recall, json!({ "reason": "mine" }), "AUTH_FORBIDDEN").await;

    let report = hospital.operator.post(&recall, json!({ "reason": "misses an interaction" })).await;
    let touched = report["touched"].as_array().expect("touched");
    let ids: Vec<_> = touched.iter().map(|row| (row["kind"].as_str(), row["id"].as_str())).collect();
    assert!(ids.contains(&(Some("patient"), clinic.subject.as_str().into())), "{ids:?}");
    assert!(ids.contains(&(Some("prescription"), prescription.as_str().into())), "{ids:?}");
    assert_eq!(report["installs"][0]["as_what"], "called");
    let csv = hospital.operator.ask(Method::GET, &format!("{recall}?format=csv"), None).await.text;
    assert!(csv.starts_with("tenant,kind,id,calls,first,last\r\n") && csv.contains(&prescription), "{csv}");

    // Not disabled: a check that cannot be done does not count as passed.
    refuses_to_sign(&clinic, "RX_NOT_CHECKED").await;
    hospital.operator.refused(&format!("{path}/enable"), json!(null), "PLUGIN_RECALLED").await;
    let plugins = hospital.operator.get(&format!("/api/v1/tenants/{}/plugins", clinic.tenant)).await;
    assert!(plugins.as_array().expect("plugins").iter().any(|plugin| plugin["state"] == "recalled"), "{plugins}");

    // A new grant does not remove the required check.
    bring(&hospital, Guest::healthy().version("1.0.1")).await;
    let granted = hospital.operator.put(&path, json!({ "version": "1.0.1" })).await;
    assert_eq!((&granted["version"], &granted["state"]), (&json!("1.0.0"), &json!("recalled")));
    refuses_to_sign(&clinic, "RX_NOT_CHECKED").await;
    let promote = json!({ "version": "1.0.1", "without_gate": true });
    hospital.operator.post(&format!("{path}/promote"), promote).await;
    clinic.signed().await;
    hospital.operator.refused(&format!("{path}/rollback"), json!(null), "PLUGIN_RECALLED").await;
}

async fn every_call_replays_byte_for_byte(hospital: TestHospital) {
    let (clinic, _) = with_checker(&hospital).await;
    clinic.signed().await;
    let calls = clinic.administrator.get("/api/v1/calls").await;
    let calls = calls.as_array().expect("calls");
    assert!(!calls.is_empty());
    for call in calls {
        let path = format!("/api/v1/calls/{}/replay", call["id"].as_str().expect("an id"));
        let report = clinic.administrator.post(&path, json!(null)).await;
        assert_eq!((&report["identical"], &report["conclusive"]), (&json!(true), &json!(true)), "{report}");
    }
}
