//! Custody of a closed hospital's records: no writes, reads by the custodian, and a verifiable
//! statement.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Client, Clinic, DIABETES, MEDICAL_INSURANCE, Person, TestHospital,
    clinic::{self, checklist, confirm_path, confirmation, id},
    eventually, line, on_both_engines, record,
};

on_both_engines!(
    TestHospital:
    nobody_writes_to_a_frozen_hospital,
    only_the_custodian_reads_a_closed_hospital,
    a_custody_statement_is_verifiable,
);

const CUSTODIES: &str = "/api/v1/custodies";
const METFORMIN: (&str, &str, &str, u16, u32) = ("metformin-500mg-60", "1000", "2", 30, 2);

fn metformin() -> Value {
    let (item, dose, per_day, days, packs) = METFORMIN;
    line(item, dose, per_day, days, packs)
}

fn ask(source: &Clinic, custodian: &Clinic) -> Value {
    json!({
        "source": source.tenant, "custodian": custodian.tenant, "ground": "relied_on", "reason": "卫医〔2026〕7号",
    })
}

/// A read in custody of the caller's hospital.
async fn in_custody(client: &Client, source: &Clinic, method: Method, path: &str) -> Answer {
    let exchange = client.exchange(method, path, &[("xinglin-custody", &source.tenant)], "").await;
    Answer { status: exchange.status, text: exchange.text(), body: exchange.json() }
}

async fn two(hospital: &TestHospital) -> (Clinic, Clinic) {
    let plugins = [&DIABETES, &MEDICAL_INSURANCE];
    (hospital.clinic(&plugins).await, hospital.clinic(&plugins).await)
}

async fn nobody_writes_to_a_frozen_hospital(hospital: TestHospital) {
    let (closed, successor) = two(&hospital).await;
    for clinic in [&closed, &successor] {
        clinic.insure().await;
        let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
        clinic.doctor.post("/api/v1/enrolments", enrol).await;
    }
    let visit = closed.visit().await;
    let draft = closed.draft(&visit, &[metformin()]).await;
    let signed = closed.signed().await;
    let quote = closed.quote(&closed.approved().await).await;
    let messages = format!("/api/v1/encounters/{visit}/messages");
    closed.patient.post(&messages, json!({ "text": "您好" })).await;
    let other = closed.import(&[record::patient("1990-01-01")]).await.remove(0);
    let (_, account) = closed.hire(Person::new("aunt", "patient").acting_for(id(&other), 972)).await;
    let told = |clinic: &Clinic| format!("/api/v1/patients/{}/messages", clinic.subject);
    let heard = async |clinic: &Clinic| clinic.patient.get(&told(clinic)).await.as_array().map_or(0, Vec::len);
    let (before, elsewhere) = (heard(&closed).await, heard(&successor).await);

    closed.administrator.refused(CUSTODIES, ask(&closed, &successor), "AUTH_FORBIDDEN").await;
    hospital.operator.post(CUSTODIES, ask(&closed, &successor)).await;
    let footprint = hospital.footprint(&closed.tenant).await;
    let result = record::result(&closed.subject, hospital.now(), "4548-4", "9", "%");
    let frozen = "TENANT_FROZEN";
    // FHIR: a single write, a transaction, a batch, a deletion.
    closed.administrator.refused("/fhir/R4/Observation", result.clone(), frozen).await;
    closed.administrator.refused("/fhir/R4", record::transaction(std::slice::from_ref(&result)), frozen).await;
    let mut batch = record::transaction(&[result]);
    batch["type"] = json!("batch");
    let answer = closed.administrator.post("/fhir/R4", batch).await;
    assert!(answer["entry"][0]["response"]["outcome"].to_string().contains(frozen), "{answer}");
    for gone in [other.as_str(), closed.evidence[1].as_str()] {
        let answer = closed.administrator.ask(Method::DELETE, &format!("/fhir/R4/{gone}"), None).await;
        answer.refused(gone, frozen);
    }
    // Visits, prescriptions, payments, messages, attachments, plugins.
    let real_name = format!("/api/v1/tenants/{}/patients/{}/real-name/judge", closed.tenant, closed.subject);
    let vital = [
        (&hospital.operator, real_name, json!({ "verified": false, "reason": "It is somebody else." })),
        (&closed.patient, "/api/v1/encounters".to_owned(), closed.request()),
        (&closed.doctor, format!("/api/v1/encounters/{visit}/close"), json!({})),
        (&closed.doctor, "/api/v1/prescriptions".to_owned(), clinic::draft(&visit, &[metformin()])),
        (&closed.doctor, format!("{draft}/sign"), json!({ "valid_days": 3 })),
        (&closed.pharmacist, format!("{signed}/approve"), checklist()),
        (&closed.patient, confirm_path(&quote), confirmation(&quote)),
        (&closed.patient, messages.clone(), json!({ "text": "?" })),
        (&closed.doctor, "/api/v1/enrolments".to_owned(), json!({ "patient": id(&other), "plugin": DIABETES.id })),
    ];
    for (client, path, body) in vital {
        client.refused(&path, body, frozen).await;
    }
    let blob = format!("/api/v1/blobs?patient={}", closed.subject);
    let png = b"\x89PNG\r\n\x1a\n".as_slice();
    let sent = closed.patient.exchange(Method::POST, &blob, &[("content-type", "image/png")], png).await;
    assert_eq!(sent.code(), frozen);
    let path = format!("/api/v1/patients/{}/relations", closed.subject);
    let kin = json!({ "kind": "family", "tie": "relative", "account": account, "name": "王芳" });
    closed.administrator.refused(&path, kin, frozen).await;
    let export =
        closed.administrator.exchange(Method::GET, "/fhir/R4/$export", &[("prefer", "respond-async")], "").await;
    assert_eq!(export.code(), frozen);

    // Timers fire in the other hospital, and not here any more.
    hospital.advance(120 * 86_400).await;
    eventually("a timer of the successor's", async || heard(&successor).await > elsewhere).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(heard(&closed).await, before);
    assert_eq!(hospital.footprint(&closed.tenant).await, footprint);
    // Its patients can still read, and give or revoke consents.
    assert_eq!(closed.patient.get(&messages).await.as_array().map_or(0, Vec::len), 1);
    let refuse = json!({ "provision": "refuse", "scope": "record", "recipient": "export", "purposes": ["treatment"] });
    closed.patient.post(&format!("/api/v1/patients/{}/consents", closed.subject), refuse).await;
    // The successor works as before.
    successor.signed().await;
}

async fn only_the_custodian_reads_a_closed_hospital(hospital: TestHospital) {
    let (closed, successor) = two(&hospital).await;
    let stranger = hospital.clinic(&[]).await;
    let rx = closed.approved().await;
    let secret = record::result(&closed.subject, hospital.now(), "20447-9", "40", "{copies}/mL");
    let secret = closed.import(&[secret]).await.remove(0);
    let patient = format!("/fhir/R4/Patient/{}", closed.subject);
    let read = async |client: &Client, path: &str| in_custody(client, &closed, Method::GET, path).await;
    for client in [&successor.doctor, &stranger.doctor] {
        assert_eq!(read(client, &patient).await.code(), "NOT_FOUND", "before it is in custody");
    }
    hospital.operator.post(CUSTODIES, ask(&closed, &successor)).await;

    let found = read(&successor.doctor, &patient).await.done("the patient");
    assert_eq!(found["id"], closed.subject.as_str());
    let list = format!("/fhir/R4/MedicationRequest?patient={}", closed.subject);
    assert_eq!(read(&successor.doctor, &list).await.done("a search")["total"], 1);
    assert_eq!(read(&successor.doctor, &rx).await.done("a document")["status"], "EFFECTIVE");
    assert_eq!(read(&successor.administrator, "/api/v1/calls/chain").await.done("the tapes")["intact"], true);
    let trail = read(&successor.administrator, "/api/v1/audit?limit=200").await.done("the trail");
    assert!(trail.to_string().contains(&closed.subject), "{trail}");
    // Compartments stay closed, and writes are refused.
    assert_eq!(read(&successor.doctor, &format!("/fhir/R4/{secret}")).await.code(), "NOT_FOUND");
    for (method, path) in [(Method::POST, "/fhir/R4"), (Method::DELETE, patient.as_str()), (Method::PUT, &patient)] {
        assert_eq!(in_custody(&successor.administrator, &closed, method, path).await.code(), "TENANT_FROZEN");
    }
    // Without the header, the request is for the caller's own hospital.
    successor.doctor.hidden(&patient, "NOT_FOUND").await;
    // No access for others: another hospital, its patients, the successor's patients, anonymous
    // callers.
    for client in [&stranger.doctor, &stranger.administrator] {
        for path in [patient.as_str(), list.as_str(), "/api/v1/audit", "/api/v1/calls/chain"] {
            assert_eq!(read(client, path).await.code(), "NOT_FOUND");
        }
    }
    for client in [&stranger.patient, &successor.patient, &hospital.operator] {
        assert_eq!(read(client, &patient).await.code(), "AUTH_FORBIDDEN");
    }
    assert_eq!(read(&hospital.anyone, &patient).await.code(), "AUTH_REQUIRED");
    // Custody does not apply in the other direction.
    let back = in_custody(&closed.doctor, &successor, Method::GET, "/fhir/R4/Patient").await;
    assert_eq!(back.code(), "NOT_FOUND");

    // The patient sees who read the record, also while it is in custody.
    let seen = format!("/api/v1/patients/{}/accesses?limit=200", closed.subject);
    let seen = closed.patient.get(&seen).await;
    let who = successor.doctor.get("/api/v1/me").await["id"].as_str().expect("an id").to_owned();
    assert!(seen.to_string().contains(&who), "{seen}");

    // If the successor closes, its custodian also has the records held by it.
    let designated = hospital.clinic(&[]).await;
    let mut next = ask(&successor, &designated);
    next["ground"] = json!("province_designee");
    hospital.operator.post(CUSTODIES, next).await;
    assert_eq!(read(&designated.doctor, &patient).await.done("handed on")["id"], closed.subject.as_str());
    assert_eq!(read(&stranger.doctor, &patient).await.code(), "NOT_FOUND");
}

async fn a_custody_statement_is_verifiable(hospital: TestHospital) {
    let (closed, successor) = two(&hospital).await;
    closed.signed().await;
    for (wrong, code) in [
        (json!({ "reason": " " }), "BODY_INVALID"),
        (json!({ "custodian": closed.tenant }), "BODY_INVALID"),
        (json!({ "custodian": "ten-00000000000000000000000000" }), "BODY_INVALID"),
        (json!({ "custodian": "ten-00000000000000000000000009" }), "NOT_FOUND"),
    ] {
        let mut body = ask(&closed, &successor);
        for (key, value) in wrong.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        hospital.operator.refused(CUSTODIES, body, code).await;
    }
    let started = hospital.operator.post(CUSTODIES, ask(&closed, &successor)).await;
    hospital.operator.refused(CUSTODIES, ask(&closed, &successor), "ALREADY_EXISTS").await;
    let third = hospital.clinic(&[]).await;
    hospital.operator.refused(CUSTODIES, ask(&third, &closed), "TENANT_FROZEN").await;
    third.doctor.hidden(CUSTODIES, "AUTH_FORBIDDEN").await;
    assert_eq!(third.administrator.get(CUSTODIES).await, json!([]));

    let statement = &started["statement"];
    assert!(statement["holdings"]["resource"].as_i64() > Some(3) && statement["holdings"]["prescription"] == 1);
    let chain = closed.administrator.get("/api/v1/calls/chain").await;
    assert_eq!((&statement["tape"]["length"], &statement["tape"]["head"]), (&chain["length"], &chain["head"]));
    assert_eq!((&started["signed"], &started["chains_hold"]), (&json!(true), &json!(true)));
    // Both store it, and the growing trail still contains the stated head.
    let same = async || {
        for party in [&closed, &successor] {
            let kept = party.administrator.get(CUSTODIES).await;
            assert_eq!(kept.as_array().map_or(0, Vec::len), 1, "{kept}");
            assert_eq!((&kept[0]["statement"], &kept[0]["signature"]), (statement, &started["signature"]));
            assert_eq!((&kept[0]["signed"], &kept[0]["chains_hold"]), (&json!(true), &json!(true)), "{kept}");
        }
    };
    same().await;
    closed.patient.get(&format!("/fhir/R4/Patient/{}", closed.subject)).await;
    in_custody(&successor.doctor, &closed, Method::GET, &format!("/fhir/R4/Patient/{}", closed.subject)).await;
    same().await;
}
