//! Patients of the demonstrations.

use anyhow::Result;
use serde_json::{Value, json};
use xinglin_platform::ambient::Clock;

use crate::cli::demo::{
    client::{Client, text},
    visit::{open_account, verify_by_hand},
};

/// A patient with an account and evidence of a visit elsewhere.
pub struct Patient {
    /// `pat-…`
    pub id: String,
    /// Signed in.
    pub client: Client,
    /// `Encounter/…` and `Condition/…` of five weeks ago.
    pub evidence: [String; 2],
}

/// A patient who was diagnosed elsewhere with this disease (ICD-10) opens an account.
pub async fn arrive(
    administrator: &Client,
    operator: &Client,
    (tenant, login, password): (&str, &str, &str),
    disease: &str,
) -> Result<Patient> {
    let import = async |resource: Value| -> Result<String> { import(administrator, resource).await };
    let born = json!({
        "resourceType": "Patient", "active": true, "gender": "female", "birthDate": "1977-09-11",
        "name": [{ "family": "李", "given": [login] }],
        "contact": [{ "name": { "text": "李强" }, "telecom": [{ "system": "phone", "value": "13800000000" }] }],
    });
    let reference = import(born).await?;
    let id = reference.trim_start_matches("Patient/").to_owned();
    let subject = json!({ "reference": reference });
    let on = Clock::default().now().plus_days(-35).to_string();
    let visit = import(json!({
        "resourceType": "Encounter", "status": "finished", "subject": subject,
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
        "period": { "start": on, "end": on },
    }))
    .await?;
    let condition = import(json!({
        "resourceType": "Condition", "subject": subject, "encounter": { "reference": visit },
        "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": disease }] },
        "recordedDate": &on[..10],
        "clinicalStatus": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active",
        }] },
    }))
    .await?;
    let account = json!({
        "login": login, "roles": ["patient"], "patients": [id],
        "identity": { "document_matches": true, "face_per_mille": 972 },
    });
    open_account(operator, tenant, account, password).await?;
    verify_by_hand(operator, tenant, &id).await?;
    let client = operator.sign_in(Some(tenant), login, password).await?;
    Ok(Patient { id, client, evidence: [visit, condition] })
}

/// Writes a resource; `Type/id`.
pub async fn import(administrator: &Client, resource: Value) -> Result<String> {
    let entry = json!({ "resource": resource, "request": { "method": "POST", "url": resource["resourceType"] } });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    let answer = administrator.post("/fhir/R4", &bundle).await?;
    let location = text(&answer, "/entry/0/response/location")?;
    Ok(location.split("/_history").next().unwrap_or_default().to_owned())
}
