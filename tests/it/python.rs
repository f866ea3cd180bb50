//! A guest in Python: `examples/python-plugin`, built with componentize-py.

use serde_json::{Value, json};
use xinglin_store::Engine;

use crate::support::{Clinic, PYTHON, TestHospital, line, medicine, record};

/// Codeine, by its RxNorm ingredient. Known by its name or ATC code, it would not
/// come as far as a plugin: it is on the list of what is not prescribed online.
fn codeine() -> Value {
    let mut codeine = medicine("cough-syrup", 3000);
    codeine["ingredients"] = json!([{ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "2670" }]);
    codeine
}

async fn sign_codeine(hospital: &TestHospital, born: &str) -> crate::support::Answer {
    let patient = record::transaction(&[record::patient(born)]);
    let clinic = Clinic::found_with(&hospital.operator, hospital.now(), &[&PYTHON], patient).await;
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    formulary["items"].as_array_mut().expect("items").push(codeine());
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), formulary).await;
    let draft = clinic.draft(&clinic.visit().await, &[line("cough-syrup", "1", "1", 7, 1)]).await;
    clinic.doctor.ask(reqwest::Method::POST, &format!("{draft}/sign"), Some(json!({ "valid_days": 3 }))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_in_python_answers() {
    let hospital = TestHospital::open(Engine::Sqlite).await;
    let eight_years_ago = hospital.now().plus_days(-8 * 365).to_string();
    let vetoed = sign_codeine(&hospital, &eight_years_ago[..10]).await.refused("sign", "RX_VETOED");
    let finding = &vetoed["findings"][0];
    assert_eq!((&finding["code"], &finding["severity"]), (&json!("PAEDIATRIC_OPIOID"), &json!("critical")));
    assert_eq!(finding["citation"]["year"], 2017);
    assert_eq!(vetoed["calls"][0]["plugin"], PYTHON.id);

    let signed = sign_codeine(&hospital, "1977-09-11").await.done("sign");
    assert_eq!((&signed["status"], &signed["calls"][0]["outcome"]), (&json!("PENDING_REVIEW"), &json!("answered")));
}
