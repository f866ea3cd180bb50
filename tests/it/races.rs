//! Concurrent requests for the same thing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, DIABETES, MEDICAL_INSURANCE, TestHospital,
    clinic::{confirm_path, confirmation},
    on_both_engines,
};

on_both_engines!(
    TestHospital:
    of_two_bills_confirmed_concurrently_one_succeeds,
    a_bill_confirmed_concurrently_is_settled_once,
    a_refund_and_dispensing_exclude_each_other,
    concurrent_answers_are_all_kept,
);

async fn of_two_bills_confirmed_concurrently_one_succeeds(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let prescription = clinic.approved().await;
    let quotes = [clinic.quote(&prescription).await, clinic.quote(&prescription).await];
    let confirm = |quote: Value| {
        let patient = clinic.patient.clone();
        tokio::spawn(async move { patient.ask(Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await })
    };
    let both = quotes.map(confirm);
    let mut won = Vec::new();
    for answer in both {
        let answer = answer.await.expect("joined");
        if answer.status.is_success() {
            won.push(answer.body);
        } else {
            answer.refused("confirm", "RX_ALREADY_USED");
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(won[0]["status"], "SETTLED");
    let balance = clinic.balanced().await;
    assert_eq!(balance["debit_fen"], won[0]["total_fen"]);
}

async fn a_bill_confirmed_concurrently_is_settled_once(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let quote = clinic.quote(&clinic.approved().await).await;
    let many: Vec<_> = (0..6)
        .map(|_| {
            let (patient, quote) = (clinic.patient.clone(), quote.clone());
            tokio::spawn(
                async move { patient.ask(Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await },
            )
        })
        .collect();
    for answer in many {
        let answer = answer.await.expect("joined");
        // Requests during the settlement get that status, or a conflict.
        assert!(answer.status.is_success() || answer.status == 409, "{} {}", answer.status, answer.text);
    }
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    assert_eq!(clinic.balanced().await["debit_fen"], quote["total_fen"]);
}

async fn a_refund_and_dispensing_exclude_each_other(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    for round in 0..6 {
        let prescription = clinic.approved().await;
        let quote = clinic.quote(&prescription).await;
        clinic.confirm(&quote).await;
        let bill = format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"));
        let handout = clinic.handout(&prescription).await;
        let post = |path: String, body: Value, late: u64| {
            let pharmacist = clinic.pharmacist.clone();
            tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(late)).await;
                pharmacist.ask(Method::POST, &path, Some(body)).await
            })
        };
        let reversing = post(format!("{bill}/reverse"), json!(null), 2 * (round % 3));
        let dispensing = post(format!("{prescription}/dispense"), handout, 2 * (round / 3));
        let (reversed, dispensed) = (reversing.await.expect("joined"), dispensing.await.expect("joined"));
        for answer in [&reversed, &dispensed] {
            assert!(answer.status.is_success() || answer.status.is_client_error(), "{}", answer.text);
        }
        let states = (
            clinic.patient.get(&bill).await["status"].clone(),
            clinic.doctor.get(&prescription).await["status"].clone(),
        );
        let handed_out = states == (json!("SETTLED"), json!("DISPENSED"));
        let taken_back = states == (json!("REVERSED"), json!("EFFECTIVE"));
        let neither = states == (json!("SETTLED"), json!("RESERVED"));
        assert!(handed_out || taken_back || neither, "{states:?}");
        assert_eq!((handed_out, taken_back), (dispensed.status.is_success(), reversed.status.is_success()));
    }
    clinic.balanced().await;
}

async fn concurrent_answers_are_all_kept(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIABETES]).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let path = format!("/api/v1/enrolments/{}/answers", enrolled["id"].as_str().expect("an id"));
    let told: Vec<_> = ["9.8", "17.2", "8.1"]
        .into_iter()
        .map(|glucose| {
            let (patient, path) = (clinic.patient.clone(), path.clone());
            let answers = json!({ "questionnaire": "recheck", "answers": [
                { "link_id": "glucose", "value": { "quantity": { "value": glucose, "unit": "mmol/L" } } },
                { "link_id": "needed-help", "value": { "boolean": false } },
            ] });
            tokio::spawn(async move { patient.ask(Method::POST, &path, Some(answers)).await })
        })
        .collect();
    let mut answers: Vec<Answer> = Vec::new();
    for answer in told {
        answers.push(answer.await.expect("joined"));
    }
    assert_eq!(clinic.found_in_record("Observation").await.len(), 2 + 3);
    // All three are in the record, so the pathway must have processed all three.
    let alerts = clinic.doctor.get("/api/v1/alerts?state=open").await;
    let critical = alerts.as_array().expect("alerts").iter().any(|a| a["detail"]["alert"]["severity"] == "critical");
    let said: Vec<&str> = answers.iter().map(|answer| answer.text.as_str()).collect();
    assert!(critical, "nobody was told of a glucose of 17.2: {said:?}");
}
