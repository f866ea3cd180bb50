//! The audit trail: every answer from a record has its entry, and the chain is intact.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Clinic, DIABETES, DRUG_SAFETY, MEDICAL_INSURANCE, Person, Process, TestHospital, clinic::id, on_both_engines,
    record,
};

on_both_engines!(
    TestHospital:
    a_patient_reads_who_accessed_the_record,
    every_answer_has_an_audit_entry,
    only_auditors_read_the_audit_trail,
);

async fn accesses(clinic: &Clinic) -> Vec<Value> {
    let path = format!("/api/v1/patients/{}/accesses?limit=500", clinic.subject);
    clinic.patient.get(&path).await.as_array().cloned().expect("a list")
}

async fn a_patient_reads_who_accessed_the_record(hospital: TestHospital) {
    let plugins = [&DIABETES, &DRUG_SAFETY, &MEDICAL_INSURANCE];
    let clinic = hospital.clinic(&plugins).await;
    clinic.insure().await;
    clinic.doctor.get(&format!("/fhir/R4/{}", clinic.evidence[1])).await;
    let approved = clinic.approved().await;
    clinic.quote(&approved).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    clinic.doctor.post("/api/v1/enrolments", enrol).await;

    let seen = accesses(&clinic).await;
    let find = |who: &str, act: &str, word: &str| {
        seen.iter().find(|one| {
            let login = one["who"].as_str().unwrap_or_default();
            login.starts_with(who)
                && one["act"] == act
                && one["what"][1]["text"].as_str().is_some_and(|what| what.contains(word))
        })
    };
    for (who, act, word) in [
        ("doctor", "read", "diagnoses"),
        ("doctor", "write", "prescriptions"),
        ("doctor", "write", "your pathway"),
        ("pharmacist", "write", "prescriptions"),
        ("administrator", "write", "your record"),
        ("patient", "write", "visits"),
        (DRUG_SAFETY.id, "read", "without your name"),
        (DIABETES.id, "read", "without your name"),
    ] {
        assert!(find(who, act, word).is_some(), "{who} {act} {word}: {seen:#?}");
    }
    let doctor = find("doctor", "read", "diagnoses").expect("found");
    assert_eq!((&doctor["roles"], &doctor["purpose"]), (&json!(["doctor"]), &json!("treatment")));
    assert_eq!(doctor["what"][0]["text"], "查看：诊断");
    let payer = seen.iter().find(|one| one["who"] == MEDICAL_INSURANCE.id).expect("the payer");
    assert_eq!(payer["purpose"], "payment");
    assert!(!seen.iter().any(|one| one.to_string().contains("E11.9")), "no value of the record");
    let page = format!("/api/v1/patients/{}/accesses?limit=1", clinic.subject);
    let newest = clinic.patient.get(&page).await[0].clone();
    let before = clinic.patient.get(&format!("{page}&before={}", newest["seq"])).await[0].clone();
    assert!(before["seq"].as_i64() < newest["seq"].as_i64());

    // For the patient only.
    for client in [&clinic.doctor, &clinic.administrator] {
        client.hidden(&page, "AUTH_FORBIDDEN").await;
    }
    let other = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let (stranger, _) = clinic.hire(Person::new("stranger", "patient").acting_for(id(&other), 990)).await;
    stranger.hidden(&page, "NOT_FOUND").await;
}

/// Every answer with data of this patient adds one entry to the trail.
async fn every_answer_has_an_audit_entry(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIABETES, &MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let approved = clinic.approved().await;
    let quote = clinic.quote(&approved).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let visit = clinic.found_in_record("Encounter").await;
    let visit = visit.iter().filter_map(|one| one["id"].as_str()).find(|id| id.starts_with("enc-")).expect("a visit");
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let subject = &clinic.subject;
    let newest = async || {
        let about = clinic.administrator.get(&format!("/api/v1/audit?patient={subject}&limit=1")).await;
        about[0].clone()
    };
    for path in [
        format!("/fhir/R4/Patient/{subject}"),
        format!("/fhir/R4/{}", clinic.evidence[1]),
        format!("/fhir/R4/{}/_history", clinic.evidence[1]),
        format!("/fhir/R4/{}/_history/1", clinic.evidence[1]),
        format!("/fhir/R4/Condition?patient={subject}"),
        format!("/fhir/R4/Immunization?patient={subject}"),
        "/fhir/R4/Condition".to_owned(),
        format!("/fhir/R4/Condition?_id={}", id(&clinic.evidence[1])),
        format!("/api/v1/charges/{}", text(&quote["id"])),
        format!("/api/v1/enrolments/{}", text(&enrolled["id"])),
        format!("/api/v1/encounters/{visit}"),
        approved,
        format!("/api/v1/patients/{subject}/coverages"),
        format!("/api/v1/patients/{subject}/holds"),
        format!("/api/v1/patients/{subject}/messages"),
        format!("/api/v1/patients/{subject}/disclosures"),
    ] {
        let before = newest().await["seq"].as_i64().unwrap_or_default();
        clinic.doctor.get(&path).await;
        let line = newest().await;
        assert!(line["seq"].as_i64().is_some_and(|seq| seq > before), "{path} left no line");
        let event = &line["event"];
        assert_eq!((&event["resourceType"], &event["outcome"]), (&json!("AuditEvent"), &json!("0")), "{path}");
        let told = event["entity"].to_string();
        assert!(told.contains(path.split('?').next().unwrap_or_default()) && !told.contains('?'), "{path}: {told}");
    }

    // Entries of a batch are read after its first audit entry was written.
    let before = newest().await["seq"].as_i64();
    let asked = json!({ "request": { "method": "GET", "url": clinic.evidence[1] } });
    let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [asked] });
    let answer = clinic.doctor.post("/fhir/R4", batch).await;
    assert_eq!(answer["entry"][0]["resource"]["resourceType"], "Condition", "{answer}");
    assert!(newest().await["seq"].as_i64() > before, "the batch left no line");

    // Refusals and requests for missing resources are recorded, too.
    let restricted = record::result(subject, hospital.now(), "20447-9", "40", "{copies}/mL");
    let hidden = clinic.import(&[restricted]).await.remove(0);
    clinic.doctor.hidden(&format!("/fhir/R4/{hidden}"), "NOT_FOUND").await;
    let line = newest().await;
    assert_eq!((&line["event"]["outcome"], &line["event"]["outcomeDesc"]), (&json!("4"), &json!("404")));
    clinic.doctor.hidden("/fhir/R4/Observation/none", "NOT_FOUND").await;
    let all = clinic.administrator.get("/api/v1/audit?act=read&limit=5").await;
    assert!(all.to_string().contains("/fhir/R4/Observation/none"), "{all}");
    let seen = accesses(&clinic).await;
    let tried = seen.iter().find(|one| one["seq"] == line["seq"]).expect("the attempt");
    assert_eq!(tried["refused"], true);
    assert!(seen.iter().any(|one| one["refused"] == false));
}

async fn only_auditors_read_the_audit_trail(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (regulator, _) = clinic.hire(Person::new("regulator", "regulator")).await;
    clinic.doctor.get(&format!("/fhir/R4/{}", clinic.evidence[1])).await;
    for client in [&clinic.doctor, &clinic.pharmacist, &clinic.patient] {
        client.hidden("/api/v1/audit", "AUTH_FORBIDDEN").await;
        client.hidden("/api/v1/audit/chain", "AUTH_FORBIDDEN").await;
    }
    let chain = regulator.get("/api/v1/audit/chain").await;
    assert_eq!(chain["intact"], true);
    assert!(chain["length"].as_i64().is_some_and(|length| length > 0));
    let by_doctor = regulator.get("/api/v1/audit?act=read").await;
    let event = by_doctor
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| &line["event"])
        .find(|event| event["agent"][0]["role"][0]["text"] == "doctor");
    let event = event.expect("the doctor's read");
    assert_eq!(event["purposeOfEvent"][0]["coding"][0]["code"], "TREAT");
    assert_eq!(event["entity"][0]["what"]["reference"], format!("Patient/{}", clinic.subject));
    let account = event["agent"][0]["who"]["identifier"]["value"].as_str().expect("an account");
    let theirs = regulator.get(&format!("/api/v1/audit?who={account}")).await;
    assert!(theirs.as_array().is_some_and(|all| !all.is_empty()));
    let until = hospital.now().plus_days(-1).to_string();
    assert_eq!(regulator.get(&format!("/api/v1/audit?until={}", until.replace('+', "%2B"))).await, json!([]));
    regulator.hidden("/api/v1/audit?from=yesterday", "BODY_INVALID").await;

    // Another hospital has a trail of its own.
    let other = hospital.clinic(&[]).await;
    let about = format!("/api/v1/audit?patient={}", clinic.subject);
    let answer = other.administrator.ask(Method::GET, &about, None).await;
    assert_eq!(answer.body, json!([]));
}

/// `xinglin audit verify` verifies both chains.
async fn the_audit_trail_is_verified(process: Process) {
    let clinic = process.clinic(&[]).await;
    clinic.doctor.get(&format!("/fhir/R4/{}", clinic.evidence[1])).await;
    let told = process.xinglin(&["audit", "verify"]).await.done();
    assert!(told.contains("audit trail intact, "), "{told}");
}

mod verified {
    use super::{Process, the_audit_trail_is_verified};
    use crate::support::on_both_engines;

    on_both_engines!(Process: the_audit_trail_is_verified);
}
