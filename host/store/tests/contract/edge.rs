//! Idempotent requests, and values of the whole installation.

use xinglin_store::{Request, RequestKey, Result};

use crate::{Bench, at, code_of, contract};

contract!(a_request_is_answered_once, old_requests_are_forgotten, meta_values_are_replaced,);

fn key(key: &str) -> RequestKey {
    RequestKey { account: "acc-1".to_owned(), key: key.to_owned() }
}

async fn a_request_is_answered_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let running = Request::Running { digest: "d".to_owned(), since: at(0) };
    let tx = tenant.begin().await?;
    assert_eq!(tx.start_request(&key("k"), "d", at(0)).await?, Request::New);
    assert_eq!(tx.start_request(&key("k"), "other", at(1)).await?, running);
    let somebody_else = RequestKey { account: "acc-2".to_owned(), ..key("k") };
    assert_eq!(tx.start_request(&somebody_else, "d", at(0)).await?, Request::New);
    tx.commit().await?;
    assert_eq!(tenant.find_request(&key("k")).await?, Some(running));
    assert_eq!(tenant.find_request(&key("k2")).await?, None);
    assert_eq!(bench.there().find_request(&key("k")).await?, None);

    let tx = tenant.begin().await?;
    tx.answer_request(&key("k"), 201, b"{}").await?;
    assert_eq!(code_of(tx.answer_request(&key("k"), 500, b"").await), "NOT_FOUND", "answered");
    tx.forget_request(&key("k")).await?;
    tx.forget_request(&somebody_else).await?;
    tx.commit().await?;
    let answered = Request::Answered { digest: "d".to_owned(), status: 201, response: b"{}".to_vec() };
    assert_eq!(tenant.find_request(&key("k")).await?, Some(answered), "an answer is not forgotten");
    assert_eq!(tenant.find_request(&somebody_else).await?, None);
    Ok(())
}

async fn old_requests_are_forgotten(bench: Bench) -> Result<()> {
    for (tenant, since) in [(bench.here(), 0), (bench.there(), 100)] {
        let tx = tenant.begin().await?;
        tx.start_request(&key("k"), "d", at(since)).await?;
        tx.commit().await?;
    }
    let tx = bench.operator().begin().await?;
    assert_eq!(tx.purge_requests(at(50)).await?, 1);
    tx.commit().await?;
    assert_eq!(bench.here().find_request(&key("k")).await?, None);
    assert!(bench.there().find_request(&key("k")).await?.is_some());
    Ok(())
}

async fn meta_values_are_replaced(bench: Bench) -> Result<()> {
    let operator = bench.operator();
    assert_eq!(operator.find_meta::<i64>("clock-offset").await?, None);
    for offset in [5_i64, 86_400] {
        let tx = operator.begin().await?;
        tx.put_meta("clock-offset", &offset).await?;
        tx.commit().await?;
        assert_eq!(operator.find_meta("clock-offset").await?, Some(offset));
    }
    // Two that count on what they read do not lose each other's.
    let more = async || -> Result<()> {
        let tx = operator.begin().await?;
        let offset: i64 = tx.take_meta("clock-offset").await?.unwrap_or_default();
        tx.put_meta("clock-offset", &(offset + 1)).await?;
        tx.commit().await
    };
    let (one, two) = tokio::join!(more(), more());
    one.and(two)?;
    assert_eq!(operator.find_meta("clock-offset").await?, Some(86_402_i64));
    assert_eq!(code_of(operator.find_meta::<String>("clock-offset").await), "STORE_CORRUPT");
    Ok(())
}
