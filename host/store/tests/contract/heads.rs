//! Payment per head: members, their months, accounts and what is charged; purchases; drafts; the journal.

use xinglin_domain::{
    id::{AccountId, BillId, MemberId, PurchaseId, TransactionId},
    money::Money,
};
use xinglin_store::{
    CapitationContract, CapitationMember, CapitationUse, CapitationYear, Cursor, DocumentQuery, Draft, DraftState,
    JournalQuery, Posting, Result, Transaction,
};

use crate::{Bench, at, body, code_of, contract, document, is_unique_in};

contract!(
    a_patient_has_one_lead_at_a_time,
    each_month_is_counted_once,
    accounts_change_by_version_and_uses_never,
    a_purchase_is_a_document,
    a_draft_waits_until_it_is_judged,
    the_journal_is_read_page_by_page,
);

const LEAD: (&str, &str) = ("scheme", "lead-a");

fn member(number: u128, patient: &str, lead: &str, since: i64) -> CapitationMember {
    CapitationMember {
        id: MemberId::from_u128(number),
        plugin: "scheme".to_owned(),
        patient_id: patient.to_owned(),
        lead: lead.to_owned(),
        risk_class: "low".to_owned(),
        since: at(since),
        until: None,
        body: body(1),
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn a_patient_has_one_lead_at_a_time(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_member(&member(1, "pat-1", "lead-a", 10)).await?;
    tx.commit().await?;
    let again = tenant.begin().await?;
    let second = again.insert_member(&member(2, "pat-1", "lead-b", 20)).await;
    assert!(is_unique_in(second, "capitation_member"));
    again.rollback().await?;
    let mut first = tenant.get_member(MemberId::from_u128(1)).await?;
    assert_eq!(first, member(1, "pat-1", "lead-a", 10));
    let tx = tenant.begin().await?;
    first.until = Some(at(20));
    first.version = tx.end_member(&first).await?;
    tx.insert_member(&member(2, "pat-1", "lead-b", 20)).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.end_member(&CapitationMember { version: 1, ..first.clone() }).await), "VERSION_CONFLICT");
    drop(tx);
    assert_eq!(tenant.list_memberships("pat-1").await?, [member(2, "pat-1", "lead-b", 20), first.clone()]);
    assert_eq!(tenant.list_members(LEAD, "", 9).await?, [first.clone()]);
    assert!(tenant.list_members(LEAD, &first.id.to_string(), 9).await?.is_empty());
    assert_eq!(code_of(bench.there().get_member(first.id).await), "NOT_FOUND");
    Ok(())
}

async fn each_month_is_counted_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    for (number, patient, lead, since, until, class) in [
        (1, "pat-1", "lead-a", 10, None, "low"),
        (2, "pat-2", "lead-a", 10, Some(20), "low"),
        (3, "pat-3", "lead-a", 11, None, "low"),
        (4, "pat-4", "lead-b", 10, None, "low"),
        (5, "pat-5", "lead-a", 1, Some(10), "low"),
        (6, "pat-6", "lead-a", 1, None, "high"),
    ] {
        let risk_class = class.to_owned();
        tx.insert_member(&CapitationMember {
            until: until.map(at),
            risk_class,
            ..member(number, patient, lead, since)
        })
        .await?;
    }
    // Who is a member in its first moment; the same month again counts nobody.
    assert_eq!(tx.count_month(LEAD, "2026-01", at(10)).await?, 3);
    assert_eq!(tx.count_month(LEAD, "2026-01", at(10)).await?, 0);
    assert_eq!(tx.count_month(LEAD, "2026-02", at(20)).await?, 3);
    tx.commit().await?;
    let sums = |rows: &[(&str, i64)]| rows.iter().map(|(class, sum)| ((*class).to_owned(), *sum)).collect::<Vec<_>>();
    assert_eq!(tenant.sum_member_months(LEAD, "2026-01", "2026-12").await?, sums(&[("high", 2), ("low", 4)]));
    assert_eq!(tenant.sum_member_months(LEAD, "2026-02", "2026-02").await?, sums(&[("high", 1), ("low", 2)]));
    assert!(bench.there().sum_member_months(LEAD, "2026-01", "2026-12").await?.is_empty());
    let tx = tenant.begin().await?;
    assert_eq!(tx.count_out(LEAD, "pat-1", ("2026-02", "2026-12")).await?, 1);
    assert_eq!(tx.count_out(LEAD, "pat-1", ("2026-02", "2026-12")).await?, 0);
    tx.commit().await?;
    assert_eq!(tenant.sum_member_months(LEAD, "2026-01", "2026-12").await?, sums(&[("high", 2), ("low", 3)]));
    Ok(())
}

async fn accounts_change_by_version_and_uses_never(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut contract = CapitationContract {
        plugin: "scheme".to_owned(),
        lead: "lead-a".to_owned(),
        body: body(1),
        version: 0,
        updated_at: at(0),
    };
    let mut year = CapitationYear {
        plugin: "scheme".to_owned(),
        lead: "lead-a".to_owned(),
        year: 2026,
        body: body(1),
        version: 0,
        updated_at: at(0),
    };
    for _ in 0..2 {
        let tx = tenant.begin().await?;
        contract.version = tx.put_capitation_contract(&contract).await?;
        year.version = tx.put_capitation_year(&year).await?;
        tx.commit().await?;
    }
    assert_eq!((contract.version, year.version), (2, 2));
    assert_eq!(tenant.get_capitation_contract("scheme", "lead-a").await?, contract);
    assert_eq!(tenant.list_capitation_contracts().await?, [contract.clone()]);
    assert_eq!(tenant.find_capitation_year(LEAD, 2026).await?, Some(year.clone()));
    assert_eq!(tenant.find_capitation_year(LEAD, 2027).await?, None);
    assert_eq!(tenant.list_capitation_years().await?, [year.clone()]);
    for version in [0, 1] {
        let tx = tenant.begin().await?;
        assert_eq!(
            code_of(tx.put_capitation_year(&CapitationYear { version, ..year.clone() }).await),
            "VERSION_CONFLICT"
        );
        tx.rollback().await?;
        let tx = tenant.begin().await?;
        let stale = CapitationContract { version, ..contract.clone() };
        assert_eq!(code_of(tx.put_capitation_contract(&stale).await), "VERSION_CONFLICT");
        tx.rollback().await?;
    }
    assert_eq!(code_of(bench.there().get_capitation_contract("scheme", "lead-a").await), "NOT_FOUND");

    let used = |key: &str, fund: i64| CapitationUse {
        key: key.to_owned(),
        plugin: "scheme".to_owned(),
        lead: "lead-a".to_owned(),
        year: 2026,
        patient_id: Some("pat-1".to_owned()),
        bill: Some(BillId::from_u128(1)),
        fund: Money::fen(fund),
        charged: Money::fen(fund),
        body: body(1),
        at: at(3),
    };
    let tx = tenant.begin().await?;
    tx.insert_capitation_use(&used("b", 5)).await?;
    tx.insert_capitation_use(&used("b/back", -5)).await?;
    tx.commit().await?;
    let again = tenant.begin().await?;
    assert!(is_unique_in(again.insert_capitation_use(&used("b", 5)).await, "capitation_use"));
    again.rollback().await?;
    assert_eq!(tenant.find_capitation_use("b").await?, Some(used("b", 5)));
    assert_eq!(tenant.list_capitation_uses(LEAD, 2026, "", 9).await?, [used("b", 5), used("b/back", -5)]);
    assert_eq!(tenant.list_capitation_uses(LEAD, 2026, "b", 9).await?, [used("b/back", -5)]);
    assert!(tenant.list_capitation_uses(LEAD, 2027, "", 9).await?.is_empty());
    assert!(bench.raw("UPDATE capitation_use SET charged = 0").await.is_err());
    // A patient who is erased leaves the sums, which are in the accounts.
    let tx = tenant.begin().await?;
    tx.insert_member(&member(1, "pat-1", "lead-a", 1)).await?;
    tx.count_month(LEAD, "2026-01", at(1)).await?;
    tx.erase_patient("pat-1", "acc-1", at(9)).await?;
    tx.commit().await?;
    assert!(tenant.find_capitation_use("b").await?.is_none() && tenant.list_memberships("pat-1").await?.is_empty());
    assert!(tenant.sum_member_months(LEAD, "2026-01", "2026-12").await?.is_empty());
    assert_eq!(tenant.find_capitation_year(LEAD, 2026).await?, Some(year));
    Ok(())
}

async fn a_purchase_is_a_document(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut row = document(PurchaseId::from_u128(1), "pat-1", "OFFERED", at(1));
    let tx = tenant.begin().await?;
    row.version = tx.insert_document(&row).await?;
    row.status = "BOUGHT".to_owned();
    row.version = tx.update_document(&row).await?;
    tx.commit().await?;
    let bought = DocumentQuery { statuses: vec!["BOUGHT".to_owned()], ..DocumentQuery::default() };
    assert_eq!(tenant.list_documents::<PurchaseId>(&bought, None, 9).await?, [row]);
    assert_eq!(bench.there().count_documents::<PurchaseId>(&DocumentQuery::default()).await?, 0);
    Ok(())
}

async fn a_draft_waits_until_it_is_judged(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let draft = |number: u128| Draft {
        id: TransactionId::from_u128(number),
        posted_by: AccountId::from_u128(7),
        posted_at: at(1),
        amount: Money::fen(5),
        state: DraftState::Waiting,
        body: body(1),
        version: 1,
    };
    let tx = tenant.begin().await?;
    for number in [1, 2] {
        tx.insert_draft(&draft(number)).await?;
    }
    tx.commit().await?;
    let again = tenant.begin().await?;
    assert!(is_unique_in(again.insert_draft(&draft(1)).await, "ledger_draft"));
    again.rollback().await?;
    assert_eq!(tenant.list_drafts(9).await?, [draft(1), draft(2)]);
    let tx = tenant.begin().await?;
    tx.judge_draft(&Draft { state: DraftState::Approved, ..draft(1) }).await?;
    tx.commit().await?;
    let late = tenant.begin().await?;
    let second = late.judge_draft(&Draft { state: DraftState::Rejected, ..draft(1) }).await;
    assert_eq!(code_of(second), "VERSION_CONFLICT");
    late.rollback().await?;
    assert_eq!(tenant.list_drafts(9).await?, [draft(2)]);
    assert_eq!(tenant.get_draft(TransactionId::from_u128(1)).await?.state, DraftState::Approved);
    assert_eq!(code_of(bench.there().get_draft(TransactionId::from_u128(1)).await), "NOT_FOUND");
    Ok(())
}

async fn the_journal_is_read_page_by_page(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let transaction = |number: u128, kind: &str, payer: Option<&str>, day: &str| Transaction {
        id: TransactionId::from_u128(number),
        bill_id: None,
        reverses: None,
        kind: kind.to_owned(),
        channel: None,
        payer: payer.map(str::to_owned),
        doctor: Some(AccountId::from_u128(number)),
        day: day.to_owned(),
        memo: format!("note {number}"),
        posted_by: None,
        posted_at: at(i64::try_from(number).expect("small") / 2),
        postings: [("bank", 5), (if number == 3 { "cash" } else { "loss.write-off" }, -5)]
            .map(|(account, fen)| Posting { account: account.to_owned(), amount: Money::fen(fen) })
            .into(),
    };
    let all = [
        transaction(1, "remittance", Some("fund"), "2026-01-01"),
        transaction(2, "adjustment", None, "2026-01-02"),
        transaction(3, "remittance", Some("fund"), "2026-01-03"),
        transaction(4, "remittance", Some("other"), "2026-01-03"),
    ];
    let tx = tenant.begin().await?;
    for one in &all {
        tx.insert_transaction(one).await?;
    }
    tx.commit().await?;
    let text = |text: &str| Some(text.to_owned());
    for (query, found) in [
        (JournalQuery::default(), vec![4, 3, 2, 1]),
        (JournalQuery { from: text("2026-01-02"), to: text("2026-01-02"), ..JournalQuery::default() }, vec![2]),
        (JournalQuery { kind: text("remittance"), payer: text("fund"), ..JournalQuery::default() }, vec![3, 1]),
        (JournalQuery { account: text("cash"), ..JournalQuery::default() }, vec![3]),
        (JournalQuery { doctor: Some(AccountId::from_u128(2)), ..JournalQuery::default() }, vec![2]),
        (JournalQuery { memo: text("note 4"), ..JournalQuery::default() }, vec![4]),
        (JournalQuery { bill: Some(BillId::from_u128(1)), ..JournalQuery::default() }, vec![]),
    ] {
        let expected: Vec<_> = found.iter().map(|number| all[number - 1].clone()).collect();
        assert_eq!(tenant.list_journal(&query, None, 9).await?, expected, "{query:?}");
        let mut paged = Vec::new();
        let mut after: Option<Cursor> = None;
        while let [one] = &tenant.list_journal(&query, after.as_ref(), 1).await?[..] {
            after = Some(Cursor { at: one.posted_at, id: one.id.to_string() });
            paged.push(one.clone());
        }
        assert_eq!(paged, expected);
    }
    assert!(bench.there().list_journal(&JournalQuery::default(), None, 9).await?.is_empty());
    Ok(())
}
