//! `kill -9` of a real server at critical moments: nothing is lost, nothing happens twice.

use std::time::{Duration, Instant};

use std::collections::BTreeSet;

use serde_json::{Value, json};
use xinglin_platform::ambient::Clock;
use xinglin_store::Engine;

use crate::{
    payers::{counts, insure_commercially},
    support::{
        Clinic, DIABETES, DIRECT_BILLING, MEDICAL_INSURANCE, Process, advance,
        clinic::{confirm_path, confirmation, part},
        eventually, on_both_engines,
    },
};

on_both_engines!(
    Process:
    a_kill_between_settling_and_dispensing_loses_nothing,
    a_kill_during_settlement_settles_once,
    a_kill_during_a_refund_refunds_once,
    a_kill_after_any_step_of_two_payers_loses_nothing,
    a_kill_while_timers_fire_fires_each_once,
);

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

/// The fee of 2000 is given back: the fund takes its settlement back and settles the rest, whenever the
/// host is killed.
async fn a_kill_during_a_refund_refunds_once(mut process: Process) {
    let clinic = found(&process).await;
    let mut usual = Duration::ZERO;
    for round in 0..5_u32 {
        let quote = clinic.quote(&clinic.approved().await).await;
        clinic.confirm(&quote).await;
        let path = format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"));
        let fee = json!({ "key": "fee", "lines": [{ "line": 1, "quantity": 1 }], "reason": "the doctor was late" });
        let refund = {
            let (pharmacist, path, fee) = (clinic.pharmacist.clone(), format!("{path}/refunds"), fee.clone());
            // There may be no answer.
            tokio::spawn(async move { pharmacist.try_post(&path, fee).await })
        };
        if round == 0 {
            let started = Instant::now();
            assert!(refund.await.expect("joined").expect("an answer").is_success());
            usual = started.elapsed();
        } else {
            tokio::time::sleep(usual * (round - 1) / 4).await;
            process.restart().await;
            drop(refund.await);
        }
        // Each operation without an outcome is asked after once it is half a minute old.
        eventually("the bill is settled", async || {
            advance(&clinic.operator, 31).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            clinic.patient.get(&path).await["status"] == "SETTLED"
        })
        .await;
        let refunded = clinic.pharmacist.post(&format!("{path}/refunds"), fee).await;
        assert_eq!((&refunded["status"], &refunded["total_fen"]), (&json!("SETTLED"), &json!(5000)), "{refunded}");
        assert_eq!(refunded["refunds"].as_array().expect("refunds").len(), 1);
        // All else is cancelled, so that the next one begins with the same figures.
        let before = clinic.balanced().await;
        assert_eq!(before["debit_fen"], 5000, "{before}");
        books_agree(&clinic, &[refunded]).await;
        assert_eq!(clinic.patient.post(&format!("{path}/cancel"), json!(null)).await["status"], "REVERSED");
    }
}

/// From the step on that this number counts, a server stores no step of a bill any more: it stops there,
/// whatever it has asked of a payer.
async fn stop_at(process: &Process, step: u32) {
    process.tamper(&format!("UPDATE stop SET steps = {step}")).await;
}

/// No step is stopped until [`stop_at`].
async fn may_stop(process: &Process) {
    let stop = match process.engine() {
        Engine::Sqlite => {
            "CREATE TRIGGER stop_bill BEFORE UPDATE ON bill BEGIN
                 UPDATE stop SET steps = steps - 1;
                 SELECT CASE WHEN (SELECT steps FROM stop) < 0 THEN RAISE(ABORT, 'stopped') END;
             END"
        }
        Engine::Postgres => {
            "CREATE FUNCTION stop_bill() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
                 UPDATE stop SET steps = steps - 1;
                 IF (SELECT steps FROM stop) < 0 THEN RAISE EXCEPTION 'stopped'; END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER stop_bill BEFORE UPDATE ON bill FOR EACH ROW EXECUTE FUNCTION stop_bill()"
        }
    };
    process
        .tamper(&format!("CREATE TABLE stop (steps BIGINT NOT NULL); INSERT INTO stop VALUES (1000000); {stop}"))
        .await;
}

/// The server stops after each step of a settlement by two payers and of its reversal, is killed, and
/// another goes on: every bill comes to its end, the books and what each payer counts are those of what
/// stands, and no operation is sent twice.
async fn a_kill_after_any_step_of_two_payers_loses_nothing(mut process: Process) {
    const NEVER: u32 = 1_000_000;
    let clinic = process.clinic(&[&MEDICAL_INSURANCE, &DIRECT_BILLING]).await;
    clinic.insure().await;
    insure_commercially(&clinic, Clock::default().now().china_year()).await;
    may_stop(&process).await;
    let figures = async || {
        let basic = counts(&clinic, MEDICAL_INSURANCE.id, "accumulators").await;
        (basic, counts(&clinic, DIRECT_BILLING.id, "balances").await)
    };
    let before = figures().await;
    let prescription = clinic.approved().await;
    let (mut ends, mut settled_figures) = (Vec::new(), None);
    for step in 0.. {
        let quote = clinic.quote(&prescription).await;
        assert_eq!(quote["payers"], json!([MEDICAL_INSURANCE.id, DIRECT_BILLING.id]));
        let path = format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"));
        let status = async || clinic.patient.get(&path).await["status"].as_str().expect("a state").to_owned();
        let cancel = format!("{path}/cancel");
        stop_at(&process, step).await;
        let mut done = clinic.patient.try_post(&confirm_path(&quote), confirmation(&quote)).await;
        if done.as_ref().is_ok_and(|status| status.is_success()) {
            done = clinic.patient.try_post(&cancel, json!(null)).await;
        }
        let whole = done.is_ok_and(|status| status.is_success());
        process.kill().await;
        stop_at(&process, NEVER).await;
        process.start().await;

        let ended = |status: &str| ["QUOTED", "SETTLED", "REVERSED"].contains(&status);
        for _ in 0..6 {
            if ended(&status().await) {
                break;
            }
            // What has no outcome is asked after in half a minute.
            advance(&clinic.operator, 31).await;
            for _ in 0..40 {
                if ended(&status().await) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
        let end = status().await;
        let paid = if end == "SETTLED" { quote["total_fen"].as_i64().expect("fen") } else { 0 };
        assert_eq!(clinic.balanced().await["debit_fen"], paid, "{step}: {end}");
        if end == "SETTLED" {
            let now = figures().await;
            assert_eq!(&now, settled_figures.get_or_insert(now.clone()), "{step}");
            assert_ne!((&now.0, &now.1), (&before.0, &before.1), "{step}");
        } else {
            assert_eq!(figures().await, before, "{step}: {end}");
        }
        sent_once(&clinic, &quote).await;
        ends.push(end.clone());
        if whole {
            break;
        }
        // As before, for the next step.
        if end != "REVERSED" {
            clinic.patient.post(&cancel, json!(null)).await;
        }
        assert_eq!(figures().await, before, "{step}: {end}");
    }
    // Begun, held, settled with the next begun, held, settled; and the same back.
    let of = |state: &str| ends.iter().filter(|end| *end == state).count();
    assert_eq!((of("QUOTED"), of("SETTLED"), of("REVERSED")), (1, 5, 5), "{ends:?}");
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
    assert_eq!(clinic.doctor.get(&prescription).await["status"], "EFFECTIVE");
}

/// No operation of a bill was sent to a payer twice: what was sent again had another key, after the payer
/// had said that it never had the one before.
async fn sent_once(clinic: &Clinic, quote: &Value) {
    let bill = quote["id"].as_str().expect("an id");
    for (payer, asks) in [(MEDICAL_INSURANCE.id, "query"), (DIRECT_BILLING.id, "status")] {
        let calls = clinic.administrator.get(&format!("/api/v1/calls?plugin={payer}&limit=500")).await;
        let mut calls: Vec<&Value> = calls.as_array().expect("calls").iter().collect();
        calls.sort_by_key(|call| call["seq"].as_i64());
        let (mut keys, mut open) = (BTreeSet::new(), None);
        for call in calls {
            let tape = &call["tape"];
            let key = tape["input"]["operation"]["key"].as_str().unwrap_or_default();
            if !key.contains(bill) {
                continue;
            }
            let function = tape["hook"].as_str().and_then(|hook| hook.split('#').nth(1)).expect("a function");
            match function {
                "settle" | "submit" | "reverse" | "cancel" => {
                    assert!(keys.insert(key.to_owned()), "{payer}: {key} was sent twice");
                    assert_ne!(open, Some(function), "{payer}: sent again without being asked after");
                    open = Some(function);
                }
                asked if asked == asks => open = None,
                _ => {}
            }
        }
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
