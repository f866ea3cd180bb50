//! The whole visit, and what follows.

use serde_json::{Value, json};
use xinglin_domain::time::Instant;

use crate::support::{
    Clinic, DIABETES, DRUG_SAFETY, MEDICAL_INSURANCE, TestHospital,
    clinic::{checklist, confirm_path, confirmation, draft, id, part},
    eventually, line, on_both_engines, record,
};

on_both_engines!(TestHospital: a_visit_from_evidence_to_dispensing, a_timer_fires_once);

async fn a_visit_from_evidence_to_dispensing(hospital: TestHospital) {
    let plugins = [&DIABETES, &DRUG_SAFETY, &MEDICAL_INSURANCE];
    let clinic = Clinic::found_with(&hospital.operator, hospital.now(), &plugins, record::synthetic()).await;
    clinic.insure().await;

    let stopped = follow_up(&clinic).await;
    let visit = pathway(&clinic, &stopped).await;
    let prescription = prescribe(&clinic, &visit).await;
    let bill = pay(&clinic, &prescription).await;
    dispense(&clinic, &prescription, &bill).await;

    let chain = clinic.administrator.get("/api/v1/calls/chain").await;
    assert_eq!(chain["intact"], true, "{chain}");
    let calls = clinic.administrator.get(&format!("/api/v1/calls?about={bill}")).await;
    let hooks: Vec<&str> =
        calls.as_array().expect("calls").iter().rev().filter_map(|call| call["tape"]["hook"].as_str()).collect();
    assert_eq!(hooks.len(), 3, "quote, authorize, settle: {hooks:?}");
}

async fn follow_up(clinic: &Clinic) -> String {
    let mut ask = clinic.request();
    ask.as_object_mut().expect("an object").remove("evidence");
    clinic.patient.refused("/api/v1/encounters", ask, "ENC_NO_EVIDENCE").await;
    let visit = clinic.visit().await;
    let projected = clinic.doctor.get(&format!("/fhir/R4/Encounter/{visit}")).await;
    assert_eq!(projected["status"], "in-progress");
    assert_eq!(projected["reasonCode"][0]["coding"][0]["code"], "E11.9");
    visit
}

/// Returns the visit that follows the one that a critical value stops.
async fn pathway(clinic: &Clinic, stopped: &str) -> String {
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol.clone()).await;
    clinic.doctor.refused("/api/v1/enrolments", enrol, "ALREADY_EXISTS").await;
    let answers_path = format!("/api/v1/enrolments/{}/answers", enrolled["id"].as_str().expect("an id"));
    let timers = enrolled["timers"].as_array().expect("timers").len();
    // Beside those that follow a question.
    let is_timer = |task: &&Value| task["id"].as_str().is_some_and(|id| !id.starts_with("req-"));
    assert_eq!(clinic.found_in_record("Task").await.iter().filter(is_timer).count(), timers);

    // A critical glucose stops the visit, and prevents online prescribing until a doctor has acted.
    clinic.patient.post(&answers_path, answers("17.2", "8.10")).await;
    let hba1c = clinic.found_in_record("Observation").await;
    let digits: Value = serde_json::from_str("8.10").expect("a number");
    let hba1c = hba1c.iter().find(|o| o["valueQuantity"]["value"] == digits);
    assert_eq!(hba1c.expect("the answer, with its digits")["code"]["coding"][0]["code"], "4548-4");
    let alerts = clinic.doctor.get("/api/v1/alerts?state=open").await;
    let mut alerts = alerts.as_array().expect("alerts").iter();
    let critical = alerts.find(|alert| alert["detail"]["alert"]["severity"] == "critical").expect("a critical alert");
    assert_eq!(critical["detail"]["alert"]["sla_minutes"], 15);
    let flags = clinic.found_in_record("Flag").await;
    assert_eq!(flags[0]["status"], "active");

    let metformin = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    clinic.doctor.refused("/api/v1/prescriptions", draft(stopped, &metformin), "ENC_RED_FLAG").await;
    let note = json!({ "note": "Seen in person today." });
    clinic.doctor.post(&format!("/api/v1/encounters/{stopped}/close"), note).await;
    let visit = clinic.visit().await;
    let held = clinic.draft(&visit, &metformin).await;
    clinic.doctor.refused(&format!("{held}/sign"), json!({ "valid_days": 3 }), "ENC_RED_FLAG").await;
    let critical = critical["id"].as_str().expect("an id");
    let taken = clinic.doctor.post(&format!("/api/v1/alerts/{critical}/acknowledge"), json!(null)).await;
    assert_eq!(taken["in_time"], true);
    let holds = clinic.doctor.get(&format!("/api/v1/patients/{}/holds", clinic.subject)).await;
    for hold in holds.as_array().expect("holds") {
        let path = format!("/api/v1/holds/{}/release", hold["id"].as_str().expect("an id"));
        clinic.doctor.refused(&path, json!({ "reason": "" }), "PATHWAY_REASON_REQUIRED").await;
        clinic.doctor.post(&path, json!({ "reason": "Seen in person today: no ketosis." })).await;
    }
    assert_eq!(clinic.found_in_record("Flag").await[0]["status"], "inactive");
    clinic.patient.post(&answers_path, answers("9.8", "7.4")).await;
    assert_eq!(clinic.found_in_record("CarePlan").await[0]["status"], "active");
    assert!(!clinic.found_in_record("DetectedIssue").await.is_empty());
    visit
}

async fn prescribe(clinic: &Clinic, visit: &str) -> String {
    let month = [line("metformin-500mg-60", "1000", "2", 30, 2), line("dapagliflozin-10mg-30", "10", "1", 30, 1)];
    let allergic = [&month[..], &[line("amoxicillin-500mg-24", "500", "3", 7, 1)]].concat();
    let prescription = clinic.draft(visit, &allergic).await;
    let sign = format!("{prescription}/sign");
    let vetoed = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "RX_VETOED").await;
    assert_eq!(vetoed["calls"][0]["plugin"], DRUG_SAFETY.id);
    assert!(vetoed["findings"][0]["citation"]["title"].is_string(), "{vetoed}");

    let mut corrected = draft(visit, &month);
    corrected.as_object_mut().expect("an object").remove("encounter");
    clinic.doctor.put(&prescription, corrected).await;
    clinic.doctor.refused(&sign, json!({ "valid_days": 4 }), "RX_VALIDITY").await;
    let signed = clinic.sign(&prescription).await;
    assert_eq!(signed["status"], "PENDING_REVIEW");
    // Removed lines are cancelled in the record.
    assert_eq!(requests(clinic, &prescription).await, ["on-hold", "on-hold", "cancelled"]);

    clinic.doctor.refused(&format!("{prescription}/approve"), checklist(), "AUTH_FORBIDDEN").await;
    let order = json!({ "prescription": id(&prescription) });
    clinic.patient.refused("/api/v1/charges", order, "RX_DRUG_BEFORE_RX").await;
    assert_eq!(clinic.approve(&prescription).await["status"], "EFFECTIVE");
    assert_eq!(requests(clinic, &prescription).await, ["active", "active", "cancelled"]);
    prescription
}

/// The figures of the worked example of basic insurance: deductible 50,000 fen of which 45,000 are
/// used, fund 75 %, 6,000 on the account.
async fn pay(clinic: &Clinic, prescription: &str) -> String {
    clinic.order(prescription, "glucose-test-strips-50", 1).await;
    let order =
        json!({ "prescription": id(prescription), "items": [{ "item": "glucose-test-strips-50", "quantity": 1 }] });
    let quote = clinic.patient.post("/api/v1/charges", order).await;
    assert_eq!(quote["total_fen"], 18300);
    assert_eq!(part(&quote, "basic_fund"), 5550);
    assert_eq!(part(&quote, "personal_account"), 6000);
    assert_eq!(part(&quote, "cash"), 6750);

    let mut unread = confirmation(&quote);
    unread["risk_acknowledged"] = json!(false);
    clinic.patient.refused(&confirm_path(&quote), unread, "RX_RISK_NOTICE").await;
    let settled = clinic.confirm(&quote).await;
    assert_eq!((&settled["status"], &settled["parts"]), (&json!("SETTLED"), &quote["parts"]));
    // A repetition gives the same answer; with another amount it is another request.
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    let more = json!({ "cash_fen": 6751, "risk_acknowledged": true });
    clinic.patient.refused(&confirm_path(&quote), more, "PAY_IDEMPOTENCY_CONFLICT").await;

    let balance = clinic.balanced().await;
    let accounts = balance["accounts"].as_array().expect("accounts");
    let on = |name: &str| accounts.iter().find(|a| a["account"] == name).map_or(0, |a| a["fen"].as_i64().unwrap_or(0));
    assert_eq!(
        (on("receivable.patient"), on("receivable.basic-fund"), on("receivable.personal-account")),
        (6750, 5550, 6000)
    );
    let figures = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
    let figure = |code: &str| {
        let figures = figures[0]["accumulators"].as_array().cloned().unwrap_or_default();
        figures.iter().find(|figure| figure["code"] == code).map(|figure| figure["fen"].clone())
    };
    assert_eq!(figure("account-balance"), Some(json!(0)));
    assert_eq!(figure("fund-used"), Some(json!(5550)));

    let bill = quote["id"].as_str().expect("an id").to_owned();
    let claim = clinic.doctor.get(&format!("/fhir/R4/Claim/{bill}")).await;
    assert_eq!(claim["total"]["value"].to_string(), "183.00");
    bill
}

async fn dispense(clinic: &Clinic, prescription: &str, bill: &str) {
    let path = format!("{prescription}/dispense");
    let handout = clinic.handout(prescription).await;
    let mut alone = handout.clone();
    alone["prepared_by"] = json!(clinic.pharmacist_id);
    clinic.pharmacist.refused(&path, alone, "DISP_TWO_STAFF").await;
    let mut short = handout.clone();
    short["handouts"][0]["traces"].as_array_mut().expect("traces").pop();
    clinic.pharmacist.refused(&path, short, "DISP_INCOMPLETE").await;
    let dispensed = clinic.pharmacist.post(&path, handout.clone()).await;
    assert_eq!(dispensed["status"], "DISPENSED");
    clinic.pharmacist.refused(&path, handout, "RX_ALREADY_USED").await;
    assert_eq!(requests(clinic, prescription).await, ["completed", "completed", "cancelled"]);
    assert_eq!(clinic.found_in_record("MedicationDispense").await.len(), 2);

    let reverse = format!("/api/v1/charges/{bill}/reverse");
    clinic.pharmacist.refused(&reverse, json!(null), "REFUND_DRUG_NOT_RETURNABLE").await;
    clinic.balanced().await;
}

/// Statuses of the prescription's lines over FHIR, by number.
async fn requests(clinic: &Clinic, prescription: &str) -> Vec<Value> {
    let requests = clinic.found_in_record("MedicationRequest").await;
    let mut lines: Vec<(&str, &Value)> = requests
        .iter()
        .filter_map(|request| Some((request["id"].as_str()?.strip_prefix(id(prescription))?, &request["status"])))
        .collect();
    lines.sort_by_key(|(number, _)| *number);
    lines.into_iter().map(|(_, status)| status.clone()).collect()
}

fn answers(glucose: &str, hba1c: &str) -> Value {
    json!({ "questionnaire": "follow-up", "answers": [
        { "link_id": "glucose", "value": { "quantity": { "value": glucose, "unit": "mmol/L" } } },
        { "link_id": "hba1c", "value": { "quantity": { "value": hba1c, "unit": "%" } } },
        { "link_id": "needed-help", "value": { "boolean": false } },
    ] })
}

async fn a_timer_fires_once(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIABETES]).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let enrolment = format!("/api/v1/enrolments/{}", enrolled["id"].as_str().expect("an id"));
    let due = |timer: &Value| Instant::parse(timer["due"].as_str().expect("a time")).expect("a time");
    let timers = enrolled["timers"].as_array().expect("timers");
    let next = timers.iter().min_by_key(|timer| due(timer)).expect("a timer");
    let messages = format!("/api/v1/patients/{}/messages", clinic.subject);
    let before = clinic.patient.get(&messages).await.as_array().expect("messages").len();

    hospital.advance((due(next).micros() - hospital.now().micros()) / 1_000_000 + 1).await;
    let fired = async || {
        let timers = clinic.patient.get(&enrolment).await["timers"].as_array().cloned().unwrap_or_default();
        timers.iter().any(|timer| timer["id"] == next["id"] && timer["state"] == "fired")
    };
    eventually("the timer fires", fired).await;
    let reminded = clinic.patient.get(&messages).await.as_array().expect("messages").len();
    assert!(reminded > before, "the patient is reminded");
    // After the end of the lease, with another look for work.
    hospital.advance(60).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(clinic.patient.get(&messages).await.as_array().expect("messages").len(), reminded);
}
