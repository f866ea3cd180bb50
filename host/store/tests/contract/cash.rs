//! The patient's share in money, and the channels by which it comes.

use xinglin_domain::{id::BillId, money::Money};
use xinglin_store::{CashChannel, CashDifference, CashMovement, CashRow, Noted, Queue, Result, StoreError};

use crate::{
    Bench, at, body, code_of, contract,
    money::{bill, bill_id},
};

contract!(
    a_share_changes_by_version_and_has_its_work,
    a_channel_is_set_up_and_replaced,
    a_notice_is_new_once,
    a_reference_moves_money_once,
    a_difference_stays_until_it_is_explained,
);

async fn a_share_changes_by_version_and_has_its_work(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut row = CashRow {
        bill_id: bill_id(),
        status: "DUE".to_owned(),
        to_return: 0,
        body: body(1),
        version: 0,
        created_at: at(0),
        updated_at: at(0),
    };
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.put_cash(&row, None).await), "REFERENCE_INVALID", "no such bill");
    drop(tx);
    bill(&tenant).await?;
    let put = async |row: &CashRow, look_at| {
        let tx = tenant.begin().await?;
        tx.lock_money(row.bill_id).await?;
        tx.put_cash(row, look_at).await?;
        tx.commit().await
    };
    let early = CashRow { version: 3, ..row.clone() };
    assert_eq!(code_of(put(&early, None).await), "VERSION_CONFLICT");
    put(&row, Some(at(5))).await?;
    assert_eq!(code_of(put(&row, None).await), "VERSION_CONFLICT", "it is not new");
    let claim = async |now| {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(Queue::Cash, at(now), at(now + 1), 10).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed.into_iter().map(|work| (work.id, work.lane)).collect::<Vec<_>>())
    };
    assert_eq!(claim(4).await?, []);
    assert_eq!(claim(5).await?, [(bill_id().to_string(), bill_id().to_string())]);
    row = CashRow { version: 1, status: "PAID".to_owned(), to_return: 2, body: body(2), updated_at: at(7), ..row };
    put(&row, None).await?;
    assert_eq!(claim(99).await?, [], "nothing is to be done");
    row.version = 2;
    assert_eq!(tenant.find_cash(bill_id()).await?, Some(row.clone()));
    assert_eq!(tenant.find_cash(BillId::from_u128(9)).await?, None);
    assert_eq!(bench.there().find_cash(bill_id()).await?, None);
    assert_eq!(tenant.list_cash_to_return(9).await?, std::slice::from_ref(&row));
    assert_eq!(tenant.list_cash_to_return(0).await?, []);
    put(&CashRow { to_return: 0, ..row }, None).await?;
    assert_eq!(tenant.list_cash_to_return(9).await?, []);
    Ok(())
}

async fn a_channel_is_set_up_and_replaced(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut channel =
        CashChannel { channel: "alipay".to_owned(), body: body(1), sealed: vec![1, 2], version: 0, updated_at: at(0) };
    for n in [1, 2] {
        channel.body = body(n);
        let tx = tenant.begin().await?;
        tx.put_cash_channel(&channel).await?;
        tx.commit().await?;
    }
    channel.version = 2;
    assert_eq!(tenant.find_cash_channel("alipay").await?, Some(channel.clone()));
    assert_eq!(tenant.find_cash_channel("wechat-pay").await?, None);
    assert_eq!(tenant.list_cash_channels().await?, [channel]);
    assert_eq!(bench.there().list_cash_channels().await?, []);
    Ok(())
}

async fn a_notice_is_new_once(bench: Bench) -> Result<()> {
    let note = async |id, digest, now, forget| {
        let tx = bench.here().begin().await?;
        let noted = tx.note_cash_notice(("alipay", id), digest, (at(now), at(forget))).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(noted)
    };
    assert_eq!(note("n", "a", 1, 0).await?, Noted::New);
    assert_eq!(note("n", "b", 2, 0).await?, Noted::Known("a".to_owned()));
    assert_eq!(note("n", "b", 3, 2).await?, Noted::New, "the first was forgotten");
    Ok(())
}

async fn a_reference_moves_money_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let movement = |reference: &str, day: &str| CashMovement {
        channel: "alipay".to_owned(),
        way: "payment".to_owned(),
        name: "a".to_owned(),
        reference: reference.to_owned(),
        bill_id: bill_id(),
        day: day.to_owned(),
        amount: Money::fen(5),
        recorded_at: at(0),
    };
    let tx = tenant.begin().await?;
    for (reference, day, is_new) in [("2", "2026-11-20", true), ("1", "2026-11-20", true), ("1", "2026-11-21", false)] {
        assert_eq!(tx.insert_cash_movement(&movement(reference, day)).await?, is_new, "{reference} {day}");
    }
    tx.commit().await?;
    let found = tenant.list_cash_movements("alipay", "2026-11-20").await?;
    assert_eq!(found, [movement("1", "2026-11-20"), movement("2", "2026-11-20")]);
    assert_eq!(tenant.list_cash_movements("alipay", "2026-11-21").await?, []);
    assert_eq!(tenant.list_cash_movements("wechat-pay", "2026-11-20").await?, []);
    assert!(bench.raw("UPDATE cash_movement SET amount = 6").await.is_err());
    Ok(())
}

async fn a_difference_stays_until_it_is_explained(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let found = |id: &str, day: &str| CashDifference {
        id: id.to_owned(),
        channel: "alipay".to_owned(),
        day: day.to_owned(),
        state: "open".to_owned(),
        body: body(1),
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    };
    let find = async |difference: CashDifference| {
        let tx = tenant.begin().await?;
        tx.find_difference_again(&difference).await?;
        tx.commit().await
    };
    let set = async |id: &str, state: &str| {
        let mut difference = tenant.get_cash_difference(id).await?;
        difference.state = state.to_owned();
        let tx = tenant.begin().await?;
        tx.update_cash_difference(&difference).await?;
        tx.commit().await?;
        let tx = tenant.begin().await?;
        assert_eq!(code_of(tx.update_cash_difference(&difference).await), "VERSION_CONFLICT");
        Ok::<_, StoreError>(())
    };
    let open = async |from, to, limit| {
        let listed = tenant.list_cash_differences("open", (from, to), limit).await?;
        Ok::<_, StoreError>(listed.into_iter().map(|difference| difference.id).collect::<Vec<_>>())
    };
    for (id, day) in [("b", "2026-11-20"), ("a", "2026-11-20"), ("c", "2026-12-01")] {
        find(found(id, day)).await?;
    }
    assert_eq!(tenant.get_cash_difference("a").await?, found("a", "2026-11-20"));
    assert_eq!(code_of(tenant.get_cash_difference("x").await), "NOT_FOUND");
    assert_eq!(open("", "2026-11-30", 9).await?, ["a", "b"]);
    assert_eq!(open("2026-11-21", "2026-12-30", 9).await?, ["c"]);
    assert_eq!(open("", "2026-12-30", 1).await?, ["a"]);
    // Both agree, and do not any more; what was explained stays explained.
    set("a", "agreed").await?;
    set("b", "explained").await?;
    assert_eq!(open("", "2026-11-30", 9).await?, [""; 0]);
    find(found("a", "2026-11-20")).await?;
    find(found("b", "2026-11-20")).await?;
    assert_eq!(open("", "2026-11-30", 9).await?, ["a"]);
    Ok(())
}
