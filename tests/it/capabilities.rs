//! Capabilities of plugins, over HTTP: none without a grant, and records of the patient in context
//! only.

use serde_json::{Value, json};
use xinglin_store::Engine;

use crate::support::{Clinic, TestHospital, guest::Guest, record, rules_on_both_engines};

rules_on_both_engines!(
    TestHospital:
    a_missing_grant_is_named,
    a_plugin_reads_the_current_patient_only,
);

/// Answers `ok(allow)` whatever the import returns.
const RECORDS: Guest = Guest::new(
    "test.records",
    "(call $conditions (i32.const 2048)) (call $observations (i32.const 700) (i32.const 16)
        (i32.const 716) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
        (i32.const 0) (i64.const 0) (i32.const 5) (i32.const 2048)) i32.const 1024",
)
.imports(&[
    (
        r#"(import "xinglin:host/records@1.1.0" "conditions" (func $conditions (param i32)))"#,
        "xinglin:host/records@1.1.0",
    ),
    (
        r#"(import "xinglin:host/records@1.1.0" "observations" (func $observations (param
                    i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32)))"#,
        "xinglin:types/types@1.0.0",
    ),
])
.items("(data (i32.const 700) \"http://loinc.org4548-4\")")
.manifest(
    "[limits]\ndeadline-ms = 5000\n[capabilities.records]\n[data-needs]\nconditions = true\n\
             observations = [{ system = \"http://loinc.org\", code = \"4548-4\" }]",
);

const RANDOM: Guest = Guest::new("test.random", "(call $bytes (i32.const 8) (i32.const 2048)) i32.const 1024")
    .imports(&[(
        r#"(import "xinglin:host/random@1.1.0" "bytes" (func $bytes (param i32 i32)))"#,
        "xinglin:host/random@1.1.0",
    )])
    .manifest("[limits]\ndeadline-ms = 5000\n[capabilities.random]");

const FILES: Guest = Guest::new("test.files", "(call $packs (i32.const 2048)) i32.const 1024")
    .imports(&[(
        r#"(import "xinglin:host/files@1.1.0" "packs" (func $packs (param i32)))"#,
        "xinglin:host/files@1.1.0",
    )])
    .manifest("[limits]\ndeadline-ms = 5000\n[capabilities.files]\nscratch-kib = 16");

async fn answers(clinic: &Clinic, guest: &Guest) -> Vec<Value> {
    let calls = clinic.administrator.get(&format!("/api/v1/calls?plugin={}", guest.id)).await;
    assert_eq!(calls.as_array().map(Vec::len), Some(1), "{calls}");
    calls[0]["tape"]["answers"].as_array().cloned().expect("answers")
}

async fn a_missing_grant_is_named(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    for (guest, name) in [(RECORDS, "records"), (RANDOM, "random"), (FILES, "files")] {
        hospital.operator.upload(guest.package()).await.done("/api/v1/plugins");
        let path = guest.path(&clinic.tenant);
        hospital.operator.put(&path, json!({ "capabilities": ["log"] })).await;
        let refused = hospital.operator.refused(&format!("{path}/enable"), json!(null), "PLUGIN_CAPABILITY").await;
        assert!(refused["detail"].as_str().is_some_and(|d| d.contains(&format!("`{name}`"))), "{refused}");
        hospital.operator.put(&path, json!({ "capabilities": [name] })).await;
        hospital.operator.post(&format!("{path}/enable"), json!(null)).await;
    }
    clinic.signed().await;
    let seed = answers(&clinic, &RANDOM).await;
    assert_eq!(seed[0]["import"], "random.seed");
    let drawn = seed[0]["answer"].as_str().expect("a seed");
    assert!(drawn.len() == 64 && drawn != "0".repeat(64), "{drawn}");
    assert_eq!(answers(&clinic, &FILES).await[0]["answer"], json!([]));
}

async fn a_plugin_reads_the_current_patient_only(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    // Another patient, with a diagnosis and a result.
    let other = clinic.import(&[record::patient("1950-01-01")]).await.remove(0);
    let other = other.strip_prefix("Patient/").expect("a patient").to_owned();
    let visit = clinic.import(&[record::visit(&other, hospital.now(), 3)]).await.remove(0);
    let theirs = [
        record::condition(&other, &visit, hospital.now(), "C34.9"),
        record::result(&other, hospital.now(), "4548-4", "12.5", "%"),
    ];
    clinic.import(&theirs).await;
    RECORDS.enable(&hospital.operator, &clinic.tenant).await;
    clinic.signed().await;

    let answers = answers(&clinic, &RECORDS).await;
    let imports: Vec<&Value> = answers.iter().map(|answer| &answer["import"]).collect();
    assert_eq!(imports, ["records.conditions", "records.observations"]);
    let conditions = answers[0]["answer"]["Ok"].to_string();
    assert!(conditions.contains("E11.9") && !conditions.contains("C34.9"), "{conditions}");
    let results = answers[1]["answer"]["Ok"].as_array().expect("results");
    assert_eq!(results.len(), 1, "{results:?}");
    let text = answers[1].to_string();
    assert!(text.contains("4548-4") && !text.contains("12.5") && !text.contains(&clinic.subject), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_data_pack_is_named() {
    let hospital = TestHospital::open(Engine::Sqlite).await;
    let clinic = hospital.clinic(&[]).await;
    let guest = FILES.manifest("[limits]\ndeadline-ms = 5000\n[capabilities.files]\npacks = [\"icd10-gb\"]");
    hospital.operator.upload(guest.package()).await.done("/api/v1/plugins");
    let path = guest.path(&clinic.tenant);
    hospital.operator.put(&path, json!({})).await;
    let refused = hospital.operator.refused(&format!("{path}/enable"), json!(null), "PLUGIN_CAPABILITY").await;
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("`icd10-gb`")), "{refused}");
    hospital.operator.put(&path, json!({ "packs": [] })).await;
    hospital.operator.post(&format!("{path}/enable"), json!(null)).await;
    clinic.signed().await;
}
