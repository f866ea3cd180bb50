//! `kill -9` of a real server at critical moments: nothing is lost, nothing happens twice.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    Clinic, DIABETES, MEDICAL_INSURANCE, Process, advance,
    clinic::{confirm_path, confirmation, part},
    eventually, on_both_engines,
};

on_both_engines!(Process: a_kill_between_settling_and_dispensing_loses_nothing, a_kill_during_settlement_settles_once, a_kill_while_timers_fire_fires_each_once);

async fn found(process: &Process) -> Clinic {
    let clinic = process.clinic(&[&DIABETES, &MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    clinic
}

async fn a_kill_between_settling_and_dispensing_loses_nothing(mut process: Process) {
    let clinic = found(&process).await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    clinic.confirm(&quote).await;
    let balance = clinic.balanced().await;

    process.restart().await;
    let bill = clinic.patient.get(&format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"))).await;
    assert_eq!((&bill["status"], &bill["parts"]), (&json!("SETTLED"), &quote["parts"]));
    assert_eq!(clinic.balanced().await, balance);
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    let handout = clinic.handout(&prescription).await;
    let balance = clinic.balanced().await;
    let dispense = format!("{prescription}/dispense");
    assert_eq!(clinic.pharmacist.post(&dispense, handout.clone()).await["status"], "DISPENSED");

    process.restart().await;
    assert_eq!(clinic.doctor.get(&prescription).await["status"], "DISPENSED");
    clinic.pharmacist.refused(&dispense, handout, "RX_ALREADY_USED").await;
    assert_eq!(clinic.balanced().await, balance);
    assert_eq!(clinic.administrator.get("/api/v1/calls/chain").await["intact"], true);
}

async fn a_kill_during_settlement_settles_once(mut process: Process) {
    let clinic = found(&process).await;
    let quote = clinic.quote(&clinic.approved().await).await;
    let started = Instant::now();
    clinic.confirm(&quote).await;
    let usual = started.elapsed();
    let mut settled = vec![quote];

    for round in 0..6 {
        let quote = clinic.quote(&clinic.approved().await).await;
        let path = format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"));
        let status = async || clinic.patient.get(&path).await["status"].clone();
        let confirm = {
            let (patient, quote) = (clinic.patient.clone(), quote.clone());
            // There may be no answer.
            tokio::spawn(async move { patient.try_post(&confirm_path(&quote), confirmation(&quote)).await })
        };
        // Twice at a fixed time, then increasingly later after the bill has changed.
        if round < 2 {
            tokio::time::sleep(usual * round / 2).await;
        } else {
            eventually("the bill moves", async || status().await != "QUOTED").await;
            tokio::time::sleep(Duration::from_millis(5) * (round - 2)).await;
        }
        process.restart().await;
        let answered = confirm.await.expect("joined");

        // A payment without an outcome is queried after half a minute.
        advance(&clinic.operator, 31).await;
        eventually("the bill is settled, or was never confirmed", async || {
            let status = status().await;
            status == "SETTLED" || status == "QUOTED"
        })
        .await;
        if answered.is_ok_and(|status| status.is_success()) {
            assert_eq!(status().await, "SETTLED", "what was answered is lost");
        }
        assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        settled.push(quote);
        books_agree(&clinic, &settled).await;
    }
}

/// Every bill is booked once, and the fund has paid once for each.
async fn books_agree(clinic: &Clinic, settled: &[Value]) {
    let total: i64 = settled.iter().map(|bill| bill["total_fen"].as_i64().expect("whole fen")).sum();
    let balance = clinic.balanced().await;
    assert_eq!(balance["debit_fen"], total, "{balance}");
    let coverage = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
    let figures = coverage[0]["accumulators"].as_array().expect("figures");
    let fund: i64 = settled.iter().map(|bill| part(bill, "basic_fund")).sum();
    assert_eq!(figures.iter().find(|figure| figure["code"] == "fund-used").expect("a figure")["fen"], fund);
}

async fn a_kill_while_timers_fire_fires_each_once(mut process: Process) {
    let clinic = found(&process).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let enrolment = format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"));

    let before = questionnaires(&clinic).await;
    for (round, timer) in ["visit-7", "visit-14", "visit-28"].into_iter().enumerate() {
        let days = if timer == "visit-28" { 14 } else { 7 };
        advance(&clinic.operator, days * 24 * 3600 + 1).await;
        // At once, or when the server has probably begun to look for due work.
        tokio::time::sleep(Duration::from_millis(40) * u32::try_from(round).expect("few")).await;
        process.restart().await;
        // The lease of the killed server lasts half a minute.
        advance(&clinic.operator, 31).await;
        let fired = async || {
            let timers = clinic.patient.get(&enrolment).await["timers"].as_array().cloned().unwrap_or_default();
            timers.iter().any(|known| known["code"] == timer && known["state"] == "fired")
        };
        eventually("the timer fires", fired).await;
        process.restart().await;
        advance(&clinic.operator, 31).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert_eq!(questionnaires(&clinic).await, before + round + 1, "each visit asks once");
    }
}

/// Number of requests to the patient to answer the questionnaire.
async fn questionnaires(clinic: &Clinic) -> usize {
    let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
    let messages = messages.as_array().expect("messages").iter();
    messages.filter(|message| message["kind"] == "questionnaire").count()
}
