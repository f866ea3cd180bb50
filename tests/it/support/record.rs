//! Records of patients, as sent by another hospital.

use serde_json::{Value, json};
use xinglin_domain::time::Instant;

/// The synthetic patient of the repository: a transaction of several hundred resources.
pub fn synthetic() -> Value {
    serde_json::from_slice(&super::repository("examples/patients/type-2-diabetes.json")).expect("a bundle")
}

/// A patient with a date of birth only.
pub fn patient(born: &str) -> Value {
    json!({
        "resourceType": "Patient", "active": true, "gender": "female", "birthDate": born,
        "name": [{ "family": "李", "given": ["明"] }],
    })
}

/// A transaction that creates these.
pub fn transaction(resources: &[Value]) -> Value {
    let entries: Vec<Value> = resources
        .iter()
        .map(|resource| json!({ "resource": resource, "request": { "method": "POST", "url": resource["resourceType"] } }))
        .collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

/// An outpatient visit elsewhere, this many days ago.
pub fn visit(patient: &str, now: Instant, days_ago: i64) -> Value {
    let on = now.plus_days(-days_ago).to_string();
    json!({
        "resourceType": "Encounter", "status": "finished",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
        "subject": { "reference": format!("Patient/{patient}") }, "period": { "start": on, "end": on },
    })
}

/// A diagnosis in ICD-10, made in a visit: `Encounter/…`.
pub fn condition(patient: &str, visit: &str, now: Instant, code: &str) -> Value {
    json!({
        "resourceType": "Condition", "subject": { "reference": format!("Patient/{patient}") },
        "encounter": { "reference": visit },
        "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": code }] },
        "recordedDate": &now.to_string()[..10],
        "clinicalStatus": { "coding": [
            { "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" },
        ] },
    })
}

/// A result, with the digits as given.
pub fn result(patient: &str, now: Instant, loinc: &str, value: &str, unit: &str) -> Value {
    let value: Value = serde_json::from_str(value).expect("a number");
    json!({
        "resourceType": "Observation", "status": "final",
        "subject": { "reference": format!("Patient/{patient}") },
        "code": { "coding": [{ "system": "http://loinc.org", "code": loinc }] },
        "effectiveDateTime": now.plus_days(-35).to_string(),
        "valueQuantity": { "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit },
    })
}

/// `Type/id` of each resource that a transaction wrote.
pub fn locations(answer: &Value) -> Vec<String> {
    let entries = answer["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let written = entries.iter().filter_map(|entry| entry["response"]["location"].as_str());
    written.map(|location| location.split("/_history").next().unwrap_or(location).to_owned()).collect()
}
