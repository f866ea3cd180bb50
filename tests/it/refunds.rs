//! What is billed of a visit, and what is given back of a bill.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::time::Day;

use crate::{
    money::{bill, insured_by, promote, state_outcome, status},
    payers::insure_commercially,
    support::{
        Client, Clinic, DIRECT_BILLING, MEDICAL_INSURANCE, TestHospital,
        clinic::{Person, confirm_path, confirmation, id, line, part},
        eventually,
        guest::{Does, Figures, PayerGuest},
        on_both_engines,
    },
};

on_both_engines!(
    TestHospital:
    a_returned_box_is_refunded_to_the_fen,
    what_is_not_handed_out_is_refunded,
    payers_take_back_in_the_opposite_order_and_settle_the_rest_in_theirs,
    what_is_left_costs_no_more_unless_the_patient_agrees,
    a_visit_is_billed_without_a_prescription,
    nothing_is_billed_that_was_not_ordered,
);

const STRIPS: &str = "glucose-test-strips-50";

fn refunds(bill: &Value) -> String {
    format!("/api/v1/charges/{}/refunds", bill["id"].as_str().expect("an id"))
}

fn refund(key: &str, line: u32, quantity: u32) -> Value {
    json!({ "key": key, "lines": [{ "line": line, "quantity": quantity }], "reason": "returned" })
}

fn with(mut body: Value, more: &Value) -> Value {
    body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    body
}

/// Balances of accounts, in fen.
async fn on<const N: usize>(clinic: &Clinic, names: [&str; N]) -> [i64; N] {
    let balance = clinic.balanced().await;
    let accounts = balance["accounts"].as_array().expect("accounts");
    names.map(|name| accounts.iter().find(|a| a["account"] == name).map_or(0, |a| a["fen"].as_i64().unwrap_or(0)))
}

const BOOKS: [&str; 4] = ["receivable.basic-fund", "receivable.personal-account", "receivable.patient", "cash"];

/// The state of the patient's share, and why money went back, once all of it is settled at the counter.
async fn at_the_counter(clinic: &Clinic, paid: &Value) -> Vec<String> {
    let cash = clinic.settle_at_counter(paid["id"].as_str().expect("an id")).await;
    let causes = cash["refunds"].as_array().expect("refunds").iter().map(|refund| &refund["cause"]);
    [&cash["status"]].into_iter().chain(causes).map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn shares(bill: &Value) -> [i64; 3] {
    ["basic_fund", "personal_account", "cash"].map(|source| part(bill, source))
}

async fn insured(hospital: &TestHospital) -> Clinic {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    clinic
}

/// The worked example of basic insurance, paid.
async fn worked_example(clinic: &Clinic) -> (String, Value) {
    let prescription = clinic.worked_example().await;
    let order = json!({ "prescription": id(&prescription), "items": [{ "item": STRIPS, "quantity": 1 }] });
    let quote = clinic.patient.post("/api/v1/charges", order).await;
    assert_eq!((shares(&quote), &quote["total_fen"]), ([5550, 6000, 6750], &json!(18300)));
    let paid = clinic.confirm(&quote).await;
    assert_eq!(paid["status"], "SETTLED");
    (prescription, paid)
}

/// D7: one box of metformin (2500) comes back: the fund pays 3675, the account 6000, the patient 6125.
/// Then the test strips, which are the patient's alone.
async fn a_returned_box_is_refunded_to_the_fen(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let (prescription, paid) = worked_example(&clinic).await;
    let path = refunds(&paid);
    let pharmacist = &clinic.pharmacist;
    // Before they are handed out, medicines are cancelled whole.
    pharmacist.refused(&path, refund("box", 2, 1), "REFUND_DRUG_NOT_RETURNABLE").await;
    let quality = json!({ "returned": "quality" });
    pharmacist.refused(&path, with(refund("box", 2, 1), &quality), "RX_STATE").await;
    let handout = clinic.handout(&prescription).await;
    pharmacist.post(&format!("{prescription}/dispense"), handout).await;
    pharmacist.post(&format!("{prescription}/hand-over"), json!(null)).await;

    let all = [(1, 1), (2, 2), (3, 1), (4, 1)].map(|(line, quantity)| json!({ "line": line, "quantity": quantity }));
    let whole = json!({ "lines": all });
    for (who, body, code) in [
        (&clinic.patient, refund("box", 2, 1), "AUTH_FORBIDDEN"),
        (&clinic.doctor, refund("box", 2, 1), "AUTH_FORBIDDEN"),
        (pharmacist, refund("box", 2, 1), "REFUND_DRUG_NOT_RETURNABLE"),
        (pharmacist, with(refund("box", 2, 1), &json!({ "returned": "change_of_mind" })), "REFUND_DRUG_NOT_RETURNABLE"),
        (&accountant, with(refund("box", 2, 1), &quality), "AUTH_FORBIDDEN"),
        (pharmacist, with(refund("box", 2, 3), &quality), "REFUND_EXCEEDS"),
        (pharmacist, refund("box", 9, 1), "BODY_INVALID"),
        (pharmacist, refund("box", 4, 0), "BODY_INVALID"),
        (pharmacist, refund(" ", 4, 1), "BODY_INVALID"),
        (pharmacist, with(refund("box", 4, 1), &json!({ "reason": "" })), "BODY_INVALID"),
        (pharmacist, with(with(refund("box", 4, 1), &whole), &quality), "DISP_INCOMPLETE"),
    ] {
        who.refused(&path, body, code).await;
    }
    assert_eq!(clinic.patient.get(&bill(&paid)).await["parts"], paid["parts"]);

    let body = with(refund("box", 2, 1), &quality);
    let one = pharmacist.post(&path, body.clone()).await;
    assert_eq!((&one["status"], shares(&one)), (&json!("SETTLED"), [3675, 6000, 6125]), "{one}");
    assert_eq!((&one["total_fen"], &one["refunds"][0]["total_fen"]), (&json!(15800), &json!(18300)));
    let before: Vec<i64> = ["basic_fund", "personal_account", "cash"].map(|s| part(&one["refunds"][0], s)).to_vec();
    assert_eq!(before, [5550, 6000, 6750]);
    // A repetition gets the same answer; with other content it is another refund.
    assert_eq!(pharmacist.post(&path, body).await["parts"], one["parts"]);
    pharmacist.refused(&path, refund("box", 4, 1), "PAY_IDEMPOTENCY_CONFLICT").await;
    // What was paid beyond the rest is owed to the patient, until it is handed back.
    assert_eq!(on(&clinic, BOOKS).await, [3675, 6000, 0, 6750]);
    assert_eq!(on(&clinic, ["payable.patient"]).await, [-625]);
    assert_eq!(at_the_counter(&clinic, &paid).await, ["PAID", "reduction"]);
    assert_eq!(on(&clinic, BOOKS).await, [3675, 6000, 0, 6125]);
    let covered = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
    let figure = |code: &str| {
        let mut figures = covered[0]["accumulators"].as_array().expect("figures").iter();
        figures.find(|figure| figure["code"] == code).map(|figure| figure["fen"].clone())
    };
    assert_eq!((figure("fund-used"), figure("account-balance")), (Some(json!(3675)), Some(json!(0))));
    let claim = async || clinic.doctor.get(&format!("/fhir/R4/Claim/{}", paid["id"].as_str().expect("an id"))).await;
    assert_eq!(claim().await["total"]["value"].to_string(), "158.00");
    // The patient keeps one of two boxes, and no more comes back than was handed out.
    pharmacist.refused(&path, with(refund("again", 2, 2), &quality), "REFUND_EXCEEDS").await;

    let calls = async || {
        let calls =
            clinic.administrator.get(&format!("/api/v1/calls?about={}", paid["id"].as_str().expect("an id"))).await;
        calls.as_array().expect("calls").len()
    };
    let (orders, asked) = (orders_of(&clinic, &prescription).await, calls().await);
    assert_eq!(clinic.patient.get(&orders).await[0]["status"], "COMPLETED");
    let strips = accountant.post(&path, refund("strips", 4, 1)).await;
    assert_eq!((shares(&strips), calls().await), ([3675, 6000, 1625], asked), "no payer is asked");
    assert_eq!(on(&clinic, ["payable.patient", "cash"]).await, [-4500, 6125]);
    assert_eq!(at_the_counter(&clinic, &paid).await, ["PAID", "reduction", "reduction"]);
    assert_eq!(on(&clinic, BOOKS).await, [3675, 6000, 0, 1625]);
    assert_eq!(clinic.patient.get(&orders).await[0]["billed"], 0);
    accountant.refused(&path, refund("strips again", 4, 1), "REFUND_EXCEEDS").await;
    assert_eq!(claim().await["total"]["value"].to_string(), "113.00");

    // The fee: it is in scope, and what remains of a bill after it is what remains of the whole.
    let fee = accountant.post(&path, refund("fee", 1, 1)).await;
    assert_eq!(
        (&fee["status"], &fee["total_fen"], fee["refunds"].as_array().map(Vec::len)),
        (&json!("SETTLED"), &json!(9300), Some(3))
    );
    assert_eq!(at_the_counter(&clinic, &paid).await[0], "PAID");
    let [fund, account, owed, cash] = on(&clinic, BOOKS).await;
    assert_eq!(([fund, account, cash], owed), (shares(&fee), 0));
    let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
    let told = messages.as_array().expect("messages").iter();
    assert_eq!(told.filter(|message| message["detail"]["occasion"] == "refunded-in-part").count(), 3);

    // All of it is taken back at last.
    let reverse = format!("{}/reverse", bill(&paid));
    pharmacist.refused(&reverse, json!(null), "REFUND_DRUG_NOT_RETURNABLE").await;
    pharmacist.post(&format!("{prescription}/take-back"), json!({ "cause": "recall" })).await;
    eventually("the bill is refunded", async || status(&clinic, &paid).await == "REVERSED").await;
    assert_eq!(at_the_counter(&clinic, &paid).await[0], "REFUNDED");
    assert_eq!(on(&clinic, BOOKS).await, [0; 4]);
    accountant.refused(&path, refund("late", 1, 1), "PAY_ALREADY_REVERSED").await;
}

/// Path of the orders of a prescription's visit.
async fn orders_of(clinic: &Clinic, prescription: &str) -> String {
    let known = clinic.doctor.get(prescription).await;
    let state = known["detail"].as_object().and_then(|states| states.values().next()).expect("a state");
    format!("/api/v1/encounters/{}/orders", state["head"]["encounter"].as_str().expect("a visit"))
}

/// The hospital had waived 6000 of the patient's share, and the payer remitted all of its own: neither is forgotten with
/// what is given back.
async fn what_is_not_handed_out_is_refunded(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let (prescription, paid) = worked_example(&clinic).await;
    let write_off = |bill: &Value, fen: i64| json!({ "kind": "write_off", "source": "cash", "bill": bill["id"], "amount_fen": fen, "reason": "hardship" });
    let transactions = "/api/v1/ledger/transactions";
    accountant.post(transactions, write_off(&paid, 6000)).await;
    let fee = json!({ "kind": "platform_fee", "bill": paid["id"], "amount_fen": 1000, "platform_fen": 600 });
    accountant.post(transactions, fee).await;
    let today = Day::of(hospital.now()).to_string();
    let reconciled = async |trace: &str, items: &[(Value, i64)]| {
        let sum: i64 = items.iter().map(|(_, fen)| fen).sum();
        let claims: Vec<Value> = items.iter().map(|(of, fen)| json!({ "reference": of, "amount_fen": fen })).collect();
        let sent = json!({ "trace": trace, "sent_on": today, "amount_fen": sum, "claims": claims });
        let (sent, bank) = match items {
            [] => (json!([]), json!([])),
            _ => (json!([sent]), json!([{ "trace": trace, "day": today, "amount_fen": sum }])),
        };
        let ask = json!({
            "payer": MEDICAL_INSURANCE.id, "from": today, "to": today, "claim_file": [], "remittances": sent, "bank": bank,
        });
        accountant.post("/api/v1/reconciliation", ask).await["claims"].clone()
    };
    let settlement = reconciled("", &[]).await[0]["reference"].clone();
    reconciled("T-1", &[(settlement.clone(), 11_550)]).await;
    let with_payer = ["bank", "receivable.basic-fund", "receivable.personal-account", "payable.payer"];
    assert_eq!(on(&clinic, with_payer).await, [11_550, 0, 0, 0]);
    let mut handout = clinic.handout(&prescription).await;
    handout["handouts"][0]["traces"].as_array_mut().expect("traces").pop();
    let dispense = format!("{prescription}/dispense");
    let short = |reason: &str| with(handout.clone(), &json!({ "partial": reason }));
    clinic.pharmacist.refused(&dispense, handout.clone(), "DISP_INCOMPLETE").await;
    clinic.pharmacist.refused(&dispense, short(" "), "RX_REASON_REQUIRED").await;
    clinic.pharmacist.refused(&dispense, with(short("out"), &json!({ "handouts": [] })), "DISP_INCOMPLETE").await;
    assert_eq!(clinic.pharmacist.post(&dispense, short("out of stock")).await["status"], "DISPENSED");
    let left = clinic.patient.get(&bill(&paid)).await;
    assert_eq!((&left["status"], shares(&left)), (&json!("SETTLED"), [3675, 6000, 6125]), "{left}");
    assert_eq!(left["refunds"][0]["reason"], "out of stock");
    // 6125 less 6000; 750 were paid.
    assert_eq!(at_the_counter(&clinic, &paid).await, ["PAID", "reduction"]);
    assert_eq!(on(&clinic, BOOKS).await, [0, 0, 0, 125]);
    let kept = ["loss.write-off", "payable.doctor", "payable.platform-fee", "payable.patient"];
    assert_eq!(on(&clinic, kept).await, [6000, -1000, -600, 0]);
    // What the payer has paid too much is owed to it, until it keeps it back.
    assert_eq!(on(&clinic, with_payer).await, [11_550, 0, 0, -1875]);
    let claims = reconciled("", &[]).await;
    let nets: Vec<(Value, i64)> = claims
        .as_array()
        .expect("claims")
        .iter()
        .filter(|claim| claim["reference"] != settlement)
        .map(|claim| (claim["reference"].clone(), claim["ledger_fen"].as_i64().expect("fen")))
        .collect();
    assert_eq!(nets.iter().map(|(_, fen)| fen).sum::<i64>(), -1875, "{claims}");
    reconciled("T-2", &nets).await;
    assert_eq!(on(&clinic, with_payer).await, [9675, 0, 0, 0]);
    clinic.pharmacist.refused(&dispense, short("out of stock"), "RX_ALREADY_USED").await;
    // What the patient has stays charged.
    clinic.pharmacist.refused(&refunds(&paid), refund("more", 2, 1), "REFUND_DRUG_NOT_RETURNABLE").await;
    assert_eq!(clinic.pharmacist.post(&format!("{prescription}/hand-over"), json!(null)).await["status"], "DELIVERED");

    // Of a bill that was written off whole nothing is given back, and it is handed out in part all the same.
    let prescription = clinic.worked_example().await;
    let alone = json!({ "prescription": id(&prescription), "self_pay": true });
    let alone = clinic.patient.post("/api/v1/charges", alone).await;
    assert_eq!(clinic.confirm(&alone).await["status"], "SETTLED");
    accountant.post(transactions, write_off(&alone, alone["total_fen"].as_i64().expect("fen"))).await;
    let before = on(&clinic, ["loss.write-off", "payable.patient", "cash"]).await;
    let mut handout = clinic.handout(&prescription).await;
    handout["handouts"][0]["traces"].as_array_mut().expect("traces").pop();
    handout["partial"] = json!("out of stock");
    let dispensed = clinic.pharmacist.post(&format!("{prescription}/dispense"), handout).await;
    assert_eq!(dispensed["status"], "DISPENSED", "{dispensed}");
    let after = on(&clinic, ["loss.write-off", "payable.patient", "cash"]).await;
    assert_eq!([after[0] - before[0], after[1], after[2] - before[2]], [-2500, 0, 0]);
}

/// D2 after D1, without a box of 2500: the fund pays (9900 − 5000) × 75 %, the insurer of the other 12125,
/// without strips of 4500 and a deductible of 3000, 80 %.
async fn payers_take_back_in_the_opposite_order_and_settle_the_rest_in_theirs(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE, &DIRECT_BILLING]).await;
    clinic.insure().await;
    insure_commercially(&clinic, hospital.now().china_year()).await;
    let prescription = clinic.worked_example().await;
    let order = json!({ "prescription": id(&prescription), "items": [{ "item": STRIPS, "quantity": 1 }] });
    let quote = clinic.patient.post("/api/v1/charges", order).await;
    let shares = |bill: &Value| ["basic_fund", "commercial", "cash"].map(|source| part(bill, source));
    assert_eq!(
        (clinic.confirm(&quote).await["status"].as_str(), shares(&quote)),
        (Some("SETTLED"), [5550, 4200, 8550])
    );
    let about = format!("/api/v1/calls?about={}", quote["id"].as_str().expect("an id"));
    let hooks = async || {
        let calls = clinic.administrator.get(&about).await;
        let hook = |call: &Value| {
            let hook = call["tape"]["hook"].as_str().expect("a hook");
            hook.rsplit('#').next().unwrap_or(hook).to_owned()
        };
        calls.as_array().expect("calls").iter().rev().map(hook).collect::<Vec<_>>()
    };
    let before = hooks().await.len();
    let mut handout = clinic.handout(&prescription).await;
    handout["handouts"][0]["traces"].as_array_mut().expect("traces").pop();
    handout["partial"] = json!("out of stock");
    clinic.pharmacist.post(&format!("{prescription}/dispense"), handout).await;
    let left = clinic.patient.get(&bill(&quote)).await;
    assert_eq!((&left["status"], shares(&left)), (&json!("SETTLED"), [3675, 3700, 8425]), "{left}");
    assert_eq!(
        hooks().await[before..],
        ["cancel", "reverse", "quote", "predetermine", "authorize", "settle", "submit"],
        "the last payer first, then the first one first"
    );
    assert_eq!(at_the_counter(&clinic, &quote).await, ["PAID", "reduction"]);
    let [fund, _, owed, cash] = on(&clinic, BOOKS).await;
    assert_eq!((fund, owed, cash, on(&clinic, ["receivable.commercial"]).await), (3675, 0, 8425, [3700]));
}

/// Of the visit (2000) and strips (4500) the payer pays 5500. The strips are given back.
async fn what_is_left_costs_no_more_unless_the_patient_agrees(hospital: TestHospital) {
    let whole =
        Figures { lines: vec![[0, 0, 0, 2000], [0, 0, 0, 4500]], parts: [5500, 1000], insurer: 0, accumulator: 0 };
    let well = || PayerGuest::settling(&whole);
    let clinic = insured_by(&hospital, &well()).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let rest =
        |fund: i64| Figures { lines: vec![[0, 0, 0, 2000]], parts: [fund, 2000 - fund], insurer: 0, accumulator: 0 };
    let pay = async || {
        promote(&clinic, &well()).await;
        let visit = clinic.visit().await;
        let strips = json!({ "item": STRIPS, "quantity": 1 });
        clinic.doctor.post(&format!("/api/v1/encounters/{visit}/orders"), strips.clone()).await;
        let order = json!({ "encounter": visit, "items": [strips] });
        clinic.confirm(&clinic.patient.post("/api/v1/charges", order).await).await
    };
    let back = refund("strips", 2, 1);
    let due = async || {
        hospital.advance(3601).await;
        hospital.hospital.do_due_work().await;
    };

    // A payer that does not take its settlement back: the bill stands as it was.
    let paid = pay().await;
    promote(&clinic, &PayerGuest { reverse: Does::Refuse, ..well() }).await;
    clinic.pharmacist.refused(&refunds(&paid), back.clone(), "PAY_REFUSED").await;
    let stands = clinic.patient.get(&bill(&paid)).await;
    assert_eq!(
        (&stands["status"], &stands["parts"], &stands["refunds"]),
        (&json!("SETTLED"), &paid["parts"], &json!([]))
    );

    // It takes it back, and cannot be asked about the rest: that waits, and so does who dispenses.
    promote(&clinic, &PayerGuest { quote: Does::Unavailable, ..PayerGuest::settling(&rest(1200)) }).await;
    let reduced = clinic.pharmacist.post(&refunds(&paid), back.clone()).await;
    assert_eq!((&reduced["status"], &reduced["parts"]), (&json!("REDUCED"), &json!([])), "{reduced}");
    assert_eq!(on(&clinic, BOOKS).await, [0; 4]);
    due().await;
    assert_eq!(status(&clinic, &paid).await, "REDUCED");
    let listed = accountant.get("/api/v1/charges/unresolved").await;
    assert!(listed.as_array().expect("bills").iter().any(|one| one["id"] == paid["id"] && one["status"] == "REDUCED"));
    // It cannot settle, or settles otherwise: nothing of it stands, and it is tried again.
    promote(&clinic, &PayerGuest { settle: Does::Unavailable, ..PayerGuest::settling(&rest(1200)) }).await;
    due().await;
    let drifts = PayerGuest { settle: Does::Figures(rest(1199)), ..PayerGuest::settling(&rest(1200)) };
    promote(&clinic, &drifts).await;
    due().await;
    eventually("it is taken back", async || status(&clinic, &paid).await == "REDUCED").await;
    assert_eq!(on(&clinic, BOOKS).await, [0; 4]);
    promote(&clinic, &PayerGuest::settling(&rest(1200))).await;
    eventually("the rest is settled", async || {
        due().await;
        status(&clinic, &paid).await == "SETTLED"
    })
    .await;
    let settled = clinic.patient.get(&bill(&paid)).await;
    assert_eq!((part(&settled, "basic_fund"), part(&settled, "cash")), (1200, 800));
    assert_eq!(on(&clinic, BOOKS).await, [1200, 0, 800, 0]);
    assert_eq!(clinic.patient.post(&format!("{}/cancel", bill(&paid)), json!(null)).await["status"], "REVERSED");

    // It would pay nothing: 2000 is more than the 1000 before, and is offered.
    for agrees in [true, false] {
        let paid = pay().await;
        let counter = format!("{}/payments/counter", bill(&paid));
        let money = json!({ "amount_fen": 1000, "receipt": format!("R-{agrees}") });
        clinic.cashier.post(&counter, money.clone()).await;
        promote(&clinic, &PayerGuest::settling(&rest(0))).await;
        let offered = clinic.pharmacist.post(&refunds(&paid), back.clone()).await;
        assert_eq!((&offered["status"], part(&offered, "cash")), (&json!("REDUCED"), 2000), "{offered}");
        due().await;
        assert_eq!(on(&clinic, BOOKS).await, [0, 0, 0, 1000], "nobody takes it");
        // What was paid stays paid, though it is owed back at the moment.
        assert_eq!(clinic.cashier.post(&counter, money).await["status"], "PAID");
        assert_eq!(on(&clinic, ["payable.patient"]).await, [-1000]);
        if agrees {
            let less = json!({ "cash_fen": 1999 });
            clinic.patient.refused(&confirm_path(&paid), less, "INS_PRESETTLE_DRIFT").await;
            let agreed = clinic.patient.post(&confirm_path(&paid), json!({ "cash_fen": 2000 })).await;
            assert_eq!((&agreed["status"], part(&agreed, "cash")), (&json!("SETTLED"), 2000));
            assert_eq!(on(&clinic, BOOKS).await, [0, 0, 1000, 1000]);
            // Of what costs more, the patient pays the difference to what was paid.
            assert_eq!(at_the_counter(&clinic, &paid).await, ["PAID"]);
            assert_eq!(on(&clinic, BOOKS).await, [0, 0, 0, 2000]);
        } else {
            let resolve = format!("{}/resolve", bill(&paid));
            let said = json!({ "done": true, "reference": "x", "reason": "y" });
            accountant.refused(&resolve, said, "BODY_INVALID").await;
            let borne = state_outcome(&accountant, &paid, false).await;
            assert_eq!((&borne["status"], part(&borne, "cash")), (&json!("SETTLED"), 1000));
            assert_eq!(on(&clinic, BOOKS).await, [0, 0, 0, 1000]);
        }
        assert_eq!(clinic.patient.post(&format!("{}/cancel", bill(&paid)), json!(null)).await["status"], "REVERSED");
        at_the_counter(&clinic, &paid).await;
        assert_eq!(on(&clinic, BOOKS).await, [0; 4]);
    }
}

async fn a_visit_is_billed_without_a_prescription(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let charge = |visit: &str| json!({ "encounter": visit });
    let quote = async |who: &Client, body: Value| who.ask(Method::POST, "/api/v1/charges", Some(body)).await;
    let requested = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let requested = requested["id"].as_str().expect("an id").to_owned();
    let (stranger, _) = clinic.person("stranger").await;
    let visit = clinic.visit().await;
    let rx = clinic.approved().await;
    for (who, body, code) in [
        (&clinic.patient, charge(&requested), "ENC_FOLLOWUP_UNDECIDED"),
        (&stranger, charge(&visit), "NOT_FOUND"),
        (&clinic.patient, json!({}), "BODY_INVALID"),
        (&clinic.patient, json!({ "encounter": visit, "prescription": id(&rx) }), "BODY_INVALID"),
    ] {
        quote(who, body).await.refused("a quote", code);
    }
    // Its fee, once: on the first of two bills that is confirmed, with or without a prescription.
    let medicine = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    let prescription = clinic.draft(&visit, &medicine).await;
    clinic.doctor.post(&format!("{rx}/withdraw"), json!(null)).await;
    clinic.sign(&prescription).await;
    clinic.approve(&prescription).await;
    let alone = clinic.patient.post("/api/v1/charges", charge(&visit)).await;
    let with_medicine = clinic.quote(&prescription).await;
    assert_eq!((&alone["total_fen"], &with_medicine["total_fen"]), (&json!(2000), &json!(7000)));
    let paid = clinic.patient.post(&confirm_path(&alone), json!({ "cash_fen": part(&alone, "cash") })).await;
    assert_eq!((&paid["status"], &paid["payers"]), (&json!("SETTLED"), &json!([MEDICAL_INSURANCE.id])));
    assert_eq!(clinic.confirm(&alone).await["status"], "SETTLED");
    clinic.patient.refused(&confirm_path(&with_medicine), confirmation(&with_medicine), "PAY_QUOTE_STALE").await;
    assert_eq!(clinic.quote(&prescription).await["total_fen"], 5000);
    quote(&clinic.patient, charge(&visit)).await.refused("a second fee", "PAY_STATE");
    let claim = clinic.doctor.get(&format!("/fhir/R4/Claim/{}", alone["id"].as_str().expect("an id"))).await;
    assert_eq!(
        (claim["total"]["value"].to_string().as_str(), &claim["diagnosis"][0]["sequence"]),
        ("20.00", &json!(1))
    );
    // Given back, it can be charged again, by one of two.
    assert_eq!(clinic.patient.post(&format!("{}/cancel", bill(&alone)), json!(null)).await["status"], "REVERSED");
    let both = [clinic.patient.post("/api/v1/charges", charge(&visit)).await, clinic.quote(&prescription).await];
    assert_eq!(both.each_ref().map(|quote| quote["total_fen"].as_i64()), [Some(2000), Some(7000)]);
    assert_eq!(confirmed_at_once(&clinic, both, &["PAY_STATE", "PAY_QUOTE_STALE"]).await, 1);

    // It may have ended; what a danger sign stopped is not charged.
    let ended = clinic.visit().await;
    clinic.doctor.post(&format!("/api/v1/encounters/{ended}/close"), json!({})).await;
    let quoted = clinic.patient.post("/api/v1/charges", with(charge(&ended), &json!({ "self_pay": true }))).await;
    assert_eq!(clinic.confirm(&quoted).await["status"], "SETTLED");
    let stopped = clinic.visit().await;
    let quoted = clinic.patient.post("/api/v1/charges", charge(&stopped)).await;
    clinic.doctor.post(&format!("/api/v1/encounters/{stopped}/stop"), json!({ "code": "CHEST_PAIN" })).await;
    clinic.patient.refused(&confirm_path(&quoted), confirmation(&quoted), "ENC_RED_FLAG").await;
    quote(&clinic.patient, charge(&stopped)).await.refused("a stopped visit", "ENC_RED_FLAG");
    clinic.balanced().await;
}

/// Confirms both at the same time; how many were settled, the others being refused so.
async fn confirmed_at_once(clinic: &Clinic, quotes: [Value; 2], codes: &[&str]) -> usize {
    let confirm = |quote: Value| {
        let patient = clinic.patient.clone();
        tokio::spawn(async move { patient.ask(Method::POST, &confirm_path(&quote), Some(confirmation(&quote))).await })
    };
    let mut settled = 0;
    for answer in quotes.map(confirm) {
        let answer = answer.await.expect("joined");
        if answer.status.is_success() {
            settled += 1;
        } else {
            assert!(codes.contains(&answer.code()), "{}", answer.text);
        }
    }
    settled
}

async fn nothing_is_billed_that_was_not_ordered(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let visit = clinic.visit().await;
    let orders = format!("/api/v1/encounters/{visit}/orders");
    let strips = |quantity: u32| json!({ "item": STRIPS, "quantity": quantity });
    let (colleague, _) = clinic.hire(Person::new("colleague", "doctor").licensed(&json!({}))).await;
    for (who, body, code) in [
        (&clinic.patient, strips(1), "AUTH_FORBIDDEN"),
        (&clinic.pharmacist, strips(1), "AUTH_FORBIDDEN"),
        (&colleague, strips(1), "AUTH_FORBIDDEN"),
        (&clinic.doctor, strips(0), "BODY_INVALID"),
        (&clinic.doctor, strips(10_001), "BODY_INVALID"),
        (&clinic.doctor, with(strips(1), &json!({ "valid_days": 85 })), "BODY_INVALID"),
        (&clinic.doctor, json!({ "item": "follow-up-visit", "quantity": 1 }), "BODY_INVALID"),
        (&clinic.doctor, json!({ "item": "metformin-500mg-60", "quantity": 1 }), "RX_DRUG_BEFORE_RX"),
        (&clinic.doctor, json!({ "item": "gold", "quantity": 1 }), "BODY_INVALID"),
    ] {
        who.refused(&orders, body, code).await;
    }
    let wanted = |visit: &str, quantity: u32| json!({ "encounter": visit, "items": [{ "item": STRIPS, "quantity": quantity }], "self_pay": true });
    let charges = "/api/v1/charges";
    clinic.patient.refused(charges, wanted(&visit, 1), "ORDER_REQUIRED").await;
    let first = clinic.doctor.post(&orders, with(strips(2), &json!({ "reason": "measures twice a day" }))).await;
    clinic.doctor.post(&orders, strips(1)).await;
    clinic.patient.refused(charges, wanted(&visit, 4), "ORDER_QTY_EXCEEDED").await;
    // What another visit has is not its.
    clinic.patient.refused(charges, wanted(&clinic.visit().await, 1), "ORDER_REQUIRED").await;
    let resource = format!("/fhir/R4/DeviceRequest/{}", first["id"].as_str().expect("an id"));
    let status_of = async || clinic.doctor.get(&resource).await["status"].clone();
    assert_eq!(status_of().await, "active");

    // Of all three, by one of two at once; given back with the bill.
    let quotes =
        [clinic.patient.post(charges, wanted(&visit, 3)).await, clinic.patient.post(charges, wanted(&visit, 3)).await];
    assert_eq!(quotes[0]["total_fen"], 2000 + 3 * 4500);
    let kept = quotes.clone();
    for quote in &kept {
        // The fee decides between the two before the strips do; without it they do.
        assert_eq!(quote["lines"].as_array().map(Vec::len), Some(3));
    }
    assert_eq!(clinic.confirm(&quotes[0]).await["status"], "SETTLED");
    clinic.patient.refused(charges, wanted(&visit, 1), "ORDER_QTY_EXCEEDED").await;
    assert_eq!((status_of().await, &clinic.patient.get(&orders).await[0]["billed"]), (json!("completed"), &json!(2)));
    let answer = clinic.patient.ask(Method::POST, &confirm_path(&kept[1]), Some(confirmation(&kept[1]))).await;
    assert!(["PAY_STATE", "ORDER_QTY_EXCEEDED"].contains(&answer.code()), "{}", answer.text);
    let refund = json!({ "key": "two", "lines": [{ "line": 2, "quantity": 2 }], "reason": "not delivered" });
    let left = clinic.pharmacist.post(&refunds(&kept[0]), refund).await;
    assert_eq!((&left["status"], &left["total_fen"]), (&json!("SETTLED"), &json!(2000 + 4500)));
    assert_eq!(status_of().await, "active");
    // Two quotes without the fee, for what is left of the order.
    let again =
        [clinic.patient.post(charges, wanted(&visit, 2)).await, clinic.patient.post(charges, wanted(&visit, 2)).await];
    assert_eq!(again[0]["total_fen"], 9000);
    assert_eq!(confirmed_at_once(&clinic, again, &["ORDER_QTY_EXCEEDED"]).await, 1);
    clinic.balanced().await;

    // Who ordered takes it back; time ends it too.
    let revoke = format!("/api/v1/orders/{}/revoke", first["id"].as_str().expect("an id"));
    colleague.refused(&revoke, json!(null), "AUTH_FORBIDDEN").await;
    assert_eq!(clinic.doctor.post(&revoke, json!(null)).await["status"], "REVOKED");
    clinic.doctor.refused(&revoke, json!(null), "ORDER_STATE").await;
    let third = clinic.doctor.post(&orders, with(strips(1), &json!({ "valid_days": 1 }))).await;
    let quoted = clinic.patient.post(charges, wanted(&visit, 1)).await;
    clinic.doctor.post(&format!("/api/v1/encounters/{visit}/close"), json!({})).await;
    clinic.doctor.refused(&orders, strips(1), "ENC_STATE").await;
    hospital.advance(24 * 3600 + 1).await;
    clinic.patient.refused(&confirm_path(&quoted), confirmation(&quoted), "PAY_QUOTE_EXPIRED").await;
    clinic.patient.refused(charges, wanted(&visit, 1), "ORDER_QTY_EXCEEDED").await;
    let listed = clinic.patient.get(&orders).await;
    let expired =
        listed.as_array().expect("orders").iter().find(|order| order["id"] == third["id"]).expect("the third");
    assert_eq!((&expired["status"], &expired["billed"]), (&json!("EXPIRED"), &json!(0)));
    let (stranger, _) = clinic.person("stranger").await;
    stranger.hidden(&orders, "NOT_FOUND").await;
}
