//! Payments, coverages and the ledger.

use xinglin_domain::{
    id::{BillId, TransactionId},
    money::Money,
};
use xinglin_store::{
    Balance, Coverage, Operation, OperationState, Posting, Queue, Result, Started, StoreError, Tenant, Transaction,
};

use crate::{Bench, at, body, code_of, contract, document, here_id};

contract!(
    a_payment_is_started_once_and_followed,
    a_coverage_changes_by_version,
    the_ledger_balances_or_refuses,
    a_transaction_is_reversed_once,
    a_trial_balance_of_huge_amounts_is_exact,
    the_ledger_only_grows,
);

fn bill_id() -> BillId {
    BillId::from_u128(1)
}

async fn bill(tenant: &Tenant) -> Result<()> {
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
        memo: "settled".to_owned(),
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
    assert_eq!(tenant.trial_balance().await?, expected);
    assert_eq!(bench.there().trial_balance().await?, []);

    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.insert_transaction(&settled).await), "STORE_REFUSED", "it is sealed");
    Ok(())
}

async fn a_transaction_is_reversed_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let settled = transaction(1, &VISIT);
    let contra = |number| {
        let postings = VISIT.map(|(account, fen)| (account, -fen));
        Transaction { reverses: Some(settled.id), ..transaction(number, &postings) }
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
    assert!(tenant.trial_balance().await?.iter().all(|balance| balance.amount == 0));
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
    assert_eq!(tenant.trial_balance().await?, [balance("cash", sum), balance("revenue", -sum)]);
    Ok(())
}

async fn the_ledger_only_grows(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_transaction(&transaction(1, &VISIT)).await?;
    tx.commit().await?;
    let (ten, txn) = (here_id(), TransactionId::from_u128(1));
    let (lone, other) = (TransactionId::from_u128(2), TransactionId::from_u128(3));
    for sql in [
        "UPDATE ledger_posting SET amount = 1".to_owned(),
        "DELETE FROM ledger_posting".to_owned(),
        "UPDATE ledger_transaction SET memo = ''".to_owned(),
        "DELETE FROM ledger_transaction".to_owned(),
        format!("INSERT INTO ledger_posting VALUES ('{ten}', '{txn}', 9, 'cash', 5)"),
        format!("INSERT INTO ledger_posting VALUES ('{ten}', '{lone}', 1, 'cash', 0)"),
        format!("INSERT INTO ledger_transaction VALUES ('{ten}', '{lone}', NULL, NULL, 'no postings', 0)"),
    ] {
        assert!(bench.raw(&sql).await.is_err(), "{sql}");
    }
    // Postings that nobody sealed do not count, and unbalanced ones are not sealed.
    bench
        .raw(&format!("INSERT INTO ledger_posting VALUES ('{ten}', '{other}', 1, 'cash', 5)"))
        .await
        .expect("a posting");
    let seal = format!("INSERT INTO ledger_transaction VALUES ('{ten}', '{other}', NULL, NULL, 'stolen', 0)");
    assert!(bench.raw(&seal).await.is_err());
    assert_eq!(tenant.trial_balance().await?.iter().find(|b| b.account == "cash").map(|b| b.amount), Some(6_750));
    Ok(())
}
