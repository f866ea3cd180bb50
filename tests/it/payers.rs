//! Payers that are unavailable, fail, or change their answer.

use serde_json::{Value, json};

use crate::support::{
    Clinic, MEDICAL_INSURANCE, TestHospital,
    clinic::{confirm_path, confirmation, id},
    guest, on_both_engines,
};

on_both_engines!(
    TestHospital:
    a_refunded_charge_frees_the_prescription,
    an_unavailable_payer_is_retried,
    a_failing_payer_is_retried,
    a_settlement_that_differs_from_the_quote_is_reversed,
);

async fn found(hospital: &TestHospital) -> Clinic {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    clinic
}

/// Path of the payer in the tenant.
fn payer(clinic: &Clinic) -> String {
    format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, MEDICAL_INSURANCE.id)
}

fn bill(quote: &Value) -> String {
    format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"))
}

async fn a_refunded_charge_frees_the_prescription(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let prescription = clinic.approved().await;
    let first = clinic.quote(&prescription).await;
    clinic.confirm(&first).await;
    clinic.patient.refused("/api/v1/charges", json!({ "prescription": id(&prescription) }), "RX_ALREADY_USED").await;

    let reverse = format!("/api/v1/charges/{}/reverse", first["id"].as_str().expect("an id"));
    clinic.patient.refused(&reverse, json!(null), "AUTH_FORBIDDEN").await;
    assert_eq!(clinic.pharmacist.post(&reverse, json!(null)).await["status"], "REVERSED");
    clinic.pharmacist.refused(&reverse, json!(null), "PAY_ALREADY_REVERSED").await;
    let balance = clinic.balanced().await;
    assert_eq!((&balance["debit_fen"], &balance["credit_fen"]), (&json!(0), &json!(0)), "{balance}");

    // The same figures as before, and it can be used again.
    let second = clinic.quote(&prescription).await;
    assert_eq!(second["parts"], first["parts"]);
    assert_eq!(clinic.confirm(&second).await["status"], "SETTLED");
    let handout = clinic.handout(&prescription).await;
    clinic.pharmacist.post(&format!("{prescription}/dispense"), handout).await;
}

async fn an_unavailable_payer_is_retried(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    let payer = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, MEDICAL_INSURANCE.id);
    clinic.operator.post(&format!("{payer}/disable"), json!(null)).await;
    let refused = clinic.patient.ask(reqwest::Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "PAY_UNAVAILABLE"), "{}", refused.text);
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
    clinic.operator.post(&format!("{payer}/enable"), json!(null)).await;
    // Nothing was begun that could be settled behind the patient's back.
    hospital.advance(31).await;
    let bill = format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"));
    assert_eq!(clinic.patient.get(&bill).await["status"], "QUOTED");
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    assert_eq!(clinic.balanced().await["debit_fen"], quote["total_fen"]);
}

async fn a_failing_payer_is_retried(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let quote = clinic.quote(&clinic.approved().await).await;
    // A newer version of the payer, in which every function panics.
    let broken = guest::broken(MEDICAL_INSURANCE.id, "9.0.0", "xinglin:payment/payer@1.0.0");
    hospital.operator.upload(broken).await.done("/api/v1/plugins");
    let promote = json!({ "version": "9.0.0", "without_gate": true });
    hospital.operator.post(&format!("{}/promote", payer(&clinic)), promote).await;
    let failed = clinic.patient.ask(reqwest::Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await;
    assert_eq!((failed.status.as_u16(), failed.code()), (503, "PAY_UNAVAILABLE"), "{}", failed.text);
    assert_eq!(
        (&failed.body["calls"][0]["plugin"], &failed.body["calls"][0]["outcome"]),
        (&json!(MEDICAL_INSURANCE.id), &json!("PLUGIN_TRAP"),)
    );
    assert_eq!(clinic.balanced().await["debit_fen"], 0);

    hospital.operator.post(&format!("{}/rollback", payer(&clinic)), json!(null)).await;
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    assert_eq!(clinic.balanced().await["debit_fen"], quote["total_fen"]);
}

async fn a_settlement_that_differs_from_the_quote_is_reversed(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    let other = json!({ "payer": "basic_insurance", "settings": { "deductible": 0 } });
    hospital.operator.put(&payer(&clinic), other).await;
    let before = clinic.balanced().await;
    clinic.patient.refused(&confirm_path(&quote), confirmation(&quote), "INS_PRESETTLE_DRIFT").await;
    assert_eq!(clinic.patient.get(&bill(&quote)).await["status"], "REVERSED");
    assert_eq!(clinic.balanced().await, before);
    // The patient must confirm the new figures.
    let quote = clinic.quote(&prescription).await;
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
}
