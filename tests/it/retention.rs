//! Retention periods, and erasure after them.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_platform::ambient::Clock;

use crate::support::{Clinic, DRUG_SAFETY, Process, advance, clinic::id, eventually, on_both_engines, record};

on_both_engines!(Process: tapes_are_retained_for_fifteen_years, a_patient_is_erased_after_the_retention_period);

/// Fifteen years, and at least one day more than their leap days.
const FIFTEEN_YEARS: i64 = (15 * 365 + 5) * 86_400;
const CHAIN: &str = "/api/v1/calls/chain";
const PURGE: &str = "/api/v1/calls/purge";

async fn tapes_are_retained_for_fifteen_years(process: Process) {
    let started = Clock::default().now();
    let operator = process.operator().await;
    let clinic = Clinic::found(&operator, started, &[&DRUG_SAFETY]).await;
    clinic.approved().await;
    let before = clinic.administrator.get(CHAIN).await;
    let calls = before["length"].as_i64().expect("a length");
    assert!(calls > 0 && before["purged"] == 0, "{before}");
    let records = clinic.found_in_record("MedicationRequest").await.len();

    let today = json!({ "before": started.plus_days(1).to_string() });
    let held = clinic.administrator.refused(PURGE, today.clone(), "RETENTION_HOLD").await;
    assert!(held["detail"].as_str().is_some_and(|detail| detail.contains("15 years")), "{held}");
    clinic.doctor.refused(PURGE, today.clone(), "AUTH_FORBIDDEN").await;
    clinic.administrator.refused(PURGE, json!({ "before": "long ago" }), "BODY_INVALID").await;
    process.xinglin(&["audit", "purge", "--before", "2026-01-01"]).await.failed("must be kept");
    assert_eq!(clinic.administrator.get(CHAIN).await, before);

    advance(&operator, FIFTEEN_YEARS).await;
    let administrator = process.anyone().sign_in(Some(&clinic.tenant), "administrator").await;
    let old = json!({ "before": started.to_string() });
    assert_eq!(administrator.post(PURGE, old).await["purged"], 0, "none is older than this visit");
    administrator.refused(PURGE, json!({ "before": started.plus_days(10).to_string() }), "RETENTION_HOLD").await;
    assert_eq!(administrator.post(PURGE, today).await["purged"], calls);

    let after = administrator.get(CHAIN).await;
    assert_eq!((&after["intact"], &after["purged"]), (&json!(true), &json!(calls)));
    assert_eq!(after["head"], before["head"], "the chain ends where it ended");
    let told = process.xinglin(&["audit", "verify"]).await.done();
    assert!(told.contains(&format!("{calls} calls of which the first {calls} were purged")), "{told}");
    let kept = administrator.get("/fhir/R4/MedicationRequest").await;
    assert_eq!(kept["total"].as_u64(), u64::try_from(records).ok(), "only tapes are purged");
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n of a patient";
const SHARED: &[u8] = b"\x89PNG\r\n\x1a\n of two patients";

/// Whether a file in a folder, or below it, has these bytes.
fn lies_in(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() { lies_in(&path, bytes) } else { std::fs::read(path).is_ok_and(|found| found == bytes) }
    })
}

async fn a_patient_is_erased_after_the_retention_period(process: Process) {
    let started = Clock::default().now();
    let operator = process.operator().await;
    let clinic = Clinic::found(&operator, started, &[&DRUG_SAFETY]).await;
    clinic.approved().await;
    let visit = clinic.visit().await;
    clinic.patient.post(&format!("/api/v1/encounters/{visit}/messages"), json!({ "text": "我的头很疼" })).await;
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let send = async |patient: &str, bytes: &'static [u8]| {
        let path = format!("/api/v1/blobs?patient={patient}");
        let sent = clinic.doctor.exchange(Method::POST, &path, &[("content-type", "image/png")], bytes).await;
        format!("/api/v1/blobs/{}", sent.json()["id"].as_str().expect("an id"))
    };
    let blobs = [send(&clinic.subject, PNG).await, send(&clinic.subject, SHARED).await];
    let theirs = send(id(&other), SHARED).await;
    let subject = clinic.subject.as_str();
    let [report, erase] = ["retention", "erase"].map(|verb| format!("/api/v1/patients/{subject}/{verb}"));
    let at = |text: &Value| xinglin_domain::time::Instant::parse(text.as_str().expect("a time")).expect("a time");

    let told = clinic.administrator.get(&report).await;
    assert_eq!((&told["allowed"], &told["kept"][0]["what"]), (&json!(false), &json!("outpatient-record")));
    assert!(at(&told["allowed_from"]) > started.plus_days(15 * 365));
    assert!(told["rows"]["visit_message"] == 1 && told["rows"]["blob"] == 2 && told["tapes"].as_i64() > Some(0));
    let held = clinic.administrator.refused(&erase, json!({}), "RETENTION_HOLD").await;
    assert_eq!(held["allowed_from"], told["allowed_from"]);
    clinic.doctor.refused(&erase, json!({}), "AUTH_FORBIDDEN").await;
    clinic.doctor.hidden(&report, "AUTH_FORBIDDEN").await;
    clinic.patient.refused(&erase, json!({}), "AUTH_FORBIDDEN").await;
    process.put("xinglin.toml", b"movable_clock = true\n");
    let ask = ["retention", "erase", "--patient", subject];
    process.xinglin(&ask).await.failed("nothing is erased before");
    let dry = process.xinglin(&[&ask[..], &["--dry-run"]].concat()).await.done();
    assert!(dry.contains("may NOT be erased") && dry.contains("visit_message"), "{dry}");
    assert!(!process.xinglin(&["retention", "report"]).await.done().contains(subject));
    // Nothing was deleted.
    assert_eq!(clinic.administrator.get(&report).await["rows"], told["rows"]);

    // What was prescribed expires within days.
    advance(&operator, 4 * 86_400).await;
    let path = format!("/fhir/R4/MedicationRequest?patient={subject}");
    eventually("the prescription expires", async || {
        clinic.administrator.get(&path).await["entry"][0]["resource"]["status"] == "stopped"
    })
    .await;
    advance(&operator, FIFTEEN_YEARS + 86_400).await;
    let again = async |login: &str| process.anyone().sign_in(Some(&clinic.tenant), login).await;
    let (administrator, doctor, patient) =
        (again("administrator").await, again("doctor").await, again("patient").await);
    patient.get(&format!("/fhir/R4/Patient/{subject}")).await;
    administrator.refused(&erase, json!({}), "PRECONDITION_FAILED").await;
    let before = started.plus_days(1).to_string();
    administrator.post(PURGE, json!({ "before": before })).await;
    let due = process.xinglin(&["retention", "report"]).await.done();
    assert!(due.contains(subject), "{due}");
    let rows = administrator.get(&report).await["rows"].clone();
    let dry = process.xinglin(&[&ask[..], &["--dry-run", "--json"]].concat()).await.done();
    let dry: Value = serde_json::from_str(&dry).expect("JSON");
    assert_eq!((&dry["rows"], &dry["allowed"], &dry["tapes"]), (&rows, &json!(true), &json!(0)));
    let operator = process.operator().await;
    let other_tenant = Clinic::found(&operator, started.plus_days(1), &[]).await;
    other_tenant.administrator.refused(&erase, json!({}), "NOT_FOUND").await;
    let folder = process.folder();
    assert!(lies_in(folder, PNG) && lies_in(folder, SHARED));

    let done = administrator.post(&erase, json!({})).await;
    assert_eq!((&done["rows"], &done["accounts"], &done["files"]), (&rows, &json!(1), &json!(1)));
    administrator.refused(&erase, json!({}), "NOT_FOUND").await;
    assert!(administrator.get(&report).await["erased"].is_string());
    for gone in [format!("Patient/{subject}"), format!("Patient/{subject}/_history/1"), clinic.evidence[1].clone()] {
        administrator.hidden(&format!("/fhir/R4/{gone}"), "NOT_FOUND").await;
    }
    for list in ["Patient?birthdate=1977-09-11", "Condition", "MedicationRequest", "Observation"] {
        assert_eq!(administrator.get(&format!("/fhir/R4/{list}")).await["total"], 0, "{list}");
    }
    let history = administrator.get("/fhir/R4/_history?_count=1000").await.to_string();
    assert!(!history.contains(subject) && history.contains(id(&other)), "{history}");
    doctor.hidden(&format!("/api/v1/encounters/{visit}"), "NOT_FOUND").await;
    doctor.hidden(&format!("/api/v1/encounters/{visit}/messages"), "NOT_FOUND").await;
    for blob in &blobs {
        doctor.hidden(blob, "NOT_FOUND").await;
    }
    assert!(!lies_in(folder, PNG) && lies_in(folder, SHARED));
    let kept = doctor.exchange(Method::GET, &theirs, &[], "").await;
    assert_eq!(kept.bytes, SHARED, "what another patient has stays theirs");
    // The sessions of the erased patient have ended.
    patient.hidden("/api/v1/me", "AUTH_REQUIRED").await;
    let ask = json!({ "tenant": clinic.tenant, "login": "patient", "password": crate::support::PASSWORD });
    process.anyone().refused("/api/v1/sessions", ask, "AUTH_REQUIRED").await;
    // The chains are intact, and contain the erasure.
    let told = process.xinglin(&["audit", "verify"]).await.done();
    assert!(told.contains("audit trail intact") && !told.contains("BROKEN"), "{told}");
    let trail = administrator.get(&format!("/api/v1/audit?patient={subject}&limit=200")).await.to_string();
    assert!(trail.contains("/erase") && !trail.contains("头"), "{trail}");
}
