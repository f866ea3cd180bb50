//! Several at once: one wins, and nothing is lost.

use std::collections::BTreeSet;

use tokio::task::JoinSet;
use xinglin_domain::id::CallId;
use xinglin_store::{ChainState, KvWrite, NewTapeEntry, Queue, Result, StoreError, Transaction};

use crate::{
    Bench, at,
    care::{prescribe, task},
    contract, document, encounter, enrol,
    money::{VISIT, transaction},
};

contract!(
    one_of_many_orders_gets_the_prescription,
    one_of_many_writers_gets_the_version,
    one_of_many_workers_gets_the_timer,
    one_of_many_reversals_is_posted,
    the_chain_does_not_fork,
    a_quota_holds_against_many,
    a_caller_that_goes_away_blocks_nobody,
    neighbours_in_a_group_fail_alone,
);

const MANY: u128 = 12;

/// What came of each, in any order.
async fn all<T: Send + 'static>(tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    tasks.into_iter().collect::<JoinSet<_>>().join_all().await
}

async fn one_of_many_orders_gets_the_prescription(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let rx = prescribe(&tenant, 1).await?;
    let orders = (0..MANY).map(|number| {
        let tenant = tenant.clone();
        async move {
            let tx = tenant.begin().await?;
            tx.mark_used(rx, &[1, 2], &format!("order-{number}"), at(0)).await?;
            tx.commit().await
        }
    });
    let (won, lost): (Vec<_>, Vec<_>) = all(orders).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|loser| matches!(loser, Err(StoreError::Unique { table }) if table == "prescription_use")));
    assert_eq!(tenant.list_prescription_uses(rx).await?.len(), 2);
    Ok(())
}

async fn one_of_many_writers_gets_the_version(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let mut document = encounter(1, at(0));
    document.version = tx.insert_document(&document).await?;
    tx.commit().await?;
    let writers = (0..MANY).map(|number| {
        let (tenant, mut document) = (tenant.clone(), document.clone());
        async move {
            document.status = format!("writer-{number}");
            let tx = tenant.begin().await?;
            tx.update_document(&document).await?;
            tx.commit().await
        }
    });
    let (won, lost): (Vec<_>, Vec<_>) = all(writers).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|loser| matches!(loser, Err(StoreError::VersionConflict { .. }))), "{lost:?}");
    assert_eq!(tenant.get_document(document.id).await?.version, 2);
    Ok(())
}

async fn one_of_many_workers_gets_the_timer(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let enrolment = enrol(&tx, 1).await?;
    for number in 0..40 {
        tx.schedule_task(&task(number, enrolment, &format!("t{number}"), 0)).await?;
    }
    tx.commit().await?;
    let workers = (0..4).map(|_| {
        let operator = bench.operator();
        async move {
            let mut mine = Vec::new();
            loop {
                let tx = operator.begin().await?;
                let claimed = tx.claim_work(Queue::Timer, at(1), at(100), 3).await?;
                tx.commit().await?;
                if claimed.is_empty() {
                    return Result::Ok(mine);
                }
                mine.extend(claimed.into_iter().map(|claimed| claimed.id));
            }
        }
    });
    let shares = all(workers).await.into_iter().collect::<Result<Vec<_>>>()?;
    let claimed: Vec<_> = shares.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 40, "none was claimed twice");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>().len(), 40, "none was left");
    Ok(())
}

async fn one_of_many_reversals_is_posted(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let settled = transaction(1, &VISIT);
    let tx = tenant.begin().await?;
    tx.insert_transaction(&settled).await?;
    tx.commit().await?;
    let reversals = (2..2 + MANY).map(|number| {
        let (tenant, postings) = (tenant.clone(), VISIT.map(|(account, fen)| (account, -fen)));
        let contra =
            Transaction { reverses: Some(settled.id), kind: "contra".to_owned(), ..transaction(number, &postings) };
        async move {
            let tx = tenant.begin().await?;
            tx.insert_transaction(&contra).await?;
            tx.commit().await
        }
    });
    let (won, lost): (Vec<_>, Vec<_>) = all(reversals).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|loser| matches!(loser, Err(StoreError::AlreadyReversed { .. }))), "{lost:?}");
    assert!(tenant.trial_balance(None).await?.iter().all(|balance| balance.amount == 0));
    Ok(())
}

async fn the_chain_does_not_fork(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let writers = (0..MANY).map(|writer| {
        let tenant = tenant.clone();
        async move {
            for turn in 0..5 {
                let entry = NewTapeEntry {
                    call_id: CallId::from_u128(writer * 100 + turn),
                    plugin_id: "p".to_owned(),
                    digest: "aa".to_owned(),
                    hook: "h".to_owned(),
                    recorded_at: at(0),
                    references: vec![format!("rx-{writer}")],
                    record: format!("{writer} {turn}").into_bytes(),
                };
                let tx = tenant.begin().await?;
                tx.append_tape(&[entry]).await?;
                // Every third changes its mind; its place is taken by another.
                if writer % 3 == 0 { tx.rollback().await? } else { tx.commit().await? }
            }
            Result::Ok(())
        }
    });
    all(writers).await.into_iter().collect::<Result<Vec<()>>>()?;
    let state = tenant.verify_chain().await?;
    assert!(matches!(state, ChainState::Intact { length: 40, .. }), "{state:?}");
    Ok(())
}

async fn a_quota_holds_against_many(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let writers = (0..MANY).map(|number| {
        let tenant = tenant.clone();
        async move {
            let write = KvWrite { key: format!("{number:02}"), value: Some(vec![7; 8]) };
            let tx = tenant.begin().await?;
            tx.write_kv("p", &[write], 35).await?;
            tx.commit().await
        }
    });
    let won = all(writers).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 3, "ten bytes each");
    assert_eq!(tenant.kv_usage("p").await?, 30);
    Ok(())
}

/// Requests are cancelled when clients hang up, at any await.
async fn a_caller_that_goes_away_blocks_nobody(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let writers = (0..60_u128).map(|number| {
        let tenant = tenant.clone();
        async move {
            let write = async {
                let tx = tenant.begin().await?;
                tx.insert_document(&encounter(number, at(0))).await?;
                tokio::task::yield_now().await;
                tx.insert_document(&document(xinglin_domain::id::BillId::from_u128(number), "p", "open", at(0)))
                    .await?;
                tx.commit().await
            };
            // A third runs to its end, the others as far as they get.
            match number % 3 {
                0 => write.await.map(|()| true),
                rest => {
                    let patience = std::time::Duration::from_micros(u64::try_from(number * rest * 40).unwrap_or(0));
                    tokio::time::timeout(patience, write).await.map_or(Ok(false), |written| written.map(|()| true))
                }
            }
        }
    });
    let written = all(writers).await.into_iter().collect::<Result<Vec<_>>>()?;
    let sure = written.iter().filter(|written| **written).count() as i64;
    assert!(sure >= 20);

    let tx = tenant.begin().await?;
    tx.insert_document(&encounter(1_000, at(0))).await?;
    tx.commit().await?;
    let stored = bench.raw("SELECT COUNT(*) FROM encounter").await.expect("a count");
    assert!((sure + 1..=61).contains(&stored[0]), "{sure} were sure, {stored:?} are there");
    let torn = "SELECT COUNT(*) FROM encounter e WHERE patient_id = 'pat-1' AND created_at >= 0
                AND document_id <> (SELECT MAX(document_id) FROM encounter)
                AND NOT EXISTS (SELECT 1 FROM bill b WHERE SUBSTR(b.document_id, 6) = SUBSTR(e.document_id, 5))";
    assert_eq!(bench.raw(torn).await.expect("a count"), [0], "whole or not at all");
    Ok(())
}

async fn neighbours_in_a_group_fail_alone(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let writers = (0..60_u128).map(|number| {
        let tenant = tenant.clone();
        async move {
            let tx = tenant.begin().await?;
            tx.insert_document(&encounter(number, at(0))).await?;
            match number % 4 {
                0 => {
                    let twice = tx.insert_document(&encounter(number, at(0))).await;
                    assert!(twice.is_err());
                    Ok(tx.commit().await.is_ok())
                }
                1 => tx.rollback().await.map(|()| false),
                _ => tx.commit().await.map(|()| true),
            }
        }
    });
    let written = all(writers).await.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(written.into_iter().filter(|written| *written).count(), 30);
    assert_eq!(bench.raw("SELECT COUNT(*) FROM encounter").await.expect("a count"), [30]);
    Ok(())
}
