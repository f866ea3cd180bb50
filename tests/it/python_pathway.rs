//! A pathway of 1.1 in Python, `examples/python-pathway`: every function, most events and directives, on a hospital and on
//! the runtime alone.

use serde_json::{Value, json};
use xinglin_domain::{
    id::{CallId, TenantId},
    pathway::{PathwayError, State},
    time::Instant,
};
use xinglin_runtime::{Call, CallContext, Grants, HostServices, Options, Package, Plugin, Runtime};

use crate::{
    compat::{follow_up_hook, replays},
    follow_up,
    support::{Clinic, PYTHON_PATHWAY, TestHospital, eventually, on_both_engines, record},
};

on_both_engines!(TestHospital: a_python_pathway_from_enrolment_to_leaving);

const DAY: i64 = 86_400;

async fn is(clinic: &Clinic, enrolment: &str, code: &str, state: &str) -> bool {
    follow_up::requests(&clinic.doctor, enrolment).await.contains(&follow_up::state(code, state))
}

async fn has_alert(clinic: &Clinic, code: &str) -> bool {
    let alerts = clinic.doctor.get("/api/v1/alerts").await;
    alerts.as_array().expect("alerts").iter().any(|one| one["code"] == code)
}

async fn active_holds(clinic: &Clinic) -> usize {
    let holds = clinic.doctor.get(&format!("/api/v1/patients/{}/holds", clinic.subject)).await;
    holds.as_array().expect("holds").iter().filter(|one| one["active"] == true).count()
}

/// A report of a laboratory, of now.
async fn inr(hospital: &TestHospital, clinic: &Clinic, value: &str) {
    let mut result = record::result(&clinic.subject, hospital.now(), "6301-6", value, "{INR}");
    result["effectiveDateTime"] = hospital.now().to_string().into();
    result["category"] = json!([{ "coding": [
        { "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory" },
    ] }]);
    clinic.import(&[result]).await;
}

/// A report, until the pathway has acted on it.
async fn measured(hospital: &TestHospital, clinic: &Clinic, value: &str, until: impl AsyncFn() -> bool) {
    inr(hospital, clinic, value).await;
    eventually(value, async || {
        hospital.hospital.do_due_work().await;
        until().await
    })
    .await;
    hospital.advance(60).await;
}

fn bled(code: &str, more: &[(&str, Value)]) -> Value {
    let bled = json!({ "choice": { "system": "https://anticoagulation.example/bleeding", "code": code } });
    let answers = [("bleeding", bled)].into_iter().chain(more.iter().cloned());
    let answers: Vec<Value> = answers.map(|(link, value)| json!({ "link_id": link, "value": value })).collect();
    json!({ "questionnaire": "bleeding", "answers": answers })
}

async fn a_python_pathway_from_enrolment_to_leaving(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&PYTHON_PATHWAY]).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": PYTHON_PATHWAY.id });
    clinic.doctor.refused("/api/v1/enrolments", enrol.clone(), "PATHWAY_INELIGIBLE").await;
    clinic.import(&[record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "I48.0")]).await;
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    assert_eq!(enrolled["stage"], "adjusting", "{enrolled}");
    let enrolment = format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"));
    let answers = format!("{enrolment}/answers");
    for code in ["bleeding", "inr"] {
        assert!(is(&clinic, &enrolment, code, "open").await, "{code}");
    }

    // Branches, decimals and several answers; its score is recorded by the host.
    clinic.patient.refused(&answers, bled("none", &[("where", json!({ "text": "鼻" }))]), "BODY_INVALID").await;
    clinic.patient.refused(&answers, bled("minor", &[("missed", json!({ "decimal": "22" }))]), "BODY_INVALID").await;
    let some = [("where", json!({ "text": "鼻" })), ("missed", json!({ "decimal": "2.5" }))];
    clinic.patient.post(&answers, bled("minor", &some)).await;
    assert!(is(&clinic, &enrolment, "clinic", "open").await && has_alert(&clinic, "DOSES_MISSED").await);
    let scores = clinic.found_in_record("Observation").await;
    assert!(scores.iter().any(|one| one["code"]["coding"][0]["code"] == "score" && one["valueInteger"] == 1));

    // In target: steady. Critical: an alert and a hold. Outside once more: two disciplines decide.
    measured(&hospital, &clinic, "2.5", async || clinic.doctor.get(&enrolment).await["stage"] == "steady").await;
    assert!(is(&clinic, &enrolment, "inr", "fulfilled").await);
    measured(&hospital, &clinic, "4.4", async || clinic.doctor.get(&enrolment).await["stage"] == "adjusting").await;
    assert_eq!((active_holds(&clinic).await, has_alert(&clinic, "INR_CRITICAL").await), (0, false));
    measured(&hospital, &clinic, "4.5", async || active_holds(&clinic).await == 1).await;
    assert!(has_alert(&clinic, "INR_CRITICAL").await && is(&clinic, &enrolment, "review", "open").await);
    measured(&hospital, &clinic, "2.0", async || active_holds(&clinic).await == 0).await;
    assert!(is(&clinic, &enrolment, "review", "withdrawn").await);

    // A task that nobody does is missed after its window.
    hospital.advance(DAY * 60).await;
    eventually("the task is missed", async || {
        hospital.hospital.do_due_work().await;
        has_alert(&clinic, "INR_NOT_TESTED").await
    })
    .await;

    // Danger: the safeguard's contact, a referral, and nothing of the medicine.
    clinic.patient.post(&answers, bled("major", &[])).await;
    let contacts = clinic.doctor.get("/api/v1/safety-contacts").await;
    assert!(contacts.to_string().contains("MAJOR_BLEEDING"), "{contacts}");
    assert!(is(&clinic, &enrolment, "emergency", "open").await && active_holds(&clinic).await == 1);

    clinic.patient.post(&format!("{enrolment}/leave"), json!({ "reason": "搬家", "how": "transferred" })).await;
    let left = clinic.doctor.get(&enrolment).await;
    assert_eq!(left["active"], false, "{left}");
    assert!(!has_alert(&clinic, "PATHWAY_SILENT").await, "it answered every time");

    let hooks = replays(&clinic).await;
    assert!(["describe", "screen", "step"].iter().all(|hook| hooks.contains(&follow_up_hook(hook))), "{hooks:?}");
}

fn context() -> CallContext {
    CallContext {
        call: CallId::from_u128(7),
        tenant: TenantId::from_u128(5),
        request_id: "req-1".to_owned(),
        settings: Vec::new(),
        now: Instant::parse("2026-11-01T08:30:00Z").expect("a moment"),
        services: HostServices::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_pathway_takes_what_its_first_version_remembered() {
    let runtime = Runtime::new(Options { calls: 2, ..Options::default() }).expect("an engine");
    let package = Package::read(PYTHON_PATHWAY.package()).expect("a good package");
    assert!(package.imports().is_empty(), "no capability");
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    let migrated = async |version: u32, data: &[u8]| migrate(&runtime, &plugin, version, data).await;
    let taken = migrated(1, br#"{"outside": 1}"#).await;
    let outcome = taken.outcome.expect("an answer").expect("it is taken");
    assert_eq!((outcome.state.version, outcome.stage.as_str()), (2, "adjusting"));
    assert_eq!(outcome.state.data, br#"{"held": false, "outside": 1, "steady": false}"#);
    for (version, data) in [(3, &b"{\"outside\": 1}"[..]), (1, b"{}"), (1, b"\xff"), (1, b"")] {
        let refused = migrated(version, data).await.outcome.expect("an answer");
        assert!(matches!(refused, Err(PathwayError::BadState(_))), "{version} {data:?}: {refused:?}");
    }
}

async fn migrate(
    runtime: &Runtime,
    plugin: &Plugin,
    version: u32,
    data: &[u8],
) -> Call<Result<xinglin_domain::pathway::Migrated, PathwayError>> {
    runtime.migrate(plugin, context(), &State { version, data: data.to_vec() }, "following").await
}
