//! Patients' identities are sealed with keys of their own, found by keyed digests, and erased with
//! the key.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_platform::ambient::Clock;
use xinglin_store::Engine;

use crate::support::{Process, advance, clinic::id, on_both_engines, record};

on_both_engines!(
    Process:
    identity_numbers_are_encrypted_and_keys_rotate,
    data_is_unreadable_without_the_wrapping_keys,
    a_deleted_patient_without_a_record_is_erased,
);

const NUMBER: &str = "11010519491231002X";
const PHONE: &str = "13800138000";
const ID_CARDS: &str = "urn:oid:2.16.156.10011.1.3";

fn registered() -> Value {
    let mut patient = record::patient("1949-12-31");
    patient["identifier"] = json!([{ "system": ID_CARDS, "value": NUMBER }]);
    patient["telecom"] = json!([{ "system": "phone", "value": PHONE }]);
    patient
}

/// The content of all files on the host's disk.
fn on_disk(process: &Process) -> Vec<u8> {
    let files = std::fs::read_dir(process.folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).expect("a file")).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn identity_numbers_are_encrypted_and_keys_rotate(mut process: Process) {
    let operator = process.operator().await;
    let clinic = process.clinic(&[]).await;
    let patient = clinic.import(&[registered()]).await.remove(0);
    let found = async |query: &str| {
        let found = clinic.doctor.get(&format!("/fhir/R4/Patient?{query}")).await;
        found["entry"][0]["resource"]["identifier"][0]["value"].clone()
    };
    let by_number = format!("identifier={ID_CARDS}|{NUMBER}");
    for query in [&by_number, &format!("identifier={NUMBER}"), &format!("phone={PHONE}")] {
        assert_eq!(found(query).await, NUMBER, "{query}");
    }
    assert_eq!(found("identifier=110105194912310021").await, Value::Null);
    let condition = record::condition(id(&patient), &clinic.evidence[0], Clock::default().now(), "I10");
    clinic.import(&[condition]).await;
    let chained = clinic.doctor.get(&format!("/fhir/R4/Condition?patient.identifier={NUMBER}")).await;
    assert_eq!(chained["total"], 1, "{chained}");
    if process.engine() == Engine::Sqlite {
        let bytes = on_disk(&process);
        assert!(holds(&bytes, id(&patient)), "the database is among the files");
        assert!(!holds(&bytes, NUMBER) && !holds(&bytes, PHONE));
    }

    // Keys are rotated under a running server, without a visible change.
    process.put("xinglin.toml", b"movable_clock = true\n");
    process.xinglin(&["keys", "retire"]).await.failed("ten minutes");
    let told = process.xinglin(&["keys", "rotate"]).await.done();
    assert!(told.starts_with("wrapping key 2: 2 keys wrapped anew"), "{told}");
    assert_eq!(found(&by_number).await, NUMBER);
    let later = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    process.xinglin(&["keys", "retire"]).await.failed("ten minutes");
    advance(&operator, 601).await;
    let told = process.xinglin(&["keys", "retire", "--json"]).await.done();
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told, json!({ "generation": 2, "wrapped": 0, "retired": 1 }), "what was written since is under it");
    process.restart().await;
    assert_eq!(found(&by_number).await, NUMBER, "and nothing needs the former one");
    assert_eq!(clinic.doctor.get(&format!("/fhir/R4/{later}")).await["birthDate"], "1990-01-01");
}

async fn data_is_unreadable_without_the_wrapping_keys(mut process: Process) {
    process.clinic(&[]).await;
    process.kill().await;
    let keys = process.folder().join("record.keys");
    let aside = process.folder().join("aside");
    std::fs::rename(&keys, &aside).expect("moved");
    process.xinglin(&["migrate"]).await.failed("restore the file from a backup");
    assert!(!keys.exists(), "nothing is made in its place");
    std::fs::write(&keys, "1 2026-11-22T00:00:00Z no-key\n").expect("written");
    process.xinglin(&["migrate"]).await.failed("are damaged");
    std::fs::rename(&aside, &keys).expect("moved");
    process.xinglin(&["migrate"]).await.done();
}

async fn a_deleted_patient_without_a_record_is_erased(process: Process) {
    let now = Clock::default().now();
    let clinic = process.clinic(&[]).await;
    let administrator = &clinic.administrator;
    let made = clinic.import(&[registered()]).await.remove(0);
    let patient = format!("/fhir/R4/{made}");
    assert_eq!(administrator.get(&format!("{patient}/_history/1")).await["identifier"][0]["value"], NUMBER);
    administrator.ask(Method::DELETE, &patient, None).await;
    for gone in [patient.clone(), format!("{patient}/_history/1")] {
        administrator.hidden(&gone, "DELETED").await;
    }
    let history = administrator.get(&format!("{patient}/_history")).await;
    assert!(!history.to_string().contains(NUMBER), "{history}");

    // A Patient that has had a record is kept as long as the record, even if only in the history.
    let made = clinic.import(&[registered()]).await.remove(0);
    let condition = record::condition(id(&made), &clinic.evidence[0], now, "I10");
    let condition = clinic.import(&[condition]).await.remove(0);
    let patient = format!("/fhir/R4/{made}");
    let answer = administrator.ask(Method::DELETE, &patient, None).await;
    assert_eq!(answer.code(), "RETENTION_HOLD");
    administrator.ask(Method::DELETE, &format!("/fhir/R4/{condition}"), None).await;
    administrator.ask(Method::DELETE, &patient, None).await;
    assert_eq!(administrator.get(&format!("{patient}/_history/1")).await["identifier"][0]["value"], NUMBER);
}
