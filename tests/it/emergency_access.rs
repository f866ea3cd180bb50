//! Emergency access (break-the-glass): for a doctor, for a limited time, with a reason, and reviewed.

use serde_json::{Value, json};

use crate::support::{Person, TestHospital, clinic::id, record, rules_on_both_engines};

rules_on_both_engines!(TestHospital: emergency_access_is_limited_audited_and_judged, emergency_access_needs_a_doctor_a_reason_and_a_period);

const REASON: &str = "Unconscious on arrival, medicines unknown.";

async fn emergency_access_is_limited_audited_and_judged(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let load = record::result(&clinic.subject, hospital.now(), "20447-9", "40", "{copies}/mL");
    let low = json!({
        "resourceType": "Condition", "subject": { "reference": format!("Patient/{}", clinic.subject) },
        "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1" }] },
    });
    let hidden = clinic.import(&[load, low]).await;
    let (path, other) = (format!("/fhir/R4/{}", hidden[0]), format!("/fhir/R4/{}", hidden[1]));
    let by_code = format!("/fhir/R4/Observation?patient={}&code=20447-9", clinic.subject);
    let path_to_open = format!("/api/v1/patients/{}/break-glass", clinic.subject);
    let (colleague, _) = clinic.hire(Person::new("colleague", "doctor").licensed(&json!({}))).await;

    clinic.doctor.hidden(&path, "NOT_FOUND").await;
    let ask = json!({ "compartment": "hiv", "reason": REASON, "minutes": 30 });
    let opened = clinic.doctor.post(&path_to_open, ask.clone()).await;
    assert_eq!(opened["open"], true);
    assert_eq!(clinic.doctor.get(&path).await["id"], id(&hidden[0]));
    assert_eq!(clinic.doctor.get(&by_code).await["total"], 1);
    // For that compartment, doctor and patient only.
    clinic.doctor.hidden(&other, "NOT_FOUND").await;
    colleague.hidden(&path, "NOT_FOUND").await;
    colleague.hidden(&by_code, "ACCESS_COMPARTMENT").await;

    // The patient is notified, and sees what was read.
    let messages = format!("/api/v1/patients/{}/messages", clinic.subject);
    let told = clinic.patient.get(&messages).await;
    assert_eq!(told[0]["kind"], "notice");
    assert!(told.to_string().contains(REASON) && !told.to_string().contains("hiv"), "{told}");
    assert!(!clinic.doctor.get(&messages).await.to_string().contains("notice"));
    let seen = clinic.patient.get(&format!("/api/v1/patients/{}/accesses", clinic.subject)).await;
    let seen = seen.as_array().expect("a list");
    let emergencies: Vec<&Value> = seen.iter().filter(|one| one["emergency"] == true).collect();
    assert!(
        emergencies.len() >= 3
            && emergencies.iter().all(|one| one["who"].as_str().is_some_and(|who| who.starts_with("doctor"))),
        "{seen:#?}"
    );
    let trail = clinic.administrator.get(&format!("/api/v1/audit?patient={}", clinic.subject)).await;
    assert!(trail.to_string().contains("\"BTG\""), "{trail}");

    // It awaits review, by another person, once.
    let waiting = clinic.administrator.get("/api/v1/break-glass").await;
    assert_eq!((&waiting[0]["id"], &waiting[0]["reason"]), (&opened["id"], &json!(REASON)));
    clinic.doctor.hidden("/api/v1/break-glass", "AUTH_FORBIDDEN").await;
    let judge = format!("/api/v1/break-glass/{}/judge", opened["id"].as_str().expect("an id"));
    let judgement = json!({ "finding": "unjustified", "note": "The patient was awake and could have been asked." });
    clinic.doctor.refused(&judge, judgement.clone(), "AUTH_FORBIDDEN").await;
    clinic.administrator.refused(&judge, json!({ "finding": "justified", "note": "" }), "GLASS_REASON_REQUIRED").await;
    let judged = clinic.administrator.post(&judge, judgement.clone()).await;
    assert_eq!((&judged["open"], &judged["finding"]), (&json!(false), &json!("unjustified")));
    clinic.doctor.hidden(&path, "NOT_FOUND").await;
    clinic.administrator.refused(&judge, judgement, "GLASS_STATE").await;
    assert_eq!(clinic.administrator.get("/api/v1/break-glass").await, json!([]));
    assert_eq!(clinic.administrator.get("/api/v1/break-glass?judged=true").await[0]["id"], opened["id"]);

    // Another one expires.
    clinic.doctor.post(&path_to_open, ask).await;
    clinic.doctor.get(&path).await;
    hospital.advance(1801).await;
    clinic.doctor.hidden(&path, "NOT_FOUND").await;
    let chain = clinic.administrator.get("/api/v1/audit/chain").await;
    assert_eq!(chain["intact"], true);
}

async fn emergency_access_needs_a_doctor_a_reason_and_a_period(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let path_to_open = format!("/api/v1/patients/{}/break-glass", clinic.subject);
    let ask = json!({ "compartment": "hiv", "reason": REASON });
    for client in [&clinic.pharmacist, &clinic.administrator, &clinic.patient, &clinic.operator] {
        client.refused(&path_to_open, ask.clone(), "AUTH_FORBIDDEN").await;
    }
    let lapsed = Person::new("lapsed", "doctor").licensed(&json!({ "until": "2021-01-01" }));
    let (lapsed, _) = clinic.hire(lapsed).await;
    lapsed.refused(&path_to_open, ask.clone(), "CRED_INVALID").await;
    for (field, value, code) in [
        ("reason", json!(""), "GLASS_REASON_REQUIRED"),
        ("reason", json!("        "), "GLASS_REASON_REQUIRED"),
        ("minutes", json!(0), "BODY_INVALID"),
        ("minutes", json!(241), "BODY_INVALID"),
        ("compartment", json!("everything"), "BODY_INVALID"),
    ] {
        let mut ask = ask.clone();
        ask[field] = value;
        clinic.doctor.refused(&path_to_open, ask, code).await;
    }
    clinic.doctor.refused("/api/v1/patients/pat-00000000000000000000000000/break-glass", ask, "NOT_FOUND").await;
    assert_eq!(clinic.administrator.get("/api/v1/break-glass").await, json!([]));
    assert_eq!(clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await, json!([]));
}
