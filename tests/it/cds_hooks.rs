//! CDS Hooks 2.0: orders drafted elsewhere, checked by this hospital's plugins. Tested against the
//! text of the standard and with an independent client, healthchain (PyPI).

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Client, DRUG_SAFETY, Person, TestHospital, built, guest::Guest, rules_on_both_engines};

rules_on_both_engines!(
    TestHospital:
    every_enabled_checker_is_listed_as_a_service,
    healthchain_calls_the_services,
    cards_carry_the_findings_of_the_checker,
    an_unchecked_order_is_a_critical_card,
    services_check_the_caller_and_the_patient,
    feedback_is_audited_with_the_patient,
);

const SIGN: &str = "/cds-services/order-sign.xinglin.drug-safety";
const SELECT: &str = "/cds-services/order-select.xinglin.drug-safety";

/// Amoxicillin by its ATC code, three times 500 mg for a week.
fn amoxicillin(subject: &str) -> Value {
    json!({
        "resourceType": "MedicationRequest", "id": "draft-1", "status": "draft", "intent": "order",
        "subject": { "reference": format!("Patient/{subject}") },
        "medicationCodeableConcept": { "coding": [{ "system": "http://www.whocc.no/atc", "code": "J01CA04" }] },
        "dosageInstruction": [{
            "timing": { "repeat": {
                "frequency": 3, "period": 1, "periodUnit": "d",
                "boundsDuration": { "value": 7, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d" },
            } },
            "doseAndRate": [{ "doseQuantity": { "value": 500, "unit": "mg", "code": "mg" } }],
        }],
    })
}

/// A request of the standard.
fn ask(hook: &str, subject: &str, drafts: &[Value]) -> Value {
    let entries: Vec<Value> = drafts.iter().map(|draft| json!({ "resource": draft })).collect();
    let mut context = json!({
        "userId": "Practitioner/1", "patientId": subject,
        "draftOrders": { "resourceType": "Bundle", "type": "collection", "entry": entries },
    });
    if hook == "order-select" {
        context["selections"] = json!(["MedicationRequest/draft-1"]);
    }
    json!({
        "hook": hook, "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context,
        "prefetch": { "patient": null }, "extension": { "com.example.timestamp": "2026-11-22" },
    })
}

fn allergic(subject: &str) -> Value {
    json!({
        "resourceType": "AllergyIntolerance", "patient": { "reference": format!("Patient/{subject}") },
        "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active" }] },
        "criticality": "high",
        "code": { "coding": [{ "system": "http://www.whocc.no/atc", "code": "J01CA04" }] },
    })
}

async fn cards(client: &Client, path: &str, ask: Value) -> Vec<Value> {
    client.post(path, ask).await["cards"].as_array().expect("cards").clone()
}

async fn every_enabled_checker_is_listed_as_a_service(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let other = hospital.clinic(&[]).await;
    let services = clinic.doctor.get("/cds-services").await;
    let services = services["services"].as_array().expect("services");
    let told: Vec<_> = services.iter().map(|service| (&service["hook"], &service["id"])).collect();
    let [select, sign] = ["order-select.xinglin.drug-safety", "order-sign.xinglin.drug-safety"].map(Value::from);
    assert_eq!(told, [(&json!("order-select"), &select), (&json!("order-sign"), &sign)]);
    assert!(services.iter().all(|service| {
        ["title", "description"].iter().all(|name| service[name].as_str().is_some_and(|text| !text.is_empty()))
    }));
    assert_eq!(other.doctor.get("/cds-services").await["services"], json!([]));
    let missing = ask("order-sign", &other.subject, &[amoxicillin(&other.subject)]);
    other.doctor.refused(SIGN, missing, "NOT_FOUND").await;

    // Listed while enabled, with no further code.
    let another = Guest::healthy();
    hospital.operator.upload(another.package()).await.done("/api/v1/plugins");
    let path = another.path(&other.tenant);
    hospital.operator.put(&path, json!({})).await;
    assert_eq!(other.doctor.get("/cds-services").await["services"], json!([]));
    hospital.operator.post(&format!("{path}/enable"), json!(null)).await;
    assert_eq!(other.doctor.get("/cds-services").await["services"].as_array().map(Vec::len), Some(2));
    hospital.operator.post(&format!("{path}/disable"), json!(null)).await;
    assert_eq!(other.doctor.get("/cds-services").await["services"], json!([]));
}

async fn healthchain_calls_the_services(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    clinic.import(&[allergic(&clinic.subject)]).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/clients/cds_session.py");
    let output = Command::new(built("python/bin/python", "cargo xtask setup"))
        .arg(script)
        .env("BASE", clinic.doctor.base())
        .env("TOKEN", clinic.doctor.token())
        .env("SUBJECT", &clinic.subject)
        .output()
        .await
        .expect("a client");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && said.ends_with("healthchain is content\n"), "{said}{errors}");
}

async fn cards_carry_the_findings_of_the_checker(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let subject = &clinic.subject;
    // No findings against it, except missing data of the record.
    let before = cards(&clinic.doctor, SIGN, ask("order-sign", subject, &[amoxicillin(subject)])).await;
    assert!(before.iter().all(|card| card["indicator"] != "critical"), "{before:?}");
    clinic.import(&[allergic(subject)]).await;
    for (path, hook) in [(SIGN, "order-sign"), (SELECT, "order-select")] {
        let found = cards(&clinic.doctor, path, ask(hook, subject, &[amoxicillin(subject)])).await;
        let card = &found[0];
        assert_eq!(
            (&card["indicator"], &card["source"]["topic"]["code"]),
            (&json!("critical"), &json!("ALLERGY_INGREDIENT"))
        );
        let summary = card["summary"].as_str().expect("a summary");
        assert!(!summary.is_empty() && summary.chars().count() < 140 && !summary.is_ascii(), "{summary}");
        assert!(card["source"]["label"].as_str().is_some_and(|label| label.contains('(')), "a year: {card}");
        assert!(card["uuid"].as_str().is_some_and(|uuid| uuid.len() == 36), "{card}");
        let mut ids: Vec<_> = found.iter().map(|card| card["uuid"].to_string()).collect();
        ids.dedup();
        assert_eq!(ids.len(), found.len());
    }
    let english = clinic.doctor.in_language("en-GB, zh;q=0.5");
    let card = cards(&english, SIGN, ask("order-sign", subject, &[amoxicillin(subject)])).await.remove(0);
    assert!(card["summary"].as_str().is_some_and(str::is_ascii), "{card}");

    // The same findings as at a signature in this host, and on tape as well.
    let calls = clinic.administrator.get(&format!("/api/v1/calls?about={subject}")).await;
    let tape = &calls[0]["tape"];
    assert_eq!(tape["hook"].as_str().map(|hook| hook.contains("prescribing/review")), Some(true), "{tape}");
    assert_eq!(tape["input"]["order"]["lines"][0]["doses_per_day"], "3", "{tape}");
    let seen = clinic.patient.get(&format!("/api/v1/patients/{subject}/accesses")).await;
    assert!(seen.to_string().contains(DRUG_SAFETY.id), "{seen}");
    // Nothing was ordered, and a draft without medicines calls no checker.
    assert_eq!(clinic.found_in_record("MedicationRequest").await, [] as [Value; 0]);
    let none = ask("order-sign", subject, &[json!({ "resourceType": "ServiceRequest", "id": "x" })]);
    assert_eq!(cards(&clinic.doctor, SIGN, none).await, [] as [Value; 0]);
}

async fn an_unchecked_order_is_a_critical_card(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let subject = &clinic.subject;
    let broken = Guest::new("test.panic", "unreachable");
    hospital.operator.upload(broken.package()).await.done("/api/v1/plugins");
    let path = broken.path(&clinic.tenant);
    hospital.operator.put(&path, json!({})).await;
    hospital.operator.post(&format!("{path}/enable"), json!(null)).await;
    let english = clinic.doctor.in_language("en");
    let is_not_checked = |cards: &[Value]| {
        assert_eq!(cards.len(), 1, "{cards:?}");
        assert_eq!(cards[0]["indicator"], "critical");
        assert!(cards[0]["summary"].as_str().is_some_and(|text| text.starts_with("Not checked")), "{cards:?}");
    };
    let asked = ask("order-sign", subject, &[amoxicillin(subject)]);
    is_not_checked(&cards(&english, "/cds-services/order-sign.test.panic", asked).await);

    // An incomplete order is not checked.
    let mut vague = amoxicillin(subject);
    vague["dosageInstruction"][0]["timing"] = json!({});
    let found = cards(&english, SIGN, ask("order-sign", subject, &[amoxicillin(subject), vague])).await;
    is_not_checked(&found);
    assert!(found[0]["detail"].as_str().is_some_and(|text| text.contains("timing")), "{found:?}");
    let mut anothers = amoxicillin(subject);
    anothers["subject"]["reference"] = json!("Patient/somebody-else");
    is_not_checked(&cards(&english, SIGN, ask("order-sign", subject, &[anothers])).await);
}

async fn services_check_the_caller_and_the_patient(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let other = hospital.clinic(&[&DRUG_SAFETY]).await;
    let asked = |subject: &str| ask("order-sign", subject, &[amoxicillin(subject)]);
    hospital.anyone.hidden("/cds-services", "AUTH_REQUIRED").await;
    hospital.anyone.refused(SIGN, asked(&clinic.subject), "AUTH_REQUIRED").await;
    let (lapsed, _) = clinic.hire(Person::new("lapsed", "doctor").licensed(&json!({ "until": "2021-01-01" }))).await;
    lapsed.refused(SIGN, asked(&clinic.subject), "CRED_INVALID").await;
    for nobody in [&clinic.patient, &clinic.administrator, &hospital.operator] {
        nobody.hidden("/cds-services", "AUTH_FORBIDDEN").await;
        nobody.refused(SIGN, asked(&clinic.subject), "AUTH_FORBIDDEN").await;
    }
    // Patients of another hospital, and unknown ones, are not found.
    for subject in [other.subject.as_str(), "pat-01m813pz5meads8hnbty5d3y9a", "1"] {
        clinic.doctor.refused(SIGN, asked(subject), "NOT_FOUND").await;
    }
    clinic.doctor.refused(SELECT, asked(&clinic.subject), "BODY_INVALID").await;
    clinic.doctor.refused("/cds-services/order-sign.nothing", asked(&clinic.subject), "NOT_FOUND").await;
    clinic.doctor.refused("/cds-services/patient-view.xinglin.drug-safety", asked(&clinic.subject), "NOT_FOUND").await;
    let mut odd = asked(&clinic.subject);
    odd["context"]["draftOrders"] = json!({ "resourceType": "Patient" });
    clinic.doctor.refused(SIGN, odd, "BODY_INVALID").await;
    let mut odd = asked(&clinic.subject);
    odd["hookInstance"] = json!("1");
    clinic.doctor.refused(SIGN, odd, "BODY_INVALID").await;
}

async fn feedback_is_audited_with_the_patient(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let other = hospital.clinic(&[&DRUG_SAFETY]).await;
    let subject = &clinic.subject;
    clinic.import(&[allergic(subject)]).await;
    let card = cards(&clinic.doctor, SIGN, ask("order-sign", subject, &[amoxicillin(subject)])).await.remove(0);
    let feedback = |card: &Value| {
        json!({ "feedback": [{
            "card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T10:00:00Z",
            "overrideReason": {
                "reason": { "code": "benefit", "system": "https://example.com/reasons", "display": "outweighs" },
                "userComment": "Her own words, which are no code.",
            },
        }] })
    };
    let path = format!("{SIGN}/feedback");
    let answer = clinic.doctor.ask(Method::POST, &path, Some(feedback(&card["uuid"]))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let trail = clinic.administrator.get(&format!("/api/v1/audit?patient={subject}")).await.to_string();
    let line = format!("card {} of call-", card["uuid"].as_str().expect("an id"));
    assert!(trail.contains(&line) && trail.contains("overridden benefit"), "{trail}");
    assert!(!trail.contains("own words"), "the trail holds no values");

    let unknown = json!("d1577c69-dfbe-44ad-ba6d-3e05e953b2ea");
    clinic.doctor.refused(&path, feedback(&unknown), "NOT_FOUND").await;
    other.doctor.refused(&path, feedback(&card["uuid"]), "NOT_FOUND").await;
    clinic.patient.refused(&path, feedback(&card["uuid"]), "AUTH_FORBIDDEN").await;
    clinic
        .doctor
        .refused(&path, json!({ "feedback": [{ "card": card["uuid"], "outcome": "liked" }] }), "BODY_INVALID")
        .await;
}
