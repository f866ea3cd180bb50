//! The patient's share in money: at a payment channel in a server of its own, at the counter, back again, and
//! compared with the channel's statements.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{ledger::Period, time::Day};
use xinglin_store::Engine;

use crate::{
    money::{bill, figures, insured_by, promote, state_outcome, status},
    support::{
        Clinic, Person, TestHospital,
        cash_channel::{BOTH, PaymentChannel},
        clinic::{confirm_path, confirmation, id},
        eventually,
        guest::{Does, Figures, PayerGuest},
        on_both_engines,
    },
};

on_both_engines!(
    Stage:
    each_channel_is_paid_and_heard_once,
    what_is_not_owed_goes_back_by_itself,
    an_unpaid_order_frees_what_it_held,
    an_unpaid_visit_lapses,
    a_reversed_bill_is_refunded_however_often_the_channel_fails,
    a_part_that_is_given_back_goes_back_by_the_channel,
    the_counter_takes_money_and_hands_it_back,
    a_statement_shows_every_difference,
);

const DAY: i64 = 24 * 3600;
/// A hospital with a payment channel beside it.
struct Stage {
    hospital: TestHospital,
    channel: PaymentChannel,
}

impl Stage {
    async fn open(engine: Engine) -> Self {
        let hospital =
            TestHospital::open_with(engine, |config| config.egress.open_networks = vec!["127.0.0.1/32".to_owned()])
                .await;
        Self { hospital, channel: PaymentChannel::open().await }
    }

    /// A clinic whose patient is insured (3000 of the fund, 4000 their own), with both channels.
    async fn clinic(&self) -> Clinic {
        let clinic = insured_by(&self.hospital, &PayerGuest::settling(&figures())).await;
        self.channel.set_up(&clinic).await;
        clinic
    }

    /// Both clocks.
    async fn advance(&self, seconds: i64) {
        self.channel.advance(seconds).await;
        self.hospital.advance(seconds).await;
        self.hospital.hospital.do_due_work().await;
    }
}

fn payments(quote: &Value) -> String {
    format!("{}/payments", bill(quote))
}

/// The patient's share, as they see it.
async fn cash(clinic: &Clinic, quote: &Value) -> Value {
    clinic.patient.get(&payments(quote)).await
}

/// The share in this state, once a job that is at it has ended.
async fn cash_is(clinic: &Clinic, quote: &Value, status: &str) -> Value {
    eventually(&format!("the share is {status}"), async || cash(clinic, quote).await["status"] == status).await;
    cash(clinic, quote).await
}

/// An order that the payers have settled, whose patient has 4000 to pay.
async fn due(clinic: &Clinic) -> (String, Value) {
    let path = clinic.approved().await;
    let quote = clinic.quote(&path).await;
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    let cash = cash_is(clinic, &quote, "DUE").await;
    assert_eq!(cash["owed_fen"], 4000);
    (path, quote)
}

/// Opens an order at a channel; its name there.
async fn order(clinic: &Clinic, quote: &Value, channel: &str) -> Value {
    let opened = clinic.patient.post(&payments(quote), json!({ "channel": channel })).await;
    assert!(opened["pay"]["code_url"].is_string(), "{opened}");
    opened["orders"].as_array().and_then(|orders| orders.last()).expect("an order")["name"].clone()
}

/// The balance of an account, in fen.
async fn balance(clinic: &Clinic, account: &str) -> i64 {
    let trial = clinic.balanced().await;
    let accounts = trial["accounts"].as_array().expect("accounts");
    accounts.iter().find(|one| one["account"] == account).map_or(0, |one| one["fen"].as_i64().expect("fen"))
}

/// The books have this cash and owe the patient this, once a job that is at it has ended.
async fn books_have(clinic: &Clinic, cash: i64, owed_to_patients: i64) {
    eventually(&format!("cash of {cash} and {owed_to_patients} owed to patients"), async || {
        (balance(clinic, "cash").await, -balance(clinic, "payable.patient").await) == (cash, owed_to_patients)
    })
    .await;
}

async fn each_channel_is_paid_and_heard_once(stage: Stage) {
    let clinic = stage.clinic().await;
    let settings = format!("/api/v1/tenants/{}/cash-channels", clinic.tenant);
    let shown = clinic.administrator.get(&settings).await.to_string();
    assert!(shown.contains("notices") && !shown.contains("PRIVATE KEY") && !shown.contains("api-v3-key"), "{shown}");
    clinic.doctor.hidden(&settings, "AUTH_FORBIDDEN").await;
    let other = stage.hospital.clinic(&[]).await;
    clinic.administrator.hidden(&format!("/api/v1/tenants/{}/cash-channels", other.tenant), "NOT_FOUND").await;
    let forged = json!({ "app_id": "a", "merchant": "m", "private_key": "x", "keys": [{ "public_key": "x" }] });
    clinic
        .administrator
        .ask(Method::PUT, &format!("{settings}/alipay"), Some(forged))
        .await
        .refused("keys", "CASH_CHANNEL");

    let mut cashed = 0;
    for channel in BOTH {
        let (path, quote) = due(&clinic).await;
        // Nobody else opens it, and nothing is handed out before the money is there.
        other.patient.refused(&payments(&quote), json!({ "channel": channel }), "NOT_FOUND").await;
        let name = order(&clinic, &quote, channel).await;
        assert_eq!(order(&clinic, &quote, channel).await, name, "asked again, the same order is given");
        let handout = json!({ "prepared_by": clinic.assistant_id, "handouts": [] });
        clinic.pharmacist.refused(&format!("{path}/dispense"), handout.clone(), "PAY_DUE").await;
        // Forged, of another amount, of another merchant: refused, and nothing changes.
        for (lie, answer) in [
            (json!({ "forged": true }), 401),
            (json!({ "claim": 1 }), 409),
            (json!({ "merchant": "1900000002" }), 409),
            (json!({ "claim": 1 }), 409),
        ] {
            assert_eq!(stage.channel.notify(&name, lie.clone()).await, [answer], "{channel} {lie}");
            cash_is(&clinic, &quote, "DUE").await;
        }
        // Twice at once, again byte for byte, and anew: one receipt.
        assert_eq!(
            stage.channel.pay(&name, json!({ "notices": 2 })).await,
            [if channel == "alipay" { 200 } else { 204 }; 2]
        );
        for again in [json!({ "same": true }), json!({})] {
            assert!(stage.channel.notify(&name, again).await[0] < 300);
        }
        let paid = cash_is(&clinic, &quote, "PAID").await;
        assert_eq!((paid["received"].as_array().map(Vec::len), &paid["refunds"]), (Some(1), &json!([])), "{paid}");
        cashed += 4000;
        books_have(&clinic, cashed, 0).await;
        clinic.patient.refused(&payments(&quote), json!({ "channel": channel }), "PAY_STATE").await;
        // What was heard is not repeated later.
        if channel == "wechat-pay" {
            stage.advance(301).await;
            assert_eq!(stage.channel.notify(&name, json!({ "same": true })).await, [401]);
        }
        let handout = clinic.handout(&path).await;
        assert_eq!(clinic.pharmacist.post(&format!("{path}/dispense"), handout).await["status"], "DISPENSED");
    }
    // A notice for an order of this hospital, sent to the address of another: it has no such channel, or order.
    let (_, quote) = due(&clinic).await;
    let name = order(&clinic, &quote, "wechat-pay").await;
    let there = stage.channel.client.get("/simulate/settings").await["wechat-pay"].clone();
    let elsewhere = format!("/api/v1/cash/{}/wechat-pay/notices", other.tenant);
    assert_eq!(stage.hospital.anyone.ask(Method::POST, &elsewhere, Some(json!({}))).await.status, 404);
    other.administrator.put(&format!("/api/v1/tenants/{}/cash-channels/wechat-pay", other.tenant), there).await;
    assert_eq!(
        stage.hospital.anyone.ask(Method::POST, &elsewhere, Some(json!({}))).await.code(),
        "CASH_NOTICE_INVALID"
    );
    // The answer to the order is lost: asked again, that one is closed, and another opened. The notice is lost:
    // the channel is asked.
    let another = order(&clinic, &quote, "alipay").await;
    assert_ne!(another, name, "another channel has another order");
    clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await;
    eventually("it is closed", async || cash(&clinic, &quote).await["orders"][1]["open"] == false).await;
    let (_, quote) = due(&clinic).await;
    stage.channel.fault("prepare", "lose-answer").await;
    let asked = json!({ "channel": "wechat-pay" });
    let lost = clinic.patient.ask(Method::POST, &payments(&quote), Some(asked)).await;
    assert_eq!((lost.status.as_u16(), lost.code()), (503, "PAY_UNAVAILABLE"), "{}", lost.text);
    let name = order(&clinic, &quote, "wechat-pay").await;
    assert_eq!(cash(&clinic, &quote).await["orders"][0]["open"], false);
    stage.channel.pay(&name, json!({ "notices": 0 })).await;
    stage.channel.fault("query", "bad-signature").await;
    stage.advance(61).await;
    cash_is(&clinic, &quote, "DUE").await;
    stage.advance(121).await;
    cash_is(&clinic, &quote, "PAID").await;
    // The notice comes before the answer.
    let (_, quote) = due(&clinic).await;
    stage.channel.fault("prepare", "pay-before-answer").await;
    order(&clinic, &quote, "alipay").await;
    cash_is(&clinic, &quote, "PAID").await;
    // What was named as a difference is one row each, whatever was repeated.
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let found = accountant.get("/api/v1/cash/differences").await;
    let mut kinds: Vec<&str> = found.as_array().expect("rows").iter().filter_map(|row| row["kind"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["amount", "amount", "another_merchant", "another_merchant"]);
    assert!(
        found.as_array().expect("rows").iter().all(|row| row["code"] == "RECON_BREAK" && row["owner"] == "accountant")
    );
}

async fn what_is_not_owed_goes_back_by_itself(stage: Stage) {
    let clinic = stage.clinic().await;
    let mut kept = 0;
    for channel in BOTH {
        // Twice, more than is due, less than is due.
        let (_, quote) = due(&clinic).await;
        let name = order(&clinic, &quote, channel).await;
        stage.channel.pay(&name, json!({})).await;
        assert!(stage.channel.pay(&name, json!({ "again": true })).await[0] < 300);
        kept += 4000;
        let paid = cash_is(&clinic, &quote, "PAID").await;
        assert_eq!((&paid["refunds"][0]["cause"], &paid["refunds"][0]["amount_fen"]), (&json!("double"), &json!(4000)));
        let (_, quote) = due(&clinic).await;
        let name = order(&clinic, &quote, channel).await;
        // The notice is refused, the channel is asked, and what it says counts.
        assert_eq!(stage.channel.pay(&name, json!({ "amount": 4050 })).await, [409]);
        stage.advance(61).await;
        kept += 4000;
        let paid = cash_is(&clinic, &quote, "PAID").await;
        assert_eq!((&paid["refunds"][0]["cause"], &paid["refunds"][0]["amount_fen"]), (&json!("surplus"), &json!(50)));
        let (_, quote) = due(&clinic).await;
        let name = order(&clinic, &quote, channel).await;
        assert_eq!(stage.channel.pay(&name, json!({ "amount": 3999 })).await, [409]);
        stage.advance(61).await;
        let heard = async || cash(&clinic, &quote).await["refunds"][0].is_object();
        eventually("it is heard", heard).await;
        let short = cash_is(&clinic, &quote, "DUE").await;
        assert_eq!(
            (&short["refunds"][0]["cause"], &short["refunds"][0]["amount_fen"]),
            (&json!("short"), &json!(3999))
        );
        // All of it goes back; the channel has what the books have.
        for _ in 0..3 {
            stage.advance(61).await;
        }
        books_have(&clinic, kept, 0).await;
        assert_eq!(stage.channel.kept().await, kept, "{channel}");
        clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await;
    }
}

async fn an_unpaid_order_frees_what_it_held(stage: Stage) {
    let clinic = stage.clinic().await;
    for channel in ["alipay", "wechat-pay"] {
        let (path, quote) = due(&clinic).await;
        let name = order(&clinic, &quote, channel).await;
        assert_eq!(clinic.doctor.get(&path).await["status"], "RESERVED");
        // The channel does not answer: the bill stands until it says that the order is closed.
        stage.channel.fault("query", "fail").await;
        stage.advance(30 * 60 + 1).await;
        assert_eq!(status(&clinic, &quote).await, "SETTLED");
        cash_is(&clinic, &quote, "DUE").await;
        clinic.patient.refused(&payments(&quote), json!({ "channel": channel }), "PAY_STATE").await;
        for _ in 0..3 {
            stage.advance(1900).await;
        }
        eventually("it lapses", async || status(&clinic, &quote).await == "REVERSED").await;
        let lapsed = cash_is(&clinic, &quote, "LAPSED").await;
        assert_eq!(lapsed["orders"][0]["open"], false);
        assert_eq!(clinic.doctor.get(&path).await["status"], "EFFECTIVE", "the prescription can be ordered again");
        assert_eq!(balance(&clinic, "receivable.basic-fund").await, 0, "the fund has its share back");
        books_have(&clinic, 0, 0).await;
        let told = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await.to_string();
        assert!(told.contains("lapsed"), "{told}");
        let counter = json!({ "amount_fen": 4000, "receipt": "late" });
        clinic.cashier.refused(&format!("{}/counter", payments(&quote)), counter, "PAY_STATE").await;
        // A payment that was under way arrives all the same, and goes back.
        if channel == "alipay" {
            continue;
        }
        assert_eq!(stage.channel.notify(&name, json!({})).await, [204]);
        let late = cash_is(&clinic, &quote, "LAPSED").await;
        assert_eq!(late["refunds"][0]["cause"], "late", "{late}");
        books_have(&clinic, 4000, 4000).await;
        // The channel has no such transaction to refund: it is the accountant's.
        stage.advance(120).await;
        let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
        let listed = accountant.get("/api/v1/charges/unresolved").await;
        assert_eq!((&listed[0]["id"], &listed[0]["channel"]), (&quote["id"], &json!("wechat-pay")), "{listed}");
    }
}

/// Of a visit (2000) and strips (4500) the strips are given back: before they are paid, less is due; afterwards
/// they go back.
async fn a_part_that_is_given_back_goes_back_by_the_channel(stage: Stage) {
    let clinic = stage.clinic().await;
    let strips = json!({ "item": "glucose-test-strips-50", "quantity": 1 });
    let back = json!({ "key": "strips", "lines": [{ "line": 2, "quantity": 1 }], "reason": "returned" });
    for (channel, kept) in BOTH.into_iter().zip([2000, 4000]) {
        for is_paid in [true, false] {
            let visit = clinic.visit().await;
            clinic.doctor.post(&format!("/api/v1/encounters/{visit}/orders"), strips.clone()).await;
            let ask = json!({ "encounter": visit, "items": [strips], "self_pay": true });
            let quote = clinic.patient.post("/api/v1/charges", ask).await;
            assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
            let first = order(&clinic, &quote, channel).await;
            if is_paid {
                stage.channel.pay(&first, json!({})).await;
            }
            let reduced = clinic.pharmacist.post(&format!("{}/refunds", bill(&quote)), back.clone()).await;
            assert_eq!((&reduced["status"], &reduced["total_fen"]), (&json!("SETTLED"), &json!(2000)), "{reduced}");
            if is_paid {
                let share = cash_is(&clinic, &quote, "PAID").await;
                let refund = &share["refunds"][0];
                assert_eq!((&refund["cause"], &refund["amount_fen"]), (&json!("reduction"), &json!(4500)), "{share}");
                // Sent, and asked after; what the channel does not tell says nothing of it.
                stage.channel.fault("refund-query", "refuse").await;
                for _ in 0..4 {
                    stage.advance(121).await;
                }
                let done = async || cash(&clinic, &quote).await["refunds"][0]["stage"] == "done";
                eventually("it is done", done).await;
                let refunds = cash(&clinic, &quote).await["refunds"].clone();
                assert_eq!((refunds.as_array().map(Vec::len), &refunds[0]["stage"]), (Some(1), &json!("done")));
            } else {
                // What was offered for the former amount is closed, and another order is for the rest.
                let second = order(&clinic, &quote, channel).await;
                let share = cash_is(&clinic, &quote, "DUE").await;
                let orders =
                    [0, 1].map(|at| (share["orders"][at]["open"].clone(), share["orders"][at]["amount_fen"].clone()));
                assert_eq!(orders, [(json!(false), json!(6500)), (json!(true), json!(2000))], "{share}");
                clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await;
                // Paid all the same, before the jobs have closed it: it goes back.
                stage.channel.pay_if_open(&second, json!({})).await;
                for _ in 0..3 {
                    stage.advance(61).await;
                }
                cash_is(&clinic, &quote, "LAPSED").await;
            }
            books_have(&clinic, kept, 0).await;
            assert_eq!(stage.channel.kept().await, kept, "{channel} {is_paid}");
        }
    }
}

/// A visit that is billed alone lapses, too, and its fee can be charged again.
async fn an_unpaid_visit_lapses(stage: Stage) {
    let clinic = stage.clinic().await;
    let fee = Figures { lines: vec![[0, 0, 0, 2000]], parts: [1200, 800], insurer: 0, accumulator: 0 };
    promote(&clinic, &PayerGuest::settling(&fee)).await;
    for self_pay in [true, false] {
        let visit = clinic.visit().await;
        let ask = json!({ "encounter": visit, "self_pay": self_pay });
        let quote = clinic.patient.post("/api/v1/charges", ask.clone()).await;
        assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        stage.advance(30 * 60 + 1).await;
        eventually("it lapses", async || status(&clinic, &quote).await == "REVERSED").await;
        assert_eq!(clinic.balanced().await["debit_fen"], 0);
        clinic.patient.post("/api/v1/charges", ask).await;
    }
}

async fn a_reversed_bill_is_refunded_however_often_the_channel_fails(stage: Stage) {
    let clinic = stage.clinic().await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    for channel in BOTH {
        let (_, quote) = due(&clinic).await;
        stage.channel.pay(&order(&clinic, &quote, channel).await, json!({})).await;
        stage.channel.fault("refund", "refuse").await;
        stage.channel.fault("refund", "lose-answer").await;
        assert_eq!(clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await["status"], "REVERSED");
        stage.advance(1).await;
        books_have(&clinic, 4000, 4000).await;
        let back = cash_is(&clinic, &quote, "REFUNDING").await;
        assert_eq!((&back["refunds"][0]["stage"], &back["refunds"][1]["stage"]), (&json!("failed"), &json!("waiting")));
        let listed = accountant.get("/api/v1/charges/unresolved").await;
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!((&listed[0]["id"], &listed[0]["channel"]), (&quote["id"], &json!(channel)));
        assert_eq!(listed[0]["refusals"].as_array().map(Vec::len), Some(1), "{listed}");
        // Its answer is lost: it is asked after, and not sent again.
        for _ in 0..4 {
            stage.advance(200).await;
        }
        let back = cash_is(&clinic, &quote, "REFUNDED").await;
        assert_eq!((back["refunds"].as_array().map(Vec::len), &back["refunds"][1]["stage"]), (Some(2), &json!("done")));
        books_have(&clinic, 0, 0).await;
        assert_eq!(stage.channel.kept().await, 0);
        assert_eq!(accountant.get("/api/v1/charges/unresolved").await, json!([]));
        // A notice of it comes late, and another after that.
        for _ in 0..2 {
            let refund = json!({ "refund": back["refunds"][1]["name"] });
            assert!(stage.channel.notify(&Value::Null, refund).await[0] < 300);
        }
        cash_is(&clinic, &quote, "REFUNDED").await;
    }
    // WeChat Pay accepts a refund and closes it later.
    let (_, quote) = due(&clinic).await;
    stage.channel.pay(&order(&clinic, &quote, "wechat-pay").await, json!({})).await;
    stage.channel.fault("refund", "end-closed").await;
    clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await;
    stage.advance(1).await;
    let name = cash_is(&clinic, &quote, "REFUNDING").await["refunds"][0]["name"].clone();
    assert_eq!(stage.channel.notify(&Value::Null, json!({ "refund": name })).await, [204]);
    for _ in 0..4 {
        stage.advance(200).await;
    }
    cash_is(&clinic, &quote, "REFUNDED").await;
    assert_eq!(stage.channel.kept().await, 0);
    books_have(&clinic, 0, 0).await;
    // Paid while its payer is asked to take it back, which it does not: it pays the bill once it stands again.
    let (_, quote) = due(&clinic).await;
    let name = order(&clinic, &quote, "alipay").await;
    promote(&clinic, &PayerGuest { reverse: Does::Panic, query: Does::Other, ..PayerGuest::settling(&figures()) })
        .await;
    clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await;
    assert_eq!(status(&clinic, &quote).await, "UNKNOWN");
    stage.channel.pay(&name, json!({})).await;
    books_have(&clinic, 4000, 4000).await;
    stage.advance(31).await;
    assert_eq!(state_outcome(&accountant, &quote, false).await["status"], "SETTLED");
    assert_eq!(cash_is(&clinic, &quote, "PAID").await["owed_fen"], 4000);
    books_have(&clinic, 4000, 0).await;
    assert_eq!(balance(&clinic, "receivable.patient").await, 0);
}

async fn the_counter_takes_money_and_hands_it_back(stage: Stage) {
    // Without any channel it is due as long as the order stands.
    let clinic = insured_by(&stage.hospital, &PayerGuest::settling(&figures())).await;
    let (path, quote) = due(&clinic).await;
    assert_eq!(cash(&clinic, &quote).await["until"], Value::Null);
    clinic.patient.refused(&payments(&quote), json!({ "channel": "alipay" }), "CASH_CHANNEL").await;
    assert_eq!(clinic.patient.post(&payments(&quote), json!({ "channel": "counter" })).await["pay"], Value::Null);
    let counter = format!("{}/counter", payments(&quote));
    let pay = |fen: i64, receipt: &str| json!({ "amount_fen": fen, "receipt": receipt });
    for (who, body, code) in [
        (&clinic.pharmacist, pay(4000, "R1"), "AUTH_FORBIDDEN"),
        (&clinic.patient, pay(4000, "R1"), "AUTH_FORBIDDEN"),
        (&clinic.cashier, pay(3999, "R1"), "MONEY_INVALID"),
        (&clinic.cashier, pay(-1, "R1"), "MONEY_INVALID"),
        (&clinic.cashier, pay(4000, ""), "BODY_INVALID"),
    ] {
        who.refused(&counter, body, code).await;
    }
    for _ in 0..2 {
        assert_eq!(clinic.cashier.post(&counter, pay(4100, "R1")).await["status"], "PAID");
    }
    clinic.cashier.refused(&counter, pay(4000, "R1"), "RECON_BREAK").await;
    clinic.cashier.refused(&counter, pay(4000, "R2"), "PAY_STATE").await;
    books_have(&clinic, 4100, 100).await;
    let back = format!("{}/hand-back", payments(&quote));
    clinic.cashier.refused(&back, pay(101, "R3"), "REFUND_EXCEEDS").await;
    for _ in 0..2 {
        clinic.cashier.post(&back, pay(100, "R3")).await;
    }
    clinic.cashier.refused(&back, pay(1, "R3"), "PAY_IDEMPOTENCY_CONFLICT").await;
    clinic.cashier.refused(&back, pay(1, "R4"), "PAY_STATE").await;
    books_have(&clinic, 4000, 0).await;
    // By channel the books say what is in which till.
    let today = Day::of(stage.hospital.now()).to_string();
    let by_channel = format!("/api/v1/ledger/statement?by=channel&from={today}&to={today}");
    let lines = clinic.administrator.get(&by_channel).await;
    assert_eq!((&lines["lines"][0]["key"], &lines["lines"][0]["balance_fen"]), (&json!("counter"), &json!(4000)));
    let receipt = json!({ "kind": "receipt", "bill": quote["id"], "amount_fen": 1 });
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    accountant.refused("/api/v1/ledger/transactions", receipt, "BODY_INVALID").await;
    // The order is taken back: the money waits at the counter.
    clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await;
    books_have(&clinic, 4000, 4000).await;
    assert_eq!(accountant.get("/api/v1/charges/unresolved").await[0]["channel"], "counter");
    assert_eq!(clinic.settle_at_counter(id(&bill(&quote))).await["status"], "REFUNDED");
    books_have(&clinic, 0, 0).await;
    assert_eq!(clinic.doctor.get(&path).await["status"], "EFFECTIVE");
    // Unpaid, the order ends with its prescription.
    let (path, quote) = due(&clinic).await;
    stage.advance(4 * DAY).await;
    eventually("it ends", async || status(&clinic, &quote).await == "REVERSED").await;
    cash_is(&clinic, &quote, "LAPSED").await;
    eventually("it expires", async || clinic.doctor.get(&path).await["status"] == "EXPIRED").await;
    // An order at a channel is closed before money is taken at the counter.
    let clinic = stage.clinic().await;
    let (_, quote) = due(&clinic).await;
    let name = order(&clinic, &quote, "wechat-pay").await;
    clinic.cashier.post(&format!("{}/counter", payments(&quote)), pay(4000, "R1")).await;
    let answer = stage.channel.client.ask(Method::POST, "/simulate/pay", Some(json!({ "order": name }))).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    // What the accounts write off is not due any more, and is again if it was a mistake.
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let (_, quote) = due(&clinic).await;
    // Its payer takes no other bill of the patient that would rest on it, until it is paid or cancelled.
    let other = clinic.quote(&clinic.approved().await).await;
    let refused = clinic.patient.refused(&confirm_path(&other), confirmation(&other), "PAY_DUE").await;
    assert_eq!(refused["bill"], quote["id"]);
    let before = balance(&clinic, "cash").await;
    let write_off = async |fen: i64| {
        let body = json!({ "kind": "write_off", "source": "cash", "bill": quote["id"], "amount_fen": fen, "reason": "hardship" });
        accountant.post("/api/v1/ledger/transactions", body).await
    };
    let first = write_off(1500).await;
    assert_eq!(cash_is(&clinic, &quote, "DUE").await["due_fen"], 2500);
    let correct = format!("/api/v1/ledger/transactions/{}/correct", first["id"].as_str().expect("an id"));
    accountant.post(&correct, json!({ "reason": "another bill's" })).await;
    assert_eq!(cash_is(&clinic, &quote, "DUE").await["due_fen"], 4000);
    write_off(3999).await;
    let paid = clinic.settle_at_counter(id(&bill(&quote))).await;
    assert_eq!((&paid["status"], &paid["owed_fen"]), (&json!("PAID"), &json!(1)), "{paid}");
    assert_eq!(balance(&clinic, "cash").await, before + 1);
    // Nothing is owed of what is written off whole: it is dispensed, and taken back with nothing to give back.
    let (path, quote) = due(&clinic).await;
    let all =
        json!({ "kind": "write_off", "source": "cash", "bill": quote["id"], "amount_fen": 4000, "reason": "hardship" });
    accountant.post("/api/v1/ledger/transactions", all).await;
    assert_eq!(cash_is(&clinic, &quote, "PAID").await["owed_fen"], 0);
    let handout = clinic.handout(&path).await;
    assert_eq!(clinic.pharmacist.post(&format!("{path}/dispense"), handout).await["status"], "DISPENSED");
    let (_, quote) = due(&clinic).await;
    let all =
        json!({ "kind": "write_off", "source": "cash", "bill": quote["id"], "amount_fen": 4000, "reason": "hardship" });
    accountant.post("/api/v1/ledger/transactions", all).await;
    clinic.patient.post(&format!("{}/cancel", bill(&quote)), json!(null)).await;
    cash_is(&clinic, &quote, "LAPSED").await;
    books_have(&clinic, before + 1, 0).await;
}

async fn a_statement_shows_every_difference(stage: Stage) {
    let clinic = stage.clinic().await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    // All of it at noon of the last day of a month.
    let now = stage.hospital.now();
    let noon = Period::of(Day::of(now.plus_days(1))).last().start().plus_hours(12);
    stage.advance((noon.micros() - now.micros()) / 1_000_000 + 1).await;
    let day = Day::of(stage.hospital.now()).to_string();
    for channel in BOTH {
        let (_, good) = due(&clinic).await;
        stage.channel.pay(&order(&clinic, &good, channel).await, json!({})).await;
        let (_, back) = due(&clinic).await;
        stage.channel.pay(&order(&clinic, &back, channel).await, json!({})).await;
        clinic.patient.post(&format!("{}/cancel", bill(&back)), json!(null)).await;
        for _ in 0..2 {
            stage.advance(61).await;
        }
        cash_is(&clinic, &back, "REFUNDED").await;
    }
    // Money that the channel has, and never told.
    let (_, untold) = due(&clinic).await;
    let name = order(&clinic, &untold, "wechat-pay").await;
    stage.channel.pay(&name, json!({ "notices": 0 })).await;
    let compare = |channel: &str, more: Value| {
        let mut body = json!({ "channel": channel, "day": day });
        for (field, value) in more.as_object().into_iter().flatten() {
            body[field] = value.clone();
        }
        body
    };
    const STATEMENTS: &str = "/api/v1/cash/statements";
    accountant.refused(STATEMENTS, compare("wechat-pay", json!({})), "BODY_INVALID").await;
    stage.advance(DAY).await;
    clinic.cashier.refused(STATEMENTS, compare("wechat-pay", json!({})), "AUTH_FORBIDDEN").await;
    for (channel, rows) in [("wechat-pay", 4), ("alipay", 3)] {
        let agreed = accountant.post(STATEMENTS, compare(channel, json!({}))).await;
        assert_eq!(
            (&agreed["theirs"], &agreed["ours"], &agreed["differences"]),
            (&json!(rows), &json!(rows), &json!([])),
            "{agreed}"
        );
    }
    // An uploaded file without a row, and with one too many.
    let book = stage.channel.client.get("/simulate/books").await;
    let paid = |name: &Value| {
        let orders = book["orders"].as_array().expect("orders").iter();
        orders.clone().find(|order| order["name"] == *name).expect("the order")["payments"][0]["transaction"].clone()
    };
    let transaction = paid(&name);
    let head = "交易状态,微信订单号,商户订单号,微信退款单号,商户退款单号,订单金额,申请退款金额\n";
    let row = |transaction: &Value, name: &Value, yuan: &str| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("`SUCCESS,`{},`{},`0,`0,`{yuan},`0.00\n", text(transaction), text(name))
    };
    let file = format!("{head}{}{}", row(&transaction, &name, "40.01"), row(&json!("42"), &json!("somebody"), "1.00"));
    let upload = |file: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        compare("wechat-pay", json!({ "file": STANDARD.encode(file) }))
    };
    accountant.refused(STATEMENTS, upload("nonsense"), "BODY_INVALID").await;
    let found = accountant.post(STATEMENTS, upload(&file)).await;
    let kinds = |found: &Value| {
        let rows = found.as_array().expect("rows").iter().map(|row| row["kind"].as_str().expect("a kind").to_owned());
        let mut kinds: Vec<String> = rows.collect();
        kinds.sort();
        kinds
    };
    let expected = ["amount", "missing_here", "missing_there", "missing_there", "missing_there"];
    assert_eq!(kinds(&found["differences"]), expected, "{found}");
    // The month does not close with them. They are explained, or the true statement agrees.
    let month = json!({ "period": day[..7] });
    let refused = accountant.refused("/api/v1/ledger/periods", month.clone(), "RECON_BREAK").await;
    assert_eq!(refused["differences"].as_array().map(Vec::len), Some(5), "{refused}");
    let strange =
        found["differences"].as_array().expect("rows").iter().find(|row| row["kind"] == "missing_here").expect("one");
    let resolve = format!("/api/v1/cash/differences/{}/resolve", strange["id"].as_str().expect("an id"));
    accountant.refused(&resolve, json!({ "reason": " " }), "BODY_INVALID").await;
    let explained = accountant.post(&resolve, json!({ "reason": "another hospital's, letter of today" })).await;
    assert_eq!(explained["state"], "explained");
    accountant.refused(&resolve, json!({ "reason": "again" }), "PAY_STATE").await;
    let agreed = accountant.post(STATEMENTS, compare("wechat-pay", json!({}))).await;
    assert_eq!(agreed["differences"], json!([]), "{agreed}");
    assert_eq!(accountant.get("/api/v1/cash/differences?state=agreed").await.as_array().map(Vec::len), Some(4));
    assert_eq!(accountant.post("/api/v1/ledger/periods", month).await["period"], json!(day[..7]));
}
