//! The books: who owes what, day by day; what the accounts post; months that close.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{id::BillId, time::Day};

use crate::{
    money::{PAYER, bill, figures, insured_by, promote, state_outcome, status},
    support::{
        Client, Person, TestHospital, eventually,
        guest::{Does, PayerGuest},
        on_both_engines,
    },
};

on_both_engines!(
    TestHospital:
    each_day_shows_what_happened_in_it_until_its_month_is_closed,
);

const DAY: i64 = 24 * 3600;
const TRANSACTIONS: &str = "/api/v1/ledger/transactions";
const PERIODS: &str = "/api/v1/ledger/periods";

/// Every column of a statement.
const COLUMNS: [&str; 8] =
    ["opening", "settled", "reversed", "refunded", "remitted", "written_off", "adjusted", "balance"];

fn today(hospital: &TestHospital) -> String {
    Day::of(hospital.now()).to_string()
}

async fn statement(client: &Client, by: &str, from: &str, to: &str) -> Value {
    client.get(&format!("/api/v1/ledger/statement?by={by}&from={from}&to={to}")).await
}

/// The figures of a line, in the order of [`COLUMNS`].
fn figures_of(line: &Value) -> [i64; 8] {
    COLUMNS.map(|column| line[format!("{column}_fen")].as_i64().expect("an amount"))
}

fn lines(statement: &Value) -> Vec<(String, [i64; 8])> {
    let lines = statement["lines"].as_array().expect("lines").iter();
    lines.map(|line| (line["key"].as_str().expect("a key").to_owned(), figures_of(line))).collect()
}

fn line(key: &str, figures: [i64; 8]) -> (String, [i64; 8]) {
    (key.to_owned(), figures)
}

/// By payer, day and doctor the statement comes to the same, and to the balances of the accounts.
async fn all_agree(client: &Client, from: &str, to: &str) {
    let total = |statement: &Value| figures_of(&statement["total"]);
    let days = total(&statement(client, "day", from, to).await);
    for by in ["payer", "doctor"] {
        assert_eq!(total(&statement(client, by, from, to).await), days, "{by}");
    }
    let accounts = statement(client, "account", from, to).await;
    assert_eq!(total(&accounts), [0; 8], "{accounts}");
    let receivable = |(account, figures): &(String, [i64; 8])| account.starts_with("receivable.").then_some(figures[7]);
    assert_eq!(lines(&accounts).iter().filter_map(receivable).sum::<i64>(), days[7]);
    let trial = client.get(&format!("/api/v1/ledger/trial-balance?as_of={to}")).await;
    assert_eq!(trial["balanced"], true);
    let mut balances: Vec<(String, i64)> = trial["accounts"]
        .as_array()
        .expect("accounts")
        .iter()
        .map(|account| (account["account"].as_str().expect("a name").to_owned(), account["fen"].as_i64().expect("fen")))
        .filter(|(_, fen)| *fen != 0)
        .collect();
    let stated = lines(&accounts).into_iter().map(|(account, figures)| (account, figures[7]));
    let mut stated: Vec<(String, i64)> = stated.filter(|(_, fen)| *fen != 0).collect();
    balances.sort();
    stated.sort();
    assert_eq!(balances, stated);
}

async fn each_day_shows_what_happened_in_it_until_its_month_is_closed(hospital: TestHospital) {
    let clinic = insured_by(&hospital, &PayerGuest::settling(&figures())).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    // The days of this test are in one month.
    if &today(&hospital)[8..] > "25" {
        hospital.advance(7 * DAY).await;
    }
    let settled = async || {
        let quote = clinic.quote(&clinic.approved().await).await;
        let confirmed = clinic.confirm(&quote).await;
        (quote, confirmed["status"].as_str().expect("a state").to_owned())
    };

    // Settled today, reversed tomorrow: each day shows its own, and both add up. A bill is 3000 of
    // the fund and 4000 of the patient.
    let first = today(&hospital);
    let ((back, state), (kept, _)) = (settled().await, settled().await);
    assert_eq!(state, "SETTLED");
    hospital.advance(DAY).await;
    let second = today(&hospital);
    accountant.post(&format!("{}/reverse", bill(&back)), json!(null)).await;
    let by_day =
        [line(&first, [0, 14_000, 0, 0, 0, 0, 0, 14_000]), line(&second, [14_000, 0, -7000, 0, 0, 0, 0, 7000])];
    assert_eq!(lines(&statement(&accountant, "day", &first, &second).await), by_day);
    let by_payer =
        [line("patient", [8000, 0, -4000, 0, 0, 0, 0, 4000]), line(PAYER, [6000, 0, -3000, 0, 0, 0, 0, 3000])];
    assert_eq!(lines(&statement(&clinic.administrator, "payer", &second, &second).await), by_payer);
    let by_doctor = lines(&statement(&accountant, "doctor", &first, &second).await);
    assert!(matches!(&by_doctor[..], [(doctor, _)] if doctor.starts_with("acc-")), "{by_doctor:?}");
    all_agree(&accountant, &first, &first).await;
    all_agree(&accountant, &first, &second).await;
    // Pages.
    for (by, pages) in [("day", &by_day), ("payer", &by_payer)] {
        let from = if by == "day" { &first } else { &second };
        let path = format!("/api/v1/ledger/statement?by={by}&from={from}&to={second}&limit=1");
        let page = accountant.get(&path).await;
        assert_eq!(lines(&page), pages[..1], "{page}");
        let next = page["next"].as_str().expect("another page");
        let page = accountant.get(&format!("{path}&after={next}")).await;
        assert_eq!((lines(&page), &page["next"]), (pages[1..].to_vec(), &Value::Null));
    }

    // The fund and the patient pay.
    let remittance = json!({
        "kind": "remittance", "payer": PAYER, "source": "basic_fund", "amount_fen": 3000, "reason": "bank slip 17",
        "id": "txn-00000000000000000000000001",
    });
    for who in [&clinic.administrator, &clinic.doctor, &clinic.cashier] {
        who.refused(TRANSACTIONS, remittance.clone(), "AUTH_FORBIDDEN").await;
    }
    let slip = accountant.post(TRANSACTIONS, remittance.clone()).await;
    assert_eq!((&slip["day"], &slip["reason"]), (&json!(second), &json!("bank slip 17")));
    assert_eq!(clinic.settle_at_counter(kept["id"].as_str().expect("an id")).await["status"], "PAID");
    let with = |change: Value| {
        let mut body = json!({ "kind": "remittance", "payer": PAYER, "source": "basic_fund", "amount_fen": 1 });
        for (field, value) in change.as_object().expect("fields") {
            body[field] = value.clone();
        }
        body
    };
    let unpaid = |bill: &Value| json!({ "kind": "write_off", "source": "cash", "bill": bill, "amount_fen": 1, "reason": "moved away" });
    for (body, code) in [
        (remittance.clone(), "PAY_IDEMPOTENCY_CONFLICT"),
        (with(json!({})), "RECON_BREAK"),
        (with(json!({ "source": "cash", "channel": "counter", "amount_fen": 4001 })), "RECON_BREAK"),
        (with(json!({ "source": "cash" })), "BODY_INVALID"),
        (with(json!({ "source": "cash", "channel": "counter", "bill": kept["id"] })), "BODY_INVALID"),
        (with(json!({ "payer": "test.nobody" })), "NOT_FOUND"),
        (with(json!({ "payer": null })), "BODY_INVALID"),
        (with(json!({ "source": null })), "BODY_INVALID"),
        (with(json!({ "day": "2999-01-01" })), "BODY_INVALID"),
        (with(json!({ "amount_fen": 0 })), "MONEY_INVALID"),
        (with(json!({ "amount_fen": 0.5 })), "MONEY_INVALID"),
        (with(json!({ "kind": "write_off" })), "BODY_INVALID"),
        (with(json!({ "kind": "write_off", "reason": "gone" })), "RECON_BREAK"),
        (with(json!({ "kind": "adjustment", "debit": "bank", "credit": "cash" })), "BODY_INVALID"),
        (with(json!({ "kind": "adjustment", "debit": "bank", "credit": "bank", "reason": "x" })), "LEDGER_UNBALANCED"),
        (
            with(
                json!({ "kind": "adjustment", "debit": "payable.patient", "credit": "bank", "reason": "x", "bill": kept["id"] }),
            ),
            "BODY_INVALID",
        ),
        (with(json!({ "kind": "platform_fee", "amount_fen": 1000, "platform_fen": 600 })), "BODY_INVALID"),
        (json!({ "kind": "receipt", "bill": kept["id"], "amount_fen": 1 }), "BODY_INVALID"),
        (unpaid(&kept["id"]), "REFUND_EXCEEDS"),
        (unpaid(&json!("bill-00000000000000000000000001")), "NOT_FOUND"),
    ] {
        accountant.refused(TRANSACTIONS, body, code).await;
    }
    // A slip of another hospital is taken back, once, and entered again.
    let correct = format!("{TRANSACTIONS}/{}/correct", slip["id"].as_str().expect("an id"));
    accountant.refused(&correct, json!({ "reason": " " }), "BODY_INVALID").await;
    let contra = accountant.post(&correct, json!({ "reason": "another hospital's" })).await;
    assert_eq!((&contra["kind"], &contra["reverses"]), (&json!("contra"), &slip["id"]));
    accountant.refused(&correct, json!({ "reason": "again" }), "PAY_ALREADY_REVERSED").await;
    let contra = format!("{TRANSACTIONS}/{}/correct", contra["id"].as_str().expect("an id"));
    accountant.refused(&contra, json!({ "reason": "again" }), "PAY_ALREADY_REVERSED").await;
    // What a bill booked is taken back with the bill only.
    let records = hospital.hospital.store().tenant(clinic.tenant.parse().expect("a tenant"));
    let of_bill: BillId = kept["id"].as_str().and_then(|id| id.parse().ok()).expect("a bill");
    let settlement = &records.list_transactions(of_bill).await.expect("entries")[0];
    let wrong = json!({ "reason": "wrong" });
    accountant.refused(&format!("{TRANSACTIONS}/{}/correct", settlement.id), wrong, "PAY_STATE").await;
    accountant.post(TRANSACTIONS, with(json!({ "amount_fen": 3000 }))).await;
    let fee = json!({ "kind": "platform_fee", "bill": kept["id"], "amount_fen": 1000, "platform_fen": 600 });
    accountant.post(TRANSACTIONS, fee).await;
    let paid = [line("patient", [8000, 0, -4000, 0, -4000, 0, 0, 0]), line(PAYER, [6000, 0, -3000, 0, -3000, 0, 0, 0])];
    assert_eq!(lines(&statement(&accountant, "payer", &second, &second).await), paid);
    all_agree(&accountant, &second, &second).await;

    // Files.
    let path = format!("/api/v1/ledger/statement/export?by=payer&from={second}&to={second}&format=");
    let file = async |format| accountant.exchange(Method::GET, &format!("{path}{format}"), &[], "").await;
    let csv = file("csv").await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let name = format!("attachment; filename=\"statement-by-payer-{second}-{second}.csv\"");
    assert_eq!(csv.header("content-disposition"), name);
    let rows = format!(
        "payer,{}\npatient,80.00,0.00,-40.00,0.00,-40.00,0.00,0.00,0.00\n\
         {PAYER},60.00,0.00,-30.00,0.00,-30.00,0.00,0.00,0.00\n\
         total,140.00,0.00,-70.00,0.00,-70.00,0.00,0.00,0.00\n",
        COLUMNS.join(",")
    );
    assert_eq!(csv.text(), rows);
    assert_eq!(lines(&file("json").await.json()), paid);
    let mut book = Xlsx::new(Cursor::new(file("xlsx").await.bytes)).expect("a workbook");
    let sheet = book.worksheet_range("statement").expect("a sheet");
    assert_eq!(sheet.get_value((2, 0)), Some(&Data::String(PAYER.to_owned())));
    assert_eq!(sheet.get_value((3, 1)), Some(&Data::Float(140.0)));
    assert_eq!(file("pdf").await.code(), "BODY_INVALID");

    // A month closes when it is over and every outcome in it is known, for ever.
    promote(&clinic, &PayerGuest { settle: Does::Panic, query: Does::Other, ..PayerGuest::settling(&figures()) }).await;
    let (unknown, state) = settled().await;
    assert_eq!(state, "UNKNOWN");
    accountant.refused(TRANSACTIONS, unpaid(&unknown["id"]), "PAY_STATE").await;
    let month = json!({ "period": first[..7] });
    accountant.refused(PERIODS, month.clone(), "LEDGER_NOT_CLOSABLE").await;
    hospital.advance(40 * DAY).await;
    let last = today(&hospital);
    let refused = accountant.refused(PERIODS, month.clone(), "LEDGER_NOT_CLOSABLE").await;
    // With what is not dispensed, which is not taken back beside it.
    assert!(refused["bills"].as_array().is_some_and(|bills| bills.contains(&unknown["id"])), "{refused}");
    state_outcome(&accountant, &unknown, false).await;
    eventually("the refund", async || status(&clinic, &kept).await == "REVERSED").await;
    clinic.administrator.refused(PERIODS, month.clone(), "AUTH_FORBIDDEN").await;
    let closed = accountant.post(PERIODS, month.clone()).await;
    assert_eq!((&closed["period"], &closed["intact"]), (&json!(first[..7]), &json!(true)));
    accountant.refused(PERIODS, month, "LEDGER_CLOSED").await;
    let late = with(json!({ "kind": "capitation_prepayment" }));
    for day in [&first, &second] {
        let mut body = late.clone();
        body["day"] = json!(day);
        accountant.refused(TRANSACTIONS, body, "LEDGER_CLOSED").await;
    }
    assert_eq!(accountant.post(TRANSACTIONS, late).await["day"], json!(last));

    // What was not dispensed is refunded meanwhile, with all that was booked of it: the fund, which
    // has remitted for it, has a credit of 3000.
    eventually("the refund", async || status(&clinic, &kept).await == "REVERSED").await;
    let refund = [line("patient", [0, 0, -4000, 4000, 0, 0, 0, 0]), line(PAYER, [0, 0, -3000, 0, 0, 0, 0, -3000])];
    assert_eq!(lines(&statement(&accountant, "payer", &last, &last).await), refund);
    assert_eq!(lines(&statement(&accountant, "day", &first, &second).await)[0], by_day[0]);
    all_agree(&accountant, &first, &last).await;
    let periods = accountant.get(PERIODS).await;
    assert_eq!((periods.as_array().map(Vec::len), &periods[0]["intact"]), (Some(1), &json!(true)));
    let paths = ["by=moon&from=2026-01-01&to=2026-01-02", "by=day&from=2026-01-02&to=2026-01-01", "by=day&from=x&to=y"];
    for query in paths {
        accountant.hidden(&format!("/api/v1/ledger/statement?{query}"), "BODY_INVALID").await;
    }
}
