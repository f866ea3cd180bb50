//! Payments, coverages and the ledger.

use serde_json::json;
use xinglin_domain::{
    id::{AccountId, BillId, BreakId, PrescriptionId, TransactionId},
    money::Money,
};
use xinglin_store::{
    Balance, ClosedPeriod, Coverage, Document, Engine, Operation, OperationState, PayerClaim, PayerRemittance, Posting,
    Queue, ReconciliationBreak, Result, Started, StatementKey, StatementQuery, StoreError, Summed, Tenant, Transaction,
    testing,
};

use crate::{Bench, at, body, code_of, contract, document, here_id};

contract!(
    a_payment_is_started_once_and_followed,
    a_coverage_changes_by_version,
    the_ledger_balances_or_refuses,
    a_transaction_is_reversed_once,
    a_trial_balance_of_huge_amounts_is_exact,
    the_ledger_only_grows,
    a_closed_month_takes_no_more,
    a_closing_waits_for_who_is_posting,
    the_ledger_is_summed_by_its_dimensions,
    entries_of_the_release_before_are_typed,
    differences_have_an_owner_until_they_are_resolved,
);

pub(crate) fn bill_id() -> BillId {
    BillId::from_u128(1)
}

pub(crate) async fn bill(tenant: &Tenant) -> Result<()> {
    let tx = tenant.begin().await?;
    tx.insert_document(&document(bill_id(), "pat-1", "quoted", at(0))).await?;
    tx.commit().await
}

fn operation(key: &str, digest: &str) -> Operation {
    Operation {
        tenant: here_id(),
        key: key.to_owned(),
        bill_id: bill_id(),
        payer: "medical-insurance".to_owned(),
        verb: "settle".to_owned(),
        request_digest: digest.to_owned(),
        state: OperationState::Pending,
        response: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn a_payment_is_started_once_and_followed(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.start_payment(&operation("k", "d"), at(5)).await), "REFERENCE_INVALID", "no such bill");
    drop(tx);
    bill(&tenant).await?;
    let tx = tenant.begin().await?;
    assert_eq!(tx.start_payment(&operation("k", "d"), at(5)).await?, Started::New);
    assert_eq!(tx.start_payment(&operation("k", "other"), at(1)).await?, Started::Known(Box::new(operation("k", "d"))));
    tx.start_payment(&operation("k2", "d"), at(9)).await?;
    tx.commit().await?;

    let claim = async |now, lease, limit| {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(Queue::Payment, at(now), at(lease), limit).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed.into_iter().map(|work| work.id).collect::<Vec<_>>())
    };
    let keys = |found: Vec<Operation>| found.into_iter().map(|o| o.key).collect::<Vec<_>>();
    assert_eq!(claim(4, 6, 10).await?, [""; 0], "nobody need ask yet");
    assert_eq!(claim(5, 6, 10).await?, ["k"]);
    assert_eq!(claim(5, 6, 10).await?, [""; 0], "it is looked at, though nothing comes of it");
    // One that stays stuck does not keep the others waiting.
    assert_eq!(claim(20, 40, 1).await?, ["k"]);
    assert_eq!(claim(20, 40, 1).await?, ["k2"]);
    let mut known = tenant.get_payment("k").await?;
    for (state, response) in [(OperationState::Unknown, None), (OperationState::Done, Some(body(7)))] {
        (known.state, known.response, known.updated_at) = (state, response, at(6));
        let tx = tenant.begin().await?;
        known.version = tx.update_payment(&known, at(30)).await?;
        tx.commit().await?;
        assert_eq!(tenant.get_payment("k").await?, known);
        assert_eq!(claim(30, 31, 10).await?.len(), usize::from(state == OperationState::Unknown));
    }
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.update_payment(&Operation { version: 1, ..known }, at(30)).await), "VERSION_CONFLICT");
    drop(tx);
    assert_eq!(keys(tenant.list_payments(bill_id()).await?), ["k", "k2"]);
    let open = async |before, unbooked, limit| tenant.list_open_bills(at(before), unbooked, limit).await;
    assert_eq!(open(1, "DRIFTED", 9).await?, [bill_id()], "`k2` is pending");
    assert_eq!(open(0, "DRIFTED", 9).await?, [], "nothing was begun before");
    assert_eq!(open(1, "DRIFTED", 0).await?, []);
    let mut second = tenant.get_payment("k2").await?;
    second.state = OperationState::Failed;
    let tx = tenant.begin().await?;
    tx.update_payment(&second, at(30)).await?;
    tx.commit().await?;
    assert_eq!(open(1, "DRIFTED", 9).await?, []);
    assert_eq!(open(1, "quoted", 9).await?, [bill_id()], "the state of the bill counts too");
    assert_eq!(code_of(bench.there().get_payment("k").await), "NOT_FOUND");
    Ok(())
}

async fn a_coverage_changes_by_version(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut coverage = Coverage {
        patient_id: "pat-1".to_owned(),
        payer: "medical-insurance".to_owned(),
        body: body(45_000),
        version: 0,
        updated_at: at(0),
    };
    let tx = tenant.begin().await?;
    let early = Coverage { version: 3, ..coverage.clone() };
    assert_eq!(code_of(tx.put_coverage(&early).await), "VERSION_CONFLICT", "not there yet");
    coverage.version = tx.put_coverage(&coverage).await?;
    assert_eq!(code_of(tx.put_coverage(&Coverage { version: 0, ..coverage.clone() }).await), "VERSION_CONFLICT");
    coverage.body = body(50_000);
    coverage.version = tx.put_coverage(&coverage).await?;
    tx.commit().await?;
    assert_eq!(coverage.version, 2);
    assert_eq!(tenant.find_coverage("pat-1", "medical-insurance").await?, Some(coverage.clone()));
    assert_eq!(tenant.find_coverage("pat-1", "commercial").await?, None);
    assert_eq!(tenant.list_coverages("pat-1").await?, [coverage]);
    Ok(())
}

pub(crate) fn transaction(number: u128, postings: &[(&str, i64)]) -> Transaction {
    let posting = |&(account, fen): &(&str, i64)| Posting { account: account.to_owned(), amount: Money::fen(fen) };
    Transaction {
        id: TransactionId::from_u128(number),
        bill_id: Some(bill_id()),
        reverses: None,
        kind: "settlement".to_owned(),
        payer: None,
        channel: Some("alipay".to_owned()),
        doctor: None,
        day: "2026-09-21".to_owned(),
        memo: String::new(),
        posted_by: None,
        posted_at: at(i64::try_from(number).expect("small")),
        postings: postings.iter().map(posting).collect(),
    }
}

/// 5550 + 6000 + 6750 = 18300.
pub(crate) const VISIT: [(&str, i64); 4] = [("fund", 5_550), ("account", 6_000), ("cash", 6_750), ("revenue", -18_300)];

async fn the_ledger_balances_or_refuses(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let settled = transaction(1, &VISIT);
    let tx = tenant.begin().await?;
    tx.insert_transaction(&settled).await?;
    tx.insert_transaction(&Transaction { bill_id: None, ..transaction(2, &[("cash", -1), ("rounding", 1)]) }).await?;
    for odd in [&[("cash", 1), ("revenue", -2)][..], &[("cash", 0), ("revenue", 0)], &[], &[("a", i64::MAX), ("b", 1)]]
    {
        assert_eq!(code_of(tx.insert_transaction(&transaction(3, odd)).await), "LEDGER_UNBALANCED", "{odd:?}");
    }
    tx.commit().await?;
    assert_eq!(tenant.get_transaction(settled.id).await?, settled);
    assert_eq!(tenant.list_transactions(bill_id()).await?, std::slice::from_ref(&settled));
    assert_eq!(code_of(tenant.get_transaction(TransactionId::from_u128(9)).await), "NOT_FOUND");
    let balance = |account: &str, fen| Balance { account: account.to_owned(), amount: fen };
    let expected = [
        balance("account", 6_000),
        balance("cash", 6_749),
        balance("fund", 5_550),
        balance("revenue", -18_300),
        balance("rounding", 1),
    ];
    assert_eq!(tenant.trial_balance(None).await?, expected);
    assert_eq!(bench.there().trial_balance(None).await?, []);

    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.insert_transaction(&settled).await), "STORE_REFUSED", "it is sealed");
    Ok(())
}

async fn a_transaction_is_reversed_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let settled = transaction(1, &VISIT);
    let contra = |number| {
        let postings = VISIT.map(|(account, fen)| (account, -fen));
        Transaction { reverses: Some(settled.id), kind: "contra".to_owned(), ..transaction(number, &postings) }
    };
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.insert_transaction(&contra(2)).await), "REFERENCE_INVALID", "nothing to reverse");
    drop(tx);
    let tx = tenant.begin().await?;
    tx.insert_transaction(&settled).await?;
    tx.insert_transaction(&contra(2)).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.insert_transaction(&contra(3)).await), "PAY_ALREADY_REVERSED");
    drop(tx);
    assert!(tenant.trial_balance(None).await?.iter().all(|balance| balance.amount == 0));
    Ok(())
}

/// Sums of amounts that do not fit an amount are exact, on both engines.
async fn a_trial_balance_of_huge_amounts_is_exact(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let huge = i64::MAX - 7;
    let tx = tenant.begin().await?;
    for number in 1..=5 {
        tx.insert_transaction(&transaction(number, &[("cash", huge), ("revenue", -huge)])).await?;
    }
    tx.insert_transaction(&transaction(6, &[("cash", -3), ("revenue", 3)])).await?;
    tx.commit().await?;
    let sum = i128::from(huge) * 5 - 3;
    let balance = |account: &str, amount| Balance { account: account.to_owned(), amount };
    assert_eq!(tenant.trial_balance(None).await?, [balance("cash", sum), balance("revenue", -sum)]);
    Ok(())
}

async fn the_ledger_only_grows(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_transaction(&transaction(1, &VISIT)).await?;
    tx.commit().await?;
    let (ten, txn) = (here_id(), TransactionId::from_u128(1));
    let (lone, other) = (TransactionId::from_u128(2), TransactionId::from_u128(3));
    let typed = ", 'receipt', NULL, NULL, '2026-09-21', NULL, NULL)";
    for sql in [
        "UPDATE ledger_posting SET amount = 1".to_owned(),
        "DELETE FROM ledger_posting".to_owned(),
        "UPDATE ledger_transaction SET memo = ''".to_owned(),
        "DELETE FROM ledger_transaction".to_owned(),
        format!("INSERT INTO ledger_posting VALUES ('{ten}', '{txn}', 9, 'cash', 5)"),
        format!("INSERT INTO ledger_posting VALUES ('{ten}', '{lone}', 1, 'cash', 0)"),
        format!("INSERT INTO ledger_transaction VALUES ('{ten}', '{lone}', NULL, NULL, 'no postings', 0{typed}"),
    ] {
        assert!(bench.raw(&sql).await.is_err(), "{sql}");
    }
    // Postings that nobody sealed do not count, and unbalanced ones are not sealed.
    bench
        .raw(&format!("INSERT INTO ledger_posting VALUES ('{ten}', '{other}', 1, 'cash', 5)"))
        .await
        .expect("a posting");
    let seal = format!("INSERT INTO ledger_transaction VALUES ('{ten}', '{other}', NULL, NULL, 'stolen', 0{typed}");
    assert!(bench.raw(&seal).await.is_err());
    assert_eq!(tenant.trial_balance(None).await?.iter().find(|b| b.account == "cash").map(|b| b.amount), Some(6_750));
    Ok(())
}

fn on(number: u128, day: &str, postings: &[(&str, i64)]) -> Transaction {
    Transaction { day: day.to_owned(), ..transaction(number, postings) }
}

fn closed(period: &str) -> ClosedPeriod {
    ClosedPeriod {
        period: period.to_owned(),
        closed_at: at(1),
        closed_by: AccountId::from_u128(1),
        digest: "00".to_owned(),
    }
}

async fn a_closed_month_takes_no_more(bench: Bench) -> Result<()> {
    let (tenant, there) = (bench.here(), bench.there());
    let pair = [("cash", 1), ("revenue", -1)];
    let post = async |tenant: &Tenant, number, day: &str| {
        let tx = tenant.begin().await?;
        tx.insert_transaction(&on(number, day, &pair)).await?;
        tx.commit().await
    };
    let close = async |period: &str| {
        let tx = tenant.begin().await?;
        tx.stop_posting().await?;
        tx.close_period(&closed(period)).await?;
        tx.commit().await
    };
    post(&tenant, 1, "2026-09-21").await?;
    close("2026-09").await?;
    for (number, day) in [(2, "2026-09-30"), (3, "2026-09-01"), (4, "2026-08-31"), (5, "2025-12-31")] {
        assert_eq!(code_of(post(&tenant, number, day).await), "LEDGER_CLOSED", "{day}");
    }
    post(&tenant, 6, "2026-10-01").await?;
    post(&there, 7, "2026-09-21").await?;
    // It stays closed, and so does what was before it.
    for period in ["2026-09", "2026-08"] {
        assert_eq!(code_of(close(period).await), "LEDGER_CLOSED", "{period}");
    }
    close("2026-11").await?;
    assert_eq!(code_of(post(&tenant, 8, "2026-10-02").await), "LEDGER_CLOSED", "closed with the month after it");
    for sql in [
        "DELETE FROM ledger_period".to_owned(),
        "UPDATE ledger_period SET period = '2026-01'".to_owned(),
        format!("INSERT INTO ledger_period VALUES ('{}', '2027-1', 0, 'a', '')", here_id()),
        format!("INSERT INTO ledger_period VALUES ('{}', '2026-10', 0, 'a', '')", here_id()),
    ] {
        assert!(bench.raw(&sql).await.is_err(), "{sql}");
    }
    assert_eq!(tenant.list_periods(None, 9).await?, [closed("2026-11"), closed("2026-09")]);
    assert_eq!(tenant.list_periods(Some("2026-11"), 9).await?, [closed("2026-09")]);
    assert_eq!(there.list_periods(None, 9).await?, []);
    // What has no kind or day, or is a contra entry of nothing, is not sealed.
    let bad = |kind: &str, day: &str| Transaction { kind: kind.to_owned(), ..on(9, day, &pair) };
    for transaction in [bad("", "2027-01-01"), bad("receipt", "2027-1-1"), bad("contra", "2027-01-01")] {
        let tx = tenant.begin().await?;
        assert_eq!(code_of(tx.insert_transaction(&transaction).await), "STORE_REFUSED", "{transaction:?}");
    }
    Ok(())
}

/// Nothing is booked in a month between the sums of its closing and their commit.
async fn a_closing_waits_for_who_is_posting(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let posting = tenant.begin().await?;
    posting.insert_transaction(&transaction(1, &VISIT)).await?;
    let closing = {
        let tenant = tenant.clone();
        tokio::spawn(async move {
            let tx = tenant.begin().await?;
            tx.stop_posting().await?;
            let (count, _) = tx.ledger_totals("2026-09-01", "2026-09-30").await?;
            tx.close_period(&closed("2026-09")).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(count)
        })
    };
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!closing.is_finished());
    posting.commit().await?;
    assert_eq!(closing.await.expect("it ends")?, 1);
    Ok(())
}

async fn the_ledger_is_summed_by_its_dimensions(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let doctor = AccountId::from_u128(5);
    let of = |number, day, kind: &str, payer: Option<&str>, postings: &[(&str, i64)]| Transaction {
        kind: kind.to_owned(),
        payer: payer.map(str::to_owned),
        doctor: payer.map(|_| doctor),
        ..on(number, day, postings)
    };
    let contra = Transaction {
        reverses: Some(TransactionId::from_u128(1)),
        ..of(4, "2026-09-22", "contra", Some("fund"), &VISIT.map(|(account, fen)| (account, -fen)))
    };
    let tx = tenant.begin().await?;
    for transaction in [
        of(1, "2026-09-20", "settlement", Some("fund"), &VISIT),
        of(2, "2026-09-21", "settlement", Some("insurer"), &[("fund", 7), ("revenue", -7)]),
        of(3, "2026-09-21", "adjustment", None, &[("fund", 1), ("revenue", -1)]),
        contra,
    ] {
        tx.insert_transaction(&transaction).await?;
    }
    tx.commit().await?;
    let query = StatementQuery {
        key: StatementKey::Payer,
        accounts: &["fund", "cash"],
        of_patients: &["cash"],
        from: "2026-09-21",
        to: "2026-09-22",
        after: None,
        limit: 10,
    };
    let row = |key: &str, account: &str, kind: &str, (contra, earlier), amount| Summed {
        key: key.to_owned(),
        account: account.to_owned(),
        kind: kind.to_owned(),
        contra,
        earlier,
        amount,
    };
    let (now, before, back) = ((false, false), (false, true), (true, false));
    let by_payer = [
        row("-", "fund", "adjustment", now, 1),
        row("fund", "fund", "settlement", before, 5_550),
        row("fund", "fund", "settlement", back, -5_550),
        row("insurer", "fund", "settlement", now, 7),
        row("patient", "cash", "settlement", before, 6_750),
        row("patient", "cash", "settlement", back, -6_750),
    ];
    assert_eq!(tenant.ledger_sums(&query).await?, by_payer);
    // Pages are of whole keys.
    let page = StatementQuery { after: Some("-"), limit: 2, ..query };
    assert_eq!(tenant.ledger_sums(&page).await?, by_payer[1..4]);
    let until = StatementQuery { to: "2026-09-21", after: Some("insurer"), ..query };
    assert_eq!(tenant.ledger_sums(&until).await?, [row("patient", "cash", "settlement", before, 6_750)]);

    let by_day = StatementQuery { key: StatementKey::Day, accounts: &["fund"], ..query };
    assert_eq!(
        tenant.ledger_sums(&by_day).await?,
        [
            row("", "fund", "settlement", before, 5_550),
            row("2026-09-21", "fund", "adjustment", now, 1),
            row("2026-09-21", "fund", "settlement", now, 7),
            row("2026-09-22", "fund", "settlement", back, -5_550),
        ]
    );
    let by_doctor = StatementQuery { key: StatementKey::Doctor, accounts: &["fund"], ..query };
    let keys: Vec<String> = tenant.ledger_sums(&by_doctor).await?.into_iter().map(|row| row.key).collect();
    assert_eq!(keys, ["-".to_owned(), doctor.to_string(), doctor.to_string(), doctor.to_string()]);
    let by_channel = StatementQuery { key: StatementKey::Channel, accounts: &["fund"], ..query };
    let channels = tenant.ledger_sums(&by_channel).await?;
    assert!(!channels.is_empty() && channels.iter().all(|sum| sum.key == "alipay"), "{channels:?}");
    let by_account = StatementQuery { key: StatementKey::Account, ..query };
    assert!(tenant.ledger_sums(&by_account).await?.iter().all(|row| row.key == row.account));
    assert_eq!(bench.there().ledger_sums(&query).await?, []);

    let (count, totals) = tenant.ledger_totals("2026-09-21", "2026-09-21").await?;
    assert_eq!((count, totals), (2, vec![("fund".to_owned(), 8), ("revenue".to_owned(), -8)]));
    let then = tenant.trial_balance(Some("2026-09-21")).await?;
    assert_eq!(then.iter().find(|balance| balance.account == "fund").map(|balance| balance.amount), Some(5_558));
    for (payer, fen) in [(Some("insurer"), 7), (Some("nobody"), 0), (None, 8)] {
        assert_eq!(tenant.balance_of(payer, "fund").await?, fen, "{payer:?}");
    }
    for (after, first) in [("", Some("2026-09-20")), ("2026-09-20", Some("2026-09-21")), ("2026-09-22", None)] {
        assert_eq!(tenant.first_day_after(after).await?.as_deref(), first);
    }
    Ok(())
}

/// The kind was in the memo, as JSON; payer, doctor and day are found.
async fn entries_of_the_release_before_are_typed(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let (rx, doctor) = (PrescriptionId::from_u128(3), AccountId::from_u128(5));
    let tx = tenant.begin().await?;
    let prescription = Document {
        body: json!({ "effective": { "head": { "prescriber": doctor } } }),
        ..document(rx, "pat-1", "EFFECTIVE", at(0))
    };
    tx.insert_document(&prescription).await?;
    let bill = Document { parent_id: Some(rx.to_string()), ..document(bill_id(), "pat-1", "REVERSED", at(0)) };
    tx.insert_document(&bill).await?;
    tx.start_payment(&operation("k", "d"), at(5)).await?;
    tx.commit().await?;
    let triggers = match bench.database.engine() {
        Engine::Sqlite => {
            "DROP TRIGGER ledger_transaction_is_typed; DROP TRIGGER ledger_transaction_in_open_period;".to_owned()
        }
        Engine::Postgres => "DROP TRIGGER ledger_transaction_in_open_period ON ledger_transaction;
                             DROP TRIGGER ledger_period_in_order ON ledger_period;
                             DROP FUNCTION ledger_check_day; DROP FUNCTION ledger_check_period;"
            .to_owned(),
    };
    let (first, second, third) = (1, 2, 3);
    let id = TransactionId::from_u128;
    let columns: String = ["kind", "payer", "doctor", "day", "posted_by", "channel"]
        .map(|column| format!("ALTER TABLE ledger_transaction DROP COLUMN {column};"))
        .concat();
    let entry = |number, bill: &str, reverses: &str, memo: &str, sign: i64, at: i64| {
        let (id, tenant) = (id(number), here_id());
        format!(
            "INSERT INTO ledger_posting VALUES ('{tenant}', '{id}', 1, 'receivable.patient', {sign}),
                                               ('{tenant}', '{id}', 2, 'revenue.service', -({sign}));
             INSERT INTO ledger_transaction VALUES ('{tenant}', '{id}', {bill}, {reverses}, '{memo}', {at});"
        )
    };
    let bill = format!("'{}'", bill_id());
    // 2026-11-30 23:59:59.999999 and 2026-12-01 00:00 in Shanghai.
    let (evening, midnight) = (1_796_054_399_999_999, 1_796_054_400_000_000);
    let before = [
        triggers,
        "DROP INDEX ledger_transaction_by_day; DROP TABLE ledger_period;".to_owned(),
        columns,
        ["cash_difference", "cash_movement", "cash_notice", "cash_channel", "cash"]
            .map(|table| format!("DROP TABLE {table};"))
            .concat(),
        "DELETE FROM _sqlx_migrations WHERE version IN (22, 23);".to_owned(),
        entry(first, &bill, "NULL", r#""settlement""#, 5, evening),
        entry(second, &bill, &format!("'{}'", id(first)), &format!(r#"{{"contra":"{}"}}"#, id(first)), -5, midnight),
        entry(third, "NULL", "NULL", r#""receipt""#, 5, midnight),
    ];
    bench.close().await?;
    testing::tamper(bench.database.url(), &before.concat()).await.expect("the schema before");
    let store = bench.database.open().await?;
    let tenant = store.tenant(here_id());
    for (number, kind, day, known) in [
        (first, "settlement", "2026-11-30", true),
        (second, "contra", "2026-12-01", true),
        (third, "receipt", "2026-12-01", false),
    ] {
        let entry = tenant.get_transaction(id(number)).await?;
        assert_eq!((&*entry.kind, &*entry.day, &*entry.memo), (kind, day, ""));
        assert_eq!(entry.payer.as_deref(), known.then_some("medical-insurance"));
        assert_eq!((entry.doctor, entry.posted_by), (known.then_some(doctor), None));
    }
    // And they still only grow.
    for sql in ["UPDATE ledger_transaction SET memo = 'x'", "DELETE FROM ledger_transaction"] {
        assert!(testing::tamper(bench.database.url(), sql).await.is_err(), "{sql}");
    }
    Ok(())
}

async fn differences_have_an_owner_until_they_are_resolved(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let claim = |id: &str, amount| PayerClaim {
        id: id.into(),
        payer: "insurer".into(),
        reference: "E-1".into(),
        bill_id: bill_id(),
        amount: Money::fen(amount),
        booked_at: at(5),
    };
    let sent = PayerRemittance {
        payer: "insurer".into(),
        trace: "T-1".into(),
        day: "2026-11-20".into(),
        advised: Some(Money::fen(100)),
        adjustment: Money::ZERO,
        banked: None,
        bank_day: None,
        posted_at: None,
        version: 0,
    };
    let owner = AccountId::from_u128(1);
    let found = ReconciliationBreak {
        id: BreakId::from_u128(1),
        kind: "bank".into(),
        payer: "insurer".into(),
        reference: "T-1".into(),
        bill_id: None,
        day: "2026-11-20".into(),
        ours: Some(Money::fen(100)),
        theirs: None,
        owner,
        reason: None,
        resolved_by: None,
        opened_at: at(6),
        updated_at: at(6),
        version: 0,
    };
    let tx = tenant.begin().await?;
    for _ in 0..2 {
        tx.insert_payer_claim(&claim("op-1", 100)).await?;
    }
    tx.put_remittance(&sent).await?;
    tx.insert_remittance_items("insurer", "T-1", &[("E-1".into(), Money::fen(100))]).await?;
    tx.put_break(&found).await?;
    tx.commit().await?;
    assert_eq!(tenant.list_payer_claims("insurer", (at(5), at(6)), 9).await?, [claim("op-1", 100)]);
    assert_eq!(tenant.list_payer_claims("insurer", (at(6), at(9)), 9).await?, []);
    assert_eq!(tenant.find_payer_claims("insurer", &["E-1".into(), "E-2".into()]).await?.len(), 1);
    assert_eq!(tenant.find_remitted("insurer", &["E-1".into()]).await?, [("E-1".to_owned(), Money::fen(100))]);
    assert_eq!(tenant.list_remittance_items("insurer", "T-1").await?.len(), 1);
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.put_remittance(&sent).await), "VERSION_CONFLICT", "it is known already");
    drop(tx);
    let tx = tenant.begin().await?;
    let stored = tx.find_remittance("insurer", "T-1").await?.expect("a remittance");
    tx.put_remittance(&PayerRemittance { banked: Some(Money::fen(90)), bank_day: Some("2026-11-21".into()), ..stored })
        .await?;
    tx.commit().await?;
    let stored = tenant.list_remittances("insurer", ("2026-11-20", "2026-11-20"), 9).await?;
    assert_eq!((stored.len(), stored[0].banked, stored[0].version), (1, Some(Money::fen(90)), 2));
    for (last, open) in [("2026-11-19", 0), ("2026-11-20", 1), ("2026-12-31", 1)] {
        assert_eq!(tenant.list_open_breaks(last, 9).await?.len(), open, "{last}");
    }
    assert_eq!(bench.there().list_open_breaks("2026-12-31", 9).await?, [], "another tenant's");
    let one = tenant.find_break("bank", "insurer", "T-1").await?.expect("a difference");
    assert_eq!(one, tenant.get_break(found.id).await?);
    let tx = tenant.begin().await?;
    let same = ReconciliationBreak { id: BreakId::from_u128(2), ..found.clone() };
    assert!(tx.put_break(&same).await.is_err(), "one row for what is about the same");
    drop(tx);
    let tx = tenant.begin().await?;
    let resolved = ReconciliationBreak { reason: Some("arrived".into()), resolved_by: Some(owner), ..one };
    tx.put_break(&resolved).await?;
    tx.commit().await?;
    assert_eq!(tenant.list_open_breaks("2026-12-31", 9).await?, []);
    assert_eq!(
        (tenant.list_breaks(None, true, 9).await?.len(), tenant.list_breaks(None, false, 9).await?.len()),
        (0, 1)
    );
    Ok(())
}
