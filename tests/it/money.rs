//! Bills, orders and refunds: none hangs, none breaks the books, none is lost.

use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{
    billing::ChargeState,
    encounter::EncounterState,
    id::{BillId, TenantId},
    prescription::RxState,
};

use crate::support::{
    Client, Clinic, MEDICAL_INSURANCE, Person, TestHospital,
    clinic::{confirm_path, confirmation, id, part},
    eventually,
    guest::{Does, Figures, PayerGuest},
    line, medicine, on_both_engines,
};

on_both_engines!(
    TestHospital:
    a_bill_of_nothing_is_settled_at_once,
    a_payer_disabled_after_the_quote_holds_nobody_up,
    a_refund_waits_for_its_payer_and_is_told,
    a_refund_that_the_payer_refuses_is_reported,
    what_the_payer_does_not_take_back_is_the_accountants,
    what_is_in_flight_is_not_begun_again,
    what_the_payer_never_received_is_sent_again_only_if_it_may_be,
    a_parcel_is_handed_over_for_the_patients_word,
    a_bill_too_large_for_the_books_is_refused,
    items_with_the_same_codings_keep_price_and_name,
    the_fee_of_a_visit_is_charged_once,
    a_repeated_confirmation_gets_the_same_answer,
    a_payers_mistake_is_the_payers,
    a_settlement_of_nonsense_is_taken_back,
    a_patient_cancels_a_quote_and_an_order,
    a_patient_pays_alone_or_spares_the_personal_account,
    a_doctor_discards_a_draft_and_withdraws_what_is_signed,
    an_order_that_expires_is_refunded_and_told,
    an_expired_order_is_refunded_when_its_payer_is_back,
    no_bill_is_in_a_state_that_nobody_can_leave,
    no_prescription_or_visit_is_in_a_state_that_nobody_can_leave,
    no_prescription_waits_for_its_payer_for_ever,
);

/// A payer whose answers a test determines.
pub(super) const PAYER: &str = "test.payer";

/// Of the visit (2000) and two packs of metformin (5000).
pub(super) fn figures() -> Figures {
    Figures { lines: vec![[0, 0, 0, 2000], [0, 0, 0, 5000]], parts: [3000, 4000], insurer: 0, accumulator: 0 }
}

pub(super) fn bill(quote: &Value) -> String {
    format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"))
}

pub(super) fn cancel(quote: &Value) -> String {
    format!("{}/cancel", bill(quote))
}

pub(super) async fn status(clinic: &Clinic, quote: &Value) -> String {
    clinic.patient.get(&bill(quote)).await["status"].as_str().expect("a state").to_owned()
}

fn plugin(clinic: &Clinic, id: &str) -> String {
    format!("/api/v1/tenants/{}/plugins/{id}", clinic.tenant)
}

pub(super) async fn insured(hospital: &TestHospital) -> Clinic {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    clinic
}

/// What the hospital told the patient of a bill, by occasion.
pub(super) async fn told(clinic: &Clinic, quote: &Value) -> Vec<String> {
    let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
    let of_bill =
        messages.as_array().into_iter().flatten().filter(|message| message["detail"]["charge"] == quote["id"]);
    let mut occasions: Vec<String> =
        of_bill.map(|message| message["detail"]["occasion"].as_str().expect("an occasion").to_owned()).collect();
    occasions.sort();
    occasions
}

/// The patient of a clinic, insured by a payer in a version that does this.
pub(super) async fn insured_by(hospital: &TestHospital, payer: &PayerGuest) -> Clinic {
    let clinic = hospital.clinic(&[]).await;
    upload(&clinic, payer).await;
    let path = plugin(&clinic, PAYER);
    clinic.operator.put(&path, json!({ "payer": "basic_insurance" })).await;
    clinic.operator.post(&format!("{path}/enable"), json!(null)).await;
    let coverage = json!({ "category": { "system": "urn:test", "code": "1" }, "accumulators": [] });
    let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{PAYER}", clinic.tenant, clinic.subject);
    clinic.operator.put(&path, coverage).await;
    clinic
}

/// Adds another version of the payer; returns the version and the digest.
pub(super) async fn upload(clinic: &Clinic, payer: &PayerGuest) -> (String, String) {
    upload_package(clinic, |version| payer.package(PAYER, version)).await
}

async fn upload_package(clinic: &Clinic, package: impl FnOnce(&str) -> Vec<u8>) -> (String, String) {
    static VERSION: AtomicU32 = AtomicU32::new(1);
    let version = format!("{}.0.0", VERSION.fetch_add(1, Ordering::Relaxed));
    let uploaded = clinic.operator.upload(package(&version)).await.done("/api/v1/plugins");
    (version, uploaded["digest"].as_str().expect("a digest").to_owned())
}

/// Has the payer do this from now on; returns the digest.
pub(super) async fn promote(clinic: &Clinic, payer: &PayerGuest) -> String {
    promote_package(clinic, |version| payer.package(PAYER, version)).await
}

/// Has another package be the payer from now on; returns the digest.
pub(super) async fn promote_package(clinic: &Clinic, package: impl FnOnce(&str) -> Vec<u8>) -> String {
    let (version, digest) = upload_package(clinic, package).await;
    let promote = json!({ "version": version, "without_gate": true });
    clinic.operator.post(&format!("{}/promote", plugin(clinic, PAYER)), promote).await;
    digest
}

pub(super) async fn set_enabled(clinic: &Clinic, id: &str, enabled: bool) {
    let verb = if enabled { "enable" } else { "disable" };
    clinic.operator.post(&format!("{}/{verb}", plugin(clinic, id)), json!(null)).await;
}

/// The formulary with these changes.
async fn change_formulary(clinic: &Clinic, change: impl FnOnce(&mut Vec<Value>)) {
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    change(formulary["items"].as_array_mut().expect("items"));
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), formulary).await;
}

async fn calls_of(clinic: &Clinic, plugin: &str) -> usize {
    let calls = clinic.administrator.get(&format!("/api/v1/calls?plugin={plugin}")).await;
    calls.as_array().map_or(0, Vec::len)
}

// --- 12: money that hangs or breaks ------------------------------------------

async fn a_bill_of_nothing_is_settled_at_once(hospital: TestHospital) {
    for insurance in [true, false] {
        let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
        if insurance {
            clinic.insure().await;
        }
        change_formulary(&clinic, |items| items.iter_mut().for_each(|item| item["price_fen"] = json!(0))).await;
        let prescription = clinic.approved().await;
        let quote = clinic.quote(&prescription).await;
        assert_eq!(quote["total_fen"], 0);
        assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        let calls = calls_of(&clinic, MEDICAL_INSURANCE.id).await;
        assert_eq!(calls, if insurance { 3 } else { 0 }, "quote, authorize and settle");
        hospital.advance(3600).await;
        hospital.hospital.do_due_work().await;
        assert_eq!(calls_of(&clinic, MEDICAL_INSURANCE.id).await, calls);
        assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        assert_eq!(clinic.patient.post(&cancel(&quote), json!(null)).await["status"], "REVERSED");
        assert_eq!(clinic.balanced().await["debit_fen"], 0);
    }
}

async fn a_payer_disabled_after_the_quote_holds_nobody_up(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    set_enabled(&clinic, MEDICAL_INSURANCE.id, false).await;
    for _ in 0..2 {
        let answer = clinic.patient.ask(Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "PAY_UNAVAILABLE"), "{}", answer.text);
        assert!(!answer.text.contains(MEDICAL_INSURANCE.id), "{}", answer.text);
        assert_eq!(status(&clinic, &quote).await, "QUOTED");
        assert_eq!(clinic.doctor.get(&prescription).await["status"], "EFFECTIVE");
    }
    // The patient pays alone, or waits.
    let alone = json!({ "prescription": id(&prescription), "self_pay": true });
    let alone = clinic.patient.post("/api/v1/charges", alone).await;
    assert_eq!(clinic.confirm(&alone).await["status"], "SETTLED");
    assert_eq!(clinic.patient.post(&cancel(&alone), json!(null)).await["status"], "REVERSED");
    set_enabled(&clinic, MEDICAL_INSURANCE.id, true).await;
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    assert_eq!(clinic.balanced().await["debit_fen"], quote["total_fen"]);
}

async fn a_refund_waits_for_its_payer_and_is_told(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    for by_staff in [false, true] {
        let prescription = clinic.approved().await;
        let quote = clinic.quote(&prescription).await;
        clinic.confirm(&quote).await;
        let before = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
        set_enabled(&clinic, MEDICAL_INSURANCE.id, false).await;
        let waiting = match by_staff {
            true => clinic.pharmacist.post(&format!("{}/reverse", bill(&quote)), json!(null)).await,
            false => clinic.patient.post(&cancel(&quote), json!(null)).await,
        };
        assert_eq!(waiting["status"], "REVERSING", "{waiting}");
        for _ in 0..3 {
            hospital.advance(30).await;
            hospital.hospital.do_due_work().await;
            assert_eq!(status(&clinic, &quote).await, "REVERSING");
        }
        // Nothing is handed out for it meanwhile.
        let handout = clinic.handout(&prescription).await;
        clinic.pharmacist.refused(&format!("{prescription}/dispense"), handout, "PAY_STATE").await;
        clinic.patient.refused(&cancel(&quote), json!(null), "PAY_ALREADY_REVERSED").await;
        assert_eq!(told(&clinic, &quote).await, Vec::<String>::new());

        set_enabled(&clinic, MEDICAL_INSURANCE.id, true).await;
        hospital.advance(3601).await;
        eventually("it is refunded", async || status(&clinic, &quote).await == "REVERSED").await;
        assert_eq!(told(&clinic, &quote).await, ["refunded"]);
        assert_eq!(clinic.doctor.get(&prescription).await["status"], "EFFECTIVE");
        let after = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
        assert_ne!(after, before, "the fund has its share back");
        assert_eq!(clinic.balanced().await["debit_fen"], 0, "of settlement and reversal nothing is left");
    }
}

async fn a_refund_that_the_payer_refuses_is_reported(hospital: TestHospital) {
    let refusing = PayerGuest { reverse: Does::Refuse, ..PayerGuest::settling(&figures()) };
    let clinic = insured_by(&hospital, &refusing).await;
    let quote = clinic.quote(&clinic.approved().await).await;
    clinic.confirm(&quote).await;
    clinic.patient.refused(&cancel(&quote), json!(null), "PAY_REFUSED").await;
    assert_eq!(status(&clinic, &quote).await, "SETTLED");
    assert_eq!(told(&clinic, &quote).await, ["not-refunded"]);
    // The payer changes its mind.
    promote(&clinic, &PayerGuest::settling(&figures())).await;
    assert_eq!(clinic.patient.post(&cancel(&quote), json!(null)).await["status"], "REVERSED");
}

/// Number of calls of a function of the test's payer.
pub(super) async fn calls_of_function(clinic: &Clinic, function: &str) -> usize {
    let calls = clinic.administrator.get(&format!("/api/v1/calls?plugin={PAYER}&limit=500")).await;
    let hooks = calls.as_array().into_iter().flatten().filter_map(|call| call["tape"]["hook"].as_str());
    hooks.filter(|hook| hook.ends_with(&format!("#{function}"))).count()
}

/// An order that is paid and dispensed.
async fn dispensed(clinic: &Clinic) -> (String, Value) {
    let path = clinic.approved().await;
    let quote = clinic.quote(&path).await;
    clinic.confirm(&quote).await;
    let handout = clinic.handout(&path).await;
    clinic.pharmacist.post(&format!("{path}/dispense"), handout).await;
    (path, quote)
}

async fn what_the_payer_does_not_take_back_is_the_accountants(hospital: TestHospital) {
    const UNRESOLVED: &str = "/api/v1/charges/unresolved";
    let well = || PayerGuest::settling(&figures());
    let clinic = insured_by(&hospital, &PayerGuest { reverse: Does::Refuse, ..well() }).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    clinic.pharmacist.hidden(UNRESOLVED, "AUTH_FORBIDDEN").await;
    // Refused at once; not in as many attempts as are made.
    for (reverse, most) in [(Does::Refuse, 1), (Does::Unavailable, 40)] {
        promote(&clinic, &PayerGuest { reverse, ..well() }).await;
        let (path, quote) = dispensed(&clinic).await;
        let before = calls_of_function(&clinic, "reverse").await;
        clinic.pharmacist.post(&format!("{path}/take-back"), json!({ "cause": "recall" })).await;
        let mut waited = 0;
        while status(&clinic, &quote).await != "UNWINDING" {
            hospital.advance(3700).await;
            hospital.hospital.do_due_work().await;
            waited += 1;
            assert!(waited < 100, "it is tried for ever");
        }
        let tried = calls_of_function(&clinic, "reverse").await - before;
        assert!((1..=most).contains(&tried), "{tried} times");
        for _ in 0..3 {
            hospital.advance(5 * 3600).await;
            hospital.hospital.do_due_work().await;
        }
        assert_eq!(calls_of_function(&clinic, "reverse").await - before, tried, "it has stopped");
        assert_eq!(told(&clinic, &quote).await, ["not-refunded"]);
        // The accounts see it until it is resolved, and no medicine.
        let listed = accountant.get(UNRESOLVED).await;
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!((&listed[0]["id"], &listed[0]["status"]), (&quote["id"], &json!("UNWINDING")));
        assert!(listed[0].get("lines").is_none());
        assert_eq!(state_outcome(&accountant, &quote, false).await["status"], "UNWINDING");
        clinic.pharmacist.refused(&format!("{}/reverse", bill(&quote)), json!(null), "PAY_REFUSED").await;
        assert_eq!(state_outcome(&accountant, &quote, true).await["status"], "REVERSED");
        assert_eq!(clinic.settle_at_counter(id(&bill(&quote))).await["status"], "REFUNDED");
        assert_eq!(accountant.get(UNRESOLVED).await, json!([]));
        assert_eq!(told(&clinic, &quote).await, ["not-refunded", "refunded"]);
        assert_eq!(clinic.balanced().await["debit_fen"], 0);
    }
    // What cannot even be asked for is theirs after an hour.
    let quote = clinic.quote(&clinic.approved().await).await;
    clinic.confirm(&quote).await;
    set_enabled(&clinic, PAYER, false).await;
    assert_eq!(clinic.patient.post(&cancel(&quote), json!(null)).await["status"], "REVERSING");
    accountant.refused(&format!("{}/resolve", bill(&quote)), outcome(true), "PAY_STATE").await;
    assert_eq!(accountant.get(UNRESOLVED).await, json!([]));
    hospital.advance(3601).await;
    assert_eq!(accountant.get(UNRESOLVED).await[0]["id"], quote["id"]);
    assert_eq!(state_outcome(&accountant, &quote, true).await["status"], "REVERSED");
}

async fn what_is_in_flight_is_not_begun_again(hospital: TestHospital) {
    let slow = |does: Does| Does::Slow(Box::new(does));
    let well = || PayerGuest::settling(&figures());
    let done = || Does::Figures(figures());
    let rows = [
        // The job takes over before the payer is called: the request gives up.
        ("settle", 31, PayerGuest { authorize: slow(done()), ..well() }),
        // The payer is being called: nobody asks after it.
        ("settle", 20, PayerGuest { settle: slow(done()), ..well() }),
        ("reverse", 20, PayerGuest { reverse: slow(done()), ..well() }),
    ];
    let clinic = insured_by(&hospital, &rows[0].2).await;
    let mut settled = 0;
    for (function, seconds, payer) in rows {
        promote(&clinic, &payer).await;
        let quote = clinic.quote(&clinic.approved().await).await;
        let (path, body) = match function {
            "settle" => (confirm_path(&quote), confirmation(&quote)),
            _ => {
                clinic.confirm(&quote).await;
                (cancel(&quote), json!(null))
            }
        };
        let before = calls_of_function(&clinic, function).await;
        let asked = {
            let patient = clinic.patient.clone();
            tokio::spawn(async move { patient.ask(Method::POST, &path, Some(body)).await })
        };
        let begun = if function == "settle" { "SETTLING" } else { "REVERSING" };
        eventually("it has begun", async || status(&clinic, &quote).await == begun).await;
        hospital.advance(seconds).await;
        hospital.hospital.do_due_work().await;
        let answer = asked.await.expect("joined");
        assert!(answer.status.is_success(), "{function} {}", answer.text);
        let end = if function == "settle" { "SETTLED" } else { "REVERSED" };
        eventually("it has ended", async || status(&clinic, &quote).await == end).await;
        assert_eq!(calls_of_function(&clinic, function).await - before, 1, "{function} after {seconds} s");
        settled += if function == "settle" { quote["total_fen"].as_i64().expect("fen") } else { 0 };
        assert_eq!(clinic.balanced().await["debit_fen"], settled);
    }
}

async fn what_the_payer_never_received_is_sent_again_only_if_it_may_be(hospital: TestHospital) {
    let well = || PayerGuest::settling(&figures());
    let clinic = insured_by(&hospital, &well()).await;
    let consents = format!("/api/v1/patients/{}/consents", clinic.subject);
    for (change, after, code) in
        [("nothing", "SETTLED", ""), ("consent", "CONFIRMED", "PAY_STATE"), ("allergy", "CONFIRMED", "RX_ALLERGY")]
    {
        let quote = clinic.quote(&clinic.approved().await).await;
        promote(&clinic, &PayerGuest { settle: Does::Panic, ..well() }).await;
        assert_eq!(clinic.confirm(&quote).await["status"], "UNKNOWN");
        promote(&clinic, &well()).await;
        let before = calls_of_function(&clinic, "settle").await;
        let mut refused = json!(null);
        match change {
            "consent" => {
                let recipient = json!({ "plugin": PAYER });
                let refuse = json!({
                    "provision": "refuse", "scope": "record", "recipient": recipient, "purposes": ["payment"],
                });
                refused = clinic.patient.post(&consents, refuse).await;
            }
            "allergy" => drop(clinic.import(&[crate::safety::allergy(&clinic, "A10BA02")]).await),
            _ => {}
        }
        hospital.advance(31).await;
        eventually(change, async || status(&clinic, &quote).await == after).await;
        let sent = calls_of_function(&clinic, "settle").await - before;
        assert_eq!(sent, usize::from(after == "SETTLED"), "{change}");
        // The patient's word does not replace it.
        if after == "CONFIRMED" {
            clinic.patient.refused(&confirm_path(&quote), confirmation(&quote), code).await;
        }
        if let Some(consent) = refused["id"].as_str() {
            clinic.patient.post(&format!("/api/v1/consents/{consent}/revoke"), json!(null)).await;
            assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        }
    }
}

async fn a_parcel_is_handed_over_for_the_patients_word(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (courier, _) = clinic.hire(Person::new("courier", "courier")).await;
    let told_to_couriers = |parcel: Value| {
        let members: Vec<&String> = parcel.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["id", "status", "carrier", "tracking"], "{parcel}");
        parcel["status"].clone()
    };
    let refunded = async |quote: &Value| {
        eventually("it is refunded", async || status(&clinic, quote).await == "REVERSED").await;
        assert_eq!(told(&clinic, quote).await, ["refunded"]);
    };
    let (path, quote) = prescription_in(&hospital, &clinic, (RxState::Dispensed, false)).await;
    let verb = |verb: &str| format!("{path}/{verb}");
    let shipment = json!({ "carrier": "顺丰", "tracking": "SF1" });
    assert_eq!(told_to_couriers(courier.post(&verb("ship"), shipment).await), "SHIPPED");
    courier.hidden(&path, "AUTH_FORBIDDEN").await;

    // A courier reports; a pharmacist decides.
    let loss = |evidence: &str, reason: &str| {
        let evidence: Vec<&str> = Some(evidence).filter(|hash| !hash.is_empty()).into_iter().collect();
        json!({ "kind": "lost", "evidence": evidence, "reason": reason })
    };
    let hash = "0".repeat(64);
    courier.refused(&verb("lose"), loss(&hash, "遗失"), "AUTH_FORBIDDEN").await;
    courier.refused(&verb("report-loss"), loss("", " "), "RX_REASON_REQUIRED").await;
    assert_eq!(told_to_couriers(courier.post(&verb("report-loss"), loss("", "找不到包裹")).await), "SHIPPED");
    let shipped = clinic.pharmacist.get(&path).await;
    assert_eq!(shipped["detail"]["shipped"]["state"]["mishaps"][0]["reason"], "找不到包裹", "{shipped}");

    // It was found. The courier enters what the patient says, a few times.
    let code = code_of_parcel(&clinic, &path).await;
    for _ in 0..5 {
        courier.refused(&verb("receive"), json!({ "code": "no code" }), "DELIV_RECEIVER").await;
    }
    for who in [&courier, &clinic.pharmacist, &clinic.patient] {
        who.refused(&verb("receive"), json!({ "code": code }), "DELIV_RECEIVER").await;
    }
    courier.refused(&verb("renew-code"), json!(null), "AUTH_FORBIDDEN").await;
    assert_eq!(told_to_couriers(clinic.pharmacist.post(&verb("renew-code"), json!(null)).await), "SHIPPED");
    clinic.doctor.refused(&verb("receive"), json!({ "code": code }), "AUTH_FORBIDDEN").await;
    courier.refused(&verb("receive"), json!({ "code": code }), "DELIV_RECEIVER").await;
    let code = code_of_parcel(&clinic, &path).await;
    assert_eq!(told_to_couriers(courier.post(&verb("receive"), json!({ "code": code })).await), "DELIVERED");

    // A recall reaches what was received and counselled.
    clinic.pharmacist.post(&verb("counsel"), json!({ "note": "餐后服用" })).await;
    let back = clinic.pharmacist.post(&verb("take-back"), json!({ "cause": "recall" })).await;
    assert_eq!(back["detail"]["refunded"]["state"]["counselling"]["note"], "餐后服用", "{back}");
    refunded(&quote).await;

    let (path, quote) = prescription_in(&hospital, &clinic, (RxState::Shipped, false)).await;
    let back = format!("{path}/take-back");
    clinic.pharmacist.refused(&back, json!({ "cause": "courier" }), "DELIV_EVIDENCE").await;
    assert_eq!(clinic.pharmacist.post(&back, json!({ "cause": "recall" })).await["status"], "REFUNDED");
    refunded(&quote).await;

    let (path, quote) = prescription_in(&hospital, &clinic, (RxState::Shipped, false)).await;
    let lose = format!("{path}/lose");
    let long = "x".repeat(2001);
    for (evidence, reason, code) in [
        ("", "承运人来函", "DELIV_EVIDENCE"),
        (hash.as_str(), "", "RX_REASON_REQUIRED"),
        (hash.as_str(), long.as_str(), "BODY_INVALID"),
    ] {
        clinic.pharmacist.refused(&lose, loss(evidence, reason), code).await;
    }
    let lost = clinic.pharmacist.post(&lose, loss(&hash, "承运人来函")).await;
    let mishap = &lost["detail"]["refunded"]["state"]["mishaps"][0];
    assert_eq!((&mishap["reason"], &mishap["by"]), (&json!("承运人来函"), &json!(clinic.pharmacist_id)), "{lost}");
    refunded(&quote).await;
}

async fn a_bill_too_large_for_the_books_is_refused(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    change_formulary(&clinic, |items| items.last_mut().expect("strips")["price_fen"] = json!(10_000_000_000_i64)).await;
    let prescription = clinic.approved().await;
    for _ in 0..11 {
        clinic.order(&prescription, "glucose-test-strips-50", 10_000).await;
    }
    let order = |lines: usize| {
        let items = vec![json!({ "item": "glucose-test-strips-50", "quantity": 10_000 }); lines];
        json!({ "prescription": id(&prescription), "items": items })
    };
    let before = hospital.footprint(&clinic.tenant).await;
    for lines in [10, 11] {
        clinic.patient.refused("/api/v1/charges", order(lines), "MONEY_INVALID").await;
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
    let largest = clinic.patient.post("/api/v1/charges", order(9)).await;
    assert_eq!(clinic.confirm(&largest).await["status"], "SETTLED");
    assert_eq!(clinic.balanced().await["debit_fen"], largest["total_fen"]);
}

async fn items_with_the_same_codings_keep_price_and_name(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    change_formulary(&clinic, |items| {
        for (code, price) in [("box-of-ten", 1000), ("box-of-twenty", 1900)] {
            let mut item = medicine(code, price);
            let atc = json!({ "system": "http://www.whocc.no/atc", "code": "V06DX99" });
            item["codings"] = json!([{ "system": "https://xinglin.dev/catalogue", "code": "the-same" }, atc]);
            items.push(item);
        }
    })
    .await;
    let sold = |bill: &Value| {
        let line = &bill["lines"][1];
        (line["item"].clone(), line["title"].clone(), line["gross_fen"].clone())
    };
    let mut bills = Vec::new();
    for (code, price) in [("box-of-twenty", 1900), ("box-of-ten", 1000)] {
        let prescription = clinic.draft(&clinic.visit().await, &[line(code, "1", "1", 7, 1)]).await;
        clinic.sign(&prescription).await;
        clinic.approve(&prescription).await;
        let quote = clinic.quote(&prescription).await;
        assert_eq!(sold(&quote), (json!(code), json!(format!("{code} tablets")), json!(price)));
        clinic.confirm(&quote).await;
        bills.push(quote);
    }
    // What was billed stays as it was, whatever the items become.
    change_formulary(&clinic, |items| items.iter_mut().for_each(|item| item["title"] = json!("renamed"))).await;
    for quote in bills {
        assert_eq!(sold(&clinic.patient.get(&bill(&quote)).await), sold(&quote));
    }
}

async fn the_fee_of_a_visit_is_charged_once(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let visit = clinic.visit().await;
    let prescribe = async |item: &str| {
        let path = clinic.draft(&visit, &[line(item, "10", "1", 30, 1)]).await;
        clinic.sign(&path).await;
        clinic.approve(&path).await;
        path
    };
    let metformin = clinic.draft(&visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    clinic.sign(&metformin).await;
    clinic.approve(&metformin).await;
    let dapagliflozin = prescribe("dapagliflozin-10mg-30").await;
    let has_fee = |bill: &Value| {
        let lines = bill["lines"].as_array().expect("lines");
        lines.iter().filter(|line| line["item"] == "follow-up-visit").count()
    };
    // Two quotes with it; the second confirmed is refused, and quoted anew without it.
    let (first, second) = (clinic.quote(&metformin).await, clinic.quote(&dapagliflozin).await);
    assert_eq!((has_fee(&first), has_fee(&second)), (1, 1));
    assert_eq!(clinic.confirm(&first).await["status"], "SETTLED");
    clinic.patient.refused(&confirm_path(&second), confirmation(&second), "PAY_STATE").await;
    assert_eq!(clinic.doctor.get(&dapagliflozin).await["status"], "EFFECTIVE");
    let second = clinic.quote(&dapagliflozin).await;
    assert_eq!(has_fee(&second), 0);
    assert_eq!(clinic.confirm(&second).await["status"], "SETTLED");
    let again = json!({
        "prescription": id(&metformin), "items": [{ "item": "follow-up-visit", "quantity": 1 }], "self_pay": true,
    });
    clinic.patient.post(&cancel(&first), json!(null)).await;
    clinic.patient.refused("/api/v1/charges", again, "BODY_INVALID").await;
    // What was refunded may be charged again.
    assert_eq!(has_fee(&clinic.quote(&metformin).await), 1);
}

async fn a_repeated_confirmation_gets_the_same_answer(hospital: TestHospital) {
    /// Without the calls, which are those of a request.
    fn answer(mut body: Value) -> Value {
        body["calls"] = json!(null);
        body
    }
    let clinic = insured(&hospital).await;
    for _ in 0..3 {
        let quote = clinic.quote(&clinic.approved().await).await;
        let many: Vec<_> = (0..6)
            .map(|_| {
                let (patient, quote) = (clinic.patient.clone(), quote.clone());
                tokio::spawn(async move {
                    patient.ask(Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await
                })
            })
            .collect();
        let mut answers = vec![answer(clinic.confirm(&quote).await)];
        for one in many {
            answers.push(answer(one.await.expect("joined").done("confirm")));
        }
        answers.push(answer(clinic.confirm(&quote).await));
        assert_eq!(answers[0]["status"], "SETTLED");
        assert!(answers.iter().all(|other| *other == answers[0]), "{answers:#?}");
    }
    // What was refused is refused again.
    let refusing = PayerGuest { settle: Does::Refuse, ..PayerGuest::settling(&figures()) };
    let clinic = insured_by(&hospital, &refusing).await;
    let quote = clinic.quote(&clinic.approved().await).await;
    for _ in 0..3 {
        clinic.patient.refused(&confirm_path(&quote), confirmation(&quote), "PAY_REFUSED").await;
    }
}

// --- 13: a payer's mistake is the payer's -------------------------------------

async fn a_payers_mistake_is_the_payers(hospital: TestHospital) {
    let clinic = insured_by(&hospital, &PayerGuest::settling(&figures())).await;
    let prescription = clinic.approved().await;
    let good = clinic.quote(&prescription).await;
    assert_eq!((part(&good, "basic_fund"), part(&good, "cash")), (3000, 4000));
    let order = json!({ "prescription": id(&prescription) });

    let wrong = |change: fn(&mut Figures)| {
        let mut figures = figures();
        change(&mut figures);
        PayerGuest::settling(&figures)
    };
    for (field, payer) in [
        ("lines", wrong(|figures| figures.lines.truncate(1))),
        ("lines", wrong(|figures| figures.lines[1] = [-1, 0, 0, 5001])),
        ("parts", wrong(|figures| figures.parts = [-1, 7001])),
        ("parts", wrong(|figures| figures.parts = [3000, 3999])),
        ("parts", wrong(|figures| figures.parts = [i64::MAX, i64::MAX])),
        ("accumulators", wrong(|figures| figures.accumulator = -1)),
    ] {
        promote(&clinic, &payer).await;
        let answer = clinic.patient.ask(Method::POST, "/api/v1/charges", Some(order.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "PAY_UNAVAILABLE"), "{field}: {}", answer.text);
        assert_eq!(answer.body["plugin"], json!(null), "{}", answer.text);
        let metrics = metrics(&hospital);
        let counted = metrics.lines().any(|line| {
            let labels = [
                format!("tenant=\"{}\"", clinic.tenant),
                format!("plugin=\"{PAYER}\""),
                "hook=\"xinglin:payment/payer@1.0.0#quote\"".to_owned(),
                format!("field=\"{field}\""),
            ];
            line.starts_with("xinglin_plugin_mistakes_total{") && labels.iter().all(|label| line.contains(label))
        });
        assert!(counted, "{field}: {metrics}");
    }
    // It is left alone after eight mistakes, as after eight calls without an answer.
    eventually("the payer rests", async || {
        let answer = clinic.patient.ask(Method::POST, "/api/v1/charges", Some(order.clone())).await;
        assert_eq!(answer.code(), "PAY_UNAVAILABLE", "{}", answer.text);
        answer.body["calls"][0]["outcome"] == "PLUGIN_RESTING"
    })
    .await;
    for payer in [Does::Other, Does::Unavailable, Does::Panic, Does::Loop] {
        promote(&clinic, &PayerGuest::all(&payer)).await;
        let answer = clinic.patient.ask(Method::POST, "/api/v1/charges", Some(order.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "PAY_UNAVAILABLE"), "{}", answer.text);
        assert!(!answer.text.contains("10.0.0.7"), "{}", answer.text);
    }
    // The patient is not held up.
    let alone = json!({ "prescription": id(&prescription), "self_pay": true });
    let alone = clinic.patient.post("/api/v1/charges", alone).await;
    assert_eq!(clinic.confirm(&alone).await["status"], "SETTLED");
}

fn metrics(hospital: &TestHospital) -> String {
    hospital.hospital.platform.meter().render(0)
}

async fn a_settlement_of_nonsense_is_taken_back(hospital: TestHospital) {
    let clinic = insured_by(&hospital, &PayerGuest::settling(&figures())).await;
    let prescription = clinic.approved().await;
    // What cannot even be summed, or taken back, is the payer's too.
    for parts in [[-3000, 10_000], [i64::MIN, 7000], [i64::MAX, i64::MAX]] {
        let nonsense = Figures { parts, insurer: parts[0], ..figures() };
        promote(&clinic, &PayerGuest::settling(&figures())).await;
        let quote = clinic.quote(&prescription).await;
        let payer = PayerGuest { settle: Does::Figures(nonsense), ..PayerGuest::settling(&figures()) };
        promote(&clinic, &payer).await;
        for _ in 0..2 {
            clinic.patient.refused(&confirm_path(&quote), confirmation(&quote), "INS_PRESETTLE_DRIFT").await;
        }
        assert_eq!(status(&clinic, &quote).await, "REVERSED", "{parts:?}");
        assert_eq!(clinic.doctor.get(&prescription).await["status"], "EFFECTIVE");
        assert_eq!(told(&clinic, &quote).await, Vec::<String>::new(), "nothing was paid");
    }
    assert!(metrics(&hospital).lines().any(|line| {
        line.starts_with("xinglin_plugin_mistakes_total{")
            && line.contains("#settle\"")
            && line.contains(&clinic.tenant)
    }));
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
}

// --- 14: what patients and doctors may take back ------------------------------

async fn a_patient_cancels_a_quote_and_an_order(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let (stranger, _) = clinic.person("stranger").await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    stranger.refused(&cancel(&quote), json!(null), "NOT_FOUND").await;
    clinic.doctor.refused(&cancel(&quote), json!(null), "AUTH_FORBIDDEN").await;
    assert_eq!(clinic.patient.post(&cancel(&quote), json!(null)).await["status"], "ABANDONED");
    clinic.patient.refused(&confirm_path(&quote), confirmation(&quote), "PAY_STATE").await;

    let before = clinic.balanced().await;
    for self_pay in [false, true] {
        let quote = json!({ "prescription": id(&prescription), "self_pay": self_pay });
        let quote = clinic.patient.post("/api/v1/charges", quote).await;
        clinic.confirm(&quote).await;
        stranger.refused(&cancel(&quote), json!(null), "NOT_FOUND").await;
        assert_eq!(clinic.patient.post(&cancel(&quote), json!(null)).await["status"], "REVERSED");
        clinic.patient.refused(&cancel(&quote), json!(null), "PAY_ALREADY_REVERSED").await;
        assert_eq!(told(&clinic, &quote).await, ["refunded"]);
        assert_eq!(clinic.doctor.get(&prescription).await["status"], "EFFECTIVE");
    }
    assert_eq!(clinic.balanced().await["debit_fen"], before["debit_fen"]);

    // What was handed out is not cancelled.
    let quote = clinic.quote(&prescription).await;
    clinic.confirm(&quote).await;
    let handout = clinic.handout(&prescription).await;
    clinic.pharmacist.post(&format!("{prescription}/dispense"), handout).await;
    clinic.patient.refused(&cancel(&quote), json!(null), "REFUND_DRUG_NOT_RETURNABLE").await;
    // But taken back, if it is the hospital's fault, and then refunded.
    let back = format!("{prescription}/take-back");
    clinic.pharmacist.refused(&back, json!({ "cause": "change_of_mind" }), "REFUND_DRUG_NOT_RETURNABLE").await;
    assert_eq!(clinic.pharmacist.post(&back, json!({ "cause": "hospital" })).await["status"], "REFUNDED");
    eventually("it is refunded", async || status(&clinic, &quote).await == "REVERSED").await;
    assert_eq!(told(&clinic, &quote).await, ["refunded"]);
}

async fn a_patient_pays_alone_or_spares_the_personal_account(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let prescription = clinic.approved().await;
    let quote = async |terms: Value| {
        let mut order = json!({ "prescription": id(&prescription) });
        order.as_object_mut().expect("an object").extend(terms.as_object().cloned().unwrap_or_default());
        clinic.patient.post("/api/v1/charges", order).await
    };
    let usual = quote(json!({})).await;
    assert!(part(&usual, "personal_account") > 0, "{usual}");
    let spared = quote(json!({ "use_account": false })).await;
    assert_eq!(part(&spared, "personal_account"), 0, "{spared}");
    assert_eq!(part(&spared, "basic_fund"), part(&usual, "basic_fund"));
    let alone = quote(json!({ "self_pay": true })).await;
    assert_eq!((&alone["payers"], part(&alone, "cash")), (&json!([]), alone["total_fen"].as_i64().expect("fen")));
    assert_eq!(alone["calls"], json!([]), "no payer learns of it");

    let account = async || {
        let coverage = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
        let figures = coverage[0]["accumulators"].as_array().cloned().expect("figures");
        figures.iter().find(|figure| figure["code"] == "account-balance").expect("a balance")["fen"].clone()
    };
    let before = account().await;
    assert_eq!(clinic.confirm(&spared).await["status"], "SETTLED");
    assert_eq!(account().await, before);
    clinic.balanced().await;
}

async fn a_doctor_discards_a_draft_and_withdraws_what_is_signed(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let visit = clinic.visit().await;
    let metformin = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    let discard = |path: &str| format!("{path}/discard");
    let withdraw = |path: &str| format!("{path}/withdraw");

    let draft = clinic.draft(&visit, &metformin).await;
    clinic.doctor.refused(&withdraw(&draft), json!(null), "RX_STATE").await;
    clinic.pharmacist.refused(&discard(&draft), json!(null), "AUTH_FORBIDDEN").await;
    assert_eq!(clinic.doctor.post(&discard(&draft), json!(null)).await["status"], "CANCELLED");
    clinic.doctor.refused(&format!("{draft}/sign"), json!({ "valid_days": 3 }), "RX_STATE").await;

    let signed = clinic.draft(&visit, &metformin).await;
    clinic.sign(&signed).await;
    clinic.doctor.refused(&discard(&signed), json!(null), "RX_STATE").await;
    assert_eq!(clinic.doctor.post(&withdraw(&signed), json!(null)).await["status"], "CANCELLED");
    clinic.pharmacist.refused(&format!("{signed}/approve"), crate::support::clinic::checklist(), "RX_STATE").await;

    let returned = clinic.draft(&visit, &metformin).await;
    clinic.sign(&returned).await;
    let why = json!({ "code": "DOSE", "text": "剂量偏大" });
    clinic.pharmacist.post(&format!("{returned}/return"), why).await;
    assert_eq!(clinic.doctor.post(&withdraw(&returned), json!(null)).await["status"], "CANCELLED");

    let approved = clinic.draft(&visit, &metformin).await;
    clinic.sign(&approved).await;
    clinic.approve(&approved).await;
    let quote = clinic.quote(&approved).await;
    clinic.confirm(&quote).await;
    clinic.doctor.refused(&withdraw(&approved), json!(null), "RX_ALREADY_USED").await;
    clinic.patient.post(&cancel(&quote), json!(null)).await;
    assert_eq!(clinic.doctor.post(&withdraw(&approved), json!(null)).await["status"], "CANCELLED");
    clinic.patient.refused("/api/v1/charges", json!({ "prescription": id(&approved) }), "RX_STATE").await;
    let requests = clinic.found_in_record("MedicationRequest").await;
    assert!(requests.iter().all(|request| request["status"] == "cancelled"), "{requests:#?}");
}

const DAY: i64 = 24 * 3600;

async fn an_order_that_expires_is_refunded_and_told(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let mut orders = Vec::new();
    for self_pay in [false, true] {
        let prescription = clinic.approved().await;
        let quote = json!({ "prescription": id(&prescription), "self_pay": self_pay });
        let quote = clinic.patient.post("/api/v1/charges", quote).await;
        assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        orders.push((prescription, quote));
    }
    let (unpaid, draft) = (clinic.approved().await, {
        let visit = clinic.visit().await;
        clinic.draft(&visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await
    });
    let open = clinic.quote(&unpaid).await;
    hospital.advance(DAY + 60).await;
    eventually("the draft lapses", async || clinic.doctor.get(&draft).await["status"] == "CANCELLED").await;
    for (prescription, quote) in &orders {
        assert_eq!(clinic.doctor.get(prescription).await["status"], "RESERVED");
        assert_eq!(status(&clinic, quote).await, "SETTLED");
    }
    hospital.advance(2 * DAY).await;
    for (prescription, quote) in &orders {
        eventually("it is refunded", async || status(&clinic, quote).await == "REVERSED").await;
        eventually("it expires", async || clinic.doctor.get(prescription).await["status"] == "EXPIRED").await;
        assert_eq!(told(&clinic, quote).await, ["expired", "refunded"]);
    }
    eventually("what nobody bought expires", async || clinic.doctor.get(&unpaid).await["status"] == "EXPIRED").await;
    // Each is told once, and of a draft nothing.
    let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
    let of = |path: &str| {
        messages.as_array().into_iter().flatten().filter(|m| m["detail"]["prescription"] == id(path)).count()
    };
    assert_eq!([of(&orders[0].0), of(&orders[1].0), of(&unpaid), of(&draft)], [1, 1, 1, 0], "{messages:#}");
    clinic.patient.refused(&confirm_path(&open), confirmation(&open), "RX_EXPIRED").await;
    assert_eq!(status(&clinic, &open).await, "ABANDONED", "the quote has lapsed");
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
    let coverage = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
    let fund = coverage[0]["accumulators"].as_array().expect("figures").iter().find(|f| f["code"] == "fund-used");
    assert_eq!(fund.expect("a figure")["fen"], 0);
}

async fn an_expired_order_is_refunded_when_its_payer_is_back(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    clinic.confirm(&quote).await;
    set_enabled(&clinic, MEDICAL_INSURANCE.id, false).await;
    hospital.advance(3 * DAY + 60).await;
    eventually("the patient is told", async || told(&clinic, &quote).await == ["expired"]).await;
    assert_eq!(status(&clinic, &quote).await, "REVERSING");
    let handout = clinic.handout(&prescription).await;
    clinic.pharmacist.refused(&format!("{prescription}/dispense"), handout, "PAY_STATE").await;
    hospital.advance(DAY).await;
    set_enabled(&clinic, MEDICAL_INSURANCE.id, true).await;
    hospital.advance(3601).await;
    eventually("it is refunded", async || status(&clinic, &quote).await == "REVERSED").await;
    assert_eq!(told(&clinic, &quote).await, ["expired", "refunded"]);
    assert_eq!(clinic.doctor.get(&prescription).await["status"], "EXPIRED");
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
}

// --- no state is one that nobody can leave ------------------------------------

/// What may befall a payer at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Broken,
    Disabled,
    Recalled,
    Slow,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::Broken, Self::Disabled, Self::Recalled, Self::Slow];

    async fn befalls(self, clinic: &Clinic) {
        match self {
            Self::Broken => drop(promote(clinic, &PayerGuest::all(&Does::Panic)).await),
            Self::Slow => drop(promote(clinic, &PayerGuest::all(&Does::Loop)).await),
            Self::Disabled => set_enabled(clinic, PAYER, false).await,
            Self::Recalled => {
                let digest = promote(clinic, &PayerGuest::settling(&figures())).await;
                let reason = json!({ "reason": "a test" });
                clinic.operator.post(&format!("/api/v1/recalls/{digest}"), reason).await;
            }
        }
    }

    /// The payer is well again, in another version.
    async fn passes(self, clinic: &Clinic) {
        if self == Self::Disabled {
            set_enabled(clinic, PAYER, true).await;
        }
        promote(clinic, &PayerGuest::settling(&figures())).await;
    }
}

/// Who moves a bill on, whatever befalls its payer. A new state does not compile until it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mover {
    Patient,
    Accountant,
    /// Final: the prescription is free again.
    Nobody,
}

const fn mover(state: ChargeState) -> Mover {
    match state {
        ChargeState::Quoted | ChargeState::Confirmed | ChargeState::Settled | ChargeState::Reduced => Mover::Patient,
        ChargeState::Settling | ChargeState::Unknown | ChargeState::Reversing | ChargeState::Unwinding => {
            Mover::Accountant
        }
        ChargeState::Reversed | ChargeState::Declined | ChargeState::Abandoned => Mover::Nobody,
    }
}

/// A bill in a state; the payer does as the way there needs.
async fn bill_in(hospital: &TestHospital, clinic: &Clinic, state: ChargeState) -> Value {
    let well = || PayerGuest::settling(&figures());
    let quote = clinic.quote(&clinic.approved().await).await;
    let confirm = async |code: &str| {
        let answer = clinic.patient.ask(Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await;
        assert_eq!(answer.code(), code, "{}", answer.text);
    };
    match state {
        ChargeState::Quoted => {}
        ChargeState::Confirmed => {
            promote(clinic, &PayerGuest { settle: Does::Unavailable, ..well() }).await;
            confirm("PAY_UNAVAILABLE").await;
        }
        ChargeState::Settling | ChargeState::Unknown => {
            promote(clinic, &PayerGuest { settle: Does::Panic, query: Does::Other, ..well() }).await;
            assert_eq!(clinic.confirm(&quote).await["status"], "UNKNOWN");
            if state == ChargeState::Settling {
                as_if_the_host_had_stopped(hospital, clinic, &quote).await;
            }
        }
        ChargeState::Settled => drop(clinic.confirm(&quote).await),
        ChargeState::Reversing => {
            clinic.confirm(&quote).await;
            set_enabled(clinic, PAYER, false).await;
            clinic.patient.post(&cancel(&quote), json!(null)).await;
            set_enabled(clinic, PAYER, true).await;
        }
        ChargeState::Unwinding => {
            promote(clinic, &PayerGuest { reverse: Does::Refuse, ..well() }).await;
            let (path, withheld) = dispensed(clinic).await;
            clinic.pharmacist.post(&format!("{path}/take-back"), json!({ "cause": "recall" })).await;
            eventually("the payer refuses", async || status(clinic, &withheld).await == "UNWINDING").await;
            return withheld;
        }
        ChargeState::Reduced => {
            clinic.confirm(&quote).await;
            // The payer has no figures for what is left.
            let fee = json!({ "key": "fee", "lines": [{ "line": 1, "quantity": 1 }], "reason": "waived" });
            clinic.pharmacist.post(&format!("{}/refunds", bill(&quote)), fee).await;
        }
        ChargeState::Reversed => {
            clinic.confirm(&quote).await;
            clinic.patient.post(&cancel(&quote), json!(null)).await;
        }
        ChargeState::Declined => {
            promote(clinic, &PayerGuest { settle: Does::Refuse, ..well() }).await;
            confirm("PAY_REFUSED").await;
        }
        ChargeState::Abandoned => drop(clinic.patient.post(&cancel(&quote), json!(null)).await),
    }
    assert_eq!(status(clinic, &quote).await, state.as_str());
    quote
}

/// The bill and its operation as they are while the payer is called.
async fn as_if_the_host_had_stopped(hospital: &TestHospital, clinic: &Clinic, quote: &Value) {
    let tenant: TenantId = clinic.tenant.parse().expect("a tenant");
    let records = hospital.hospital.store().tenant(tenant);
    let id: BillId = quote["id"].as_str().expect("an id").parse().expect("a bill");
    let tx = records.begin().await.expect("begun");
    let mut row = tx.get_document(id).await.expect("a bill");
    let unknown = &row.body["unknown"];
    let settling = json!({ "head": unknown["head"], "state": unknown["state"]["pending"]["settle"] });
    row.body = json!({ "settling": settling });
    row.status = "SETTLING".to_owned();
    tx.update_document(&row).await.expect("stored");
    tx.commit().await.expect("committed");
}

fn outcome(done: bool) -> Value {
    json!({ "done": done, "reference": "letter-7", "reason": "the fund's office, by letter" })
}

/// The accountant states what the payer said; the job may be at the bill at the same time.
pub(super) async fn state_outcome(accountant: &Client, quote: &Value, done: bool) -> Value {
    let said = outcome(done);
    let path = format!("{}/resolve", bill(quote));
    for _ in 0..20 {
        let answer = accountant.ask(Method::POST, &path, Some(said.clone())).await;
        if answer.code() != "VERSION_CONFLICT" {
            return answer.done(&path);
        }
    }
    panic!("{path} is never free");
}

/// Moves a bill on to the end, whatever befalls its payer; returns its last state.
async fn without_the_payer(hospital: &TestHospital, clinic: &Clinic, (accountant, quote): (&Client, &Value)) -> String {
    let mut at = status(clinic, quote).await;
    for _ in 0..12 {
        let known = ChargeState::ALL.iter().copied().find(|known| known.as_str() == at).expect("a state");
        let next = match mover(known) {
            Mover::Nobody => break,
            Mover::Patient => clinic.patient.post(&cancel(quote), json!(null)).await,
            Mover::Accountant => {
                hospital.advance(61).await;
                let path = format!("{}/resolve", bill(quote));
                let answer = accountant.ask(Method::POST, &path, Some(outcome(true))).await;
                if matches!(answer.code(), "VERSION_CONFLICT" | "PAY_STATE") {
                    // The job has asked the payer once more: it is in flight again.
                    at = status(clinic, quote).await;
                    continue;
                }
                answer.done(&path)
            }
        };
        at = next["status"].as_str().expect("a state").to_owned();
    }
    at
}

async fn no_bill_is_in_a_state_that_nobody_can_leave(hospital: TestHospital) {
    let clinic = insured_by(&hospital, &PayerGuest::settling(&figures())).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    for trouble in Trouble::ALL {
        for &state in ChargeState::ALL {
            let quote = bill_in(&hospital, &clinic, state).await;
            trouble.befalls(&clinic).await;
            let resolve = format!("{}/resolve", bill(&quote));
            let nobody = json!({ "done": true, "reference": "x", "reason": "y" });
            clinic.pharmacist.refused(&resolve, nobody.clone(), "AUTH_FORBIDDEN").await;
            let moved = match mover(state) {
                Mover::Patient => clinic.patient.post(&cancel(&quote), json!(null)).await,
                Mover::Accountant => {
                    hospital.advance(61).await;
                    state_outcome(&accountant, &quote, true).await
                }
                Mover::Nobody => {
                    accountant.refused(&resolve, nobody, "PAY_STATE").await;
                    clinic.patient.get(&bill(&quote)).await
                }
            };
            assert_eq!(
                moved["status"] == state.as_str(),
                mover(state) == Mover::Nobody,
                "{trouble:?} {state}: {moved}"
            );
            let at = without_the_payer(&hospital, &clinic, (&accountant, &quote)).await;
            assert!(matches!(at.as_str(), "REVERSED" | "ABANDONED" | "DECLINED"), "{trouble:?} {state}: {at}");
            // What was paid to give the medicines out is handed back.
            clinic.settle_at_counter(id(&bill(&quote))).await;
            assert_eq!(clinic.balanced().await["debit_fen"], 0, "{trouble:?} {state}");
            trouble.passes(&clinic).await;
        }
    }
}

/// What moves a prescription on, for a person and by itself; `None` if it is final. A new state does
/// not compile until it is said.
const fn prescription_ways(state: RxState) -> (Option<(&'static str, &'static str)>, Option<&'static str>) {
    match state {
        RxState::Draft => (Some(("discard", "CANCELLED")), Some("CANCELLED")),
        RxState::PendingReview | RxState::Returned | RxState::Effective => {
            (Some(("withdraw", "CANCELLED")), Some("EXPIRED"))
        }
        RxState::Reserved => (Some(("cancel", "EFFECTIVE")), Some("EXPIRED")),
        RxState::Dispensed => (Some(("hand-over", "DELIVERED")), None),
        RxState::Shipped => (Some(("receive", "DELIVERED")), None),
        RxState::Delivered => (Some(("counsel", "CLOSED")), None),
        RxState::Rejected | RxState::Closed | RxState::Expired | RxState::Cancelled | RxState::Refunded => (None, None),
    }
}

/// A prescription in a state, with its quote, if there is one: paid by the patient alone, or not.
async fn prescription_in(
    hospital: &TestHospital,
    clinic: &Clinic,
    (state, self_pay): (RxState, bool),
) -> (String, Value) {
    let visit = clinic.visit().await;
    let path = clinic.draft(&visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let pharmacist =
        async |verb: &str, body: Value| drop(clinic.pharmacist.post(&format!("{path}/{verb}"), body).await);
    let why = || json!({ "code": "DOSE", "text": "剂量偏大" });
    let order = async || {
        clinic.sign(&path).await;
        clinic.approve(&path).await;
        let quote = json!({ "prescription": id(&path), "self_pay": self_pay });
        let quote = clinic.patient.post("/api/v1/charges", quote).await;
        clinic.confirm(&quote).await;
        quote
    };
    let dispense = async || {
        let quote = order().await;
        pharmacist("dispense", clinic.handout(&path).await).await;
        quote
    };
    let mut quote = json!(null);
    match state {
        RxState::Draft => {}
        RxState::PendingReview => drop(clinic.sign(&path).await),
        RxState::Returned => {
            clinic.sign(&path).await;
            pharmacist("return", why()).await;
        }
        RxState::Rejected => {
            clinic.sign(&path).await;
            pharmacist("reject", why()).await;
        }
        RxState::Effective => {
            clinic.sign(&path).await;
            clinic.approve(&path).await;
        }
        RxState::Reserved => quote = order().await,
        RxState::Dispensed => quote = dispense().await,
        RxState::Shipped => {
            quote = dispense().await;
            pharmacist("ship", json!({ "carrier": "顺丰", "tracking": "SF1" })).await;
        }
        RxState::Delivered => {
            quote = dispense().await;
            pharmacist("hand-over", json!(null)).await;
        }
        RxState::Closed => {
            quote = dispense().await;
            pharmacist("hand-over", json!(null)).await;
            pharmacist("counsel", json!({ "note": "餐后服用" })).await;
        }
        RxState::Refunded => {
            quote = dispense().await;
            pharmacist("take-back", json!({ "cause": "quality" })).await;
            eventually("it is refunded", async || status(clinic, &quote).await == "REVERSED").await;
        }
        RxState::Cancelled => drop(clinic.doctor.post(&format!("{path}/discard"), json!(null)).await),
        RxState::Expired => {
            clinic.sign(&path).await;
            hospital.advance(3 * DAY + 60).await;
            eventually("it expires", async || clinic.doctor.get(&path).await["status"] == "EXPIRED").await;
        }
    }
    assert_eq!(clinic.doctor.get(&path).await["status"], state.as_str());
    (path, quote)
}

/// The code that only the patient is told.
async fn code_of_parcel(clinic: &Clinic, prescription: &str) -> String {
    let shipped = clinic.pharmacist.get(prescription).await;
    assert_eq!(shipped["detail"]["shipped"]["state"]["shipment"]["code"], json!(null), "{shipped}");
    let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
    let message = messages.as_array().into_iter().flatten().find(|m| m["detail"]["prescription"] == id(prescription));
    let text = message.expect("a message")["text"][1]["text"].as_str().expect("a text").to_owned();
    text.chars().filter(char::is_ascii_digit).collect()
}

async fn no_prescription_or_visit_is_in_a_state_that_nobody_can_leave(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    for &state in RxState::ALL {
        let (way, by_itself) = prescription_ways(state);
        let (path, quote) = prescription_in(&hospital, &clinic, (state, true)).await;
        let moved = match way {
            None => None,
            Some(("cancel", _)) => {
                clinic.patient.post(&cancel(&quote), json!(null)).await;
                Some(clinic.doctor.get(&path).await)
            }
            Some(("receive", _)) => {
                let code = code_of_parcel(&clinic, &path).await;
                let receive = format!("{path}/receive");
                clinic.patient.refused(&receive, json!({ "code": "no code" }), "DELIV_RECEIVER").await;
                Some(clinic.patient.post(&receive, json!({ "code": code })).await)
            }
            Some((verb @ ("discard" | "withdraw"), _)) => {
                Some(clinic.doctor.post(&format!("{path}/{verb}"), json!(null)).await)
            }
            Some(("counsel", _)) => {
                Some(clinic.pharmacist.post(&format!("{path}/counsel"), json!({ "note": "餐后服用" })).await)
            }
            Some((verb, _)) => Some(clinic.pharmacist.post(&format!("{path}/{verb}"), json!(null)).await),
        };
        assert_eq!(moved.map(|moved| moved["status"].clone()), way.map(|(_, to)| json!(to)), "{state}");
        if let Some(to) = by_itself {
            let (path, _) = prescription_in(&hospital, &clinic, (state, true)).await;
            hospital.advance(3 * DAY + 60).await;
            eventually(state.as_str(), async || clinic.doctor.get(&path).await["status"] == to).await;
        }
    }
    for &state in EncounterState::ALL {
        // Who moves it on; a new state does not compile until it is said.
        let verb = match state {
            EncounterState::Requested => Some(("decline", json!({ "reason": "首诊" }))),
            EncounterState::Accepted => Some(("close", json!({}))),
            EncounterState::Stopped => Some(("close", json!({ "note": "已转急诊" }))),
            EncounterState::Closed => None,
        };
        let visit = match state {
            EncounterState::Requested => clinic.patient.post("/api/v1/encounters", clinic.request()).await["id"]
                .as_str()
                .expect("an id")
                .to_owned(),
            _ => clinic.visit().await,
        };
        let path = format!("/api/v1/encounters/{visit}");
        if state == EncounterState::Stopped {
            clinic.doctor.post(&format!("{path}/stop"), json!({ "code": "CHEST_PAIN" })).await;
        }
        if state == EncounterState::Closed {
            clinic.doctor.post(&format!("{path}/close"), json!({})).await;
        }
        assert_eq!(clinic.doctor.get(&path).await["status"], state.as_str());
        if let Some((verb, body)) = verb {
            assert_eq!(clinic.doctor.post(&format!("{path}/{verb}"), body).await["status"], "CLOSED");
        }
    }
    clinic.balanced().await;
}

async fn no_prescription_waits_for_its_payer_for_ever(hospital: TestHospital) {
    let clinic = insured_by(&hospital, &PayerGuest::settling(&figures())).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    // Slow is as broken, and takes time.
    for trouble in [Trouble::Broken, Trouble::Disabled, Trouble::Recalled] {
        let mut ordered = Vec::new();
        // The last advances the clock.
        for (state, verb, then) in [
            (RxState::PendingReview, "withdraw", "CANCELLED"),
            (RxState::Effective, "withdraw", "CANCELLED"),
            (RxState::Dispensed, "hand-over", "DELIVERED"),
            (RxState::Dispensed, "take-back", "REFUNDED"),
            (RxState::Reserved, "cancel", "EFFECTIVE"),
            (RxState::Reserved, "expire", "EXPIRED"),
        ] {
            let (path, quote) = prescription_in(&hospital, &clinic, (state, false)).await;
            ordered.push((path, quote, verb, then));
        }
        trouble.befalls(&clinic).await;
        for (path, quote, verb, then) in ordered {
            let act = format!("{path}/{verb}");
            match verb {
                "withdraw" => drop(clinic.doctor.post(&act, json!(null)).await),
                "cancel" => drop(clinic.patient.post(&cancel(&quote), json!(null)).await),
                "expire" => hospital.advance(3 * DAY + 60).await,
                "take-back" => drop(clinic.pharmacist.post(&act, json!({ "cause": "quality" })).await),
                _ => drop(clinic.pharmacist.post(&act, json!(null)).await),
            }
            let what = format!("{trouble:?} {verb}");
            if matches!(verb, "take-back" | "cancel" | "expire") {
                eventually(&what, async || status(&clinic, &quote).await != "SETTLED").await;
                let at = without_the_payer(&hospital, &clinic, (&accountant, &quote)).await;
                assert_eq!(at, "REVERSED", "{what}");
            }
            eventually(&what, async || clinic.doctor.get(&path).await["status"] == then).await;
        }
        trouble.passes(&clinic).await;
    }
    clinic.balanced().await;
}
