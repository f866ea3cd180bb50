//! Events of pathways: stored with their cause, and delivered in order.

use xinglin_domain::{id::EnrolmentId, pathway::Event, time::Instant};
use xinglin_platform::{AppError, AppResult, ambient};
use xinglin_store::{Queue, TenantTx, Work};

/// For how long only the request that stored an event delivers it, before the jobs do.
pub(crate) const HEAD_START_SECONDS: i64 = 5;

/// Stores events for their pathway in the transaction of their cause. The caller may deliver
/// them after the commit; otherwise the jobs do.
pub(crate) async fn keep(
    tx: &TenantTx,
    enrolment: EnrolmentId,
    events: Vec<Event>,
    now: Instant,
) -> AppResult<Vec<Work>> {
    keep_from(tx, enrolment, events, now.plus_seconds(HEAD_START_SECONDS)).await
}

/// As [`keep`], for the jobs to deliver from `due_at` on.
pub(crate) async fn keep_from(
    tx: &TenantTx,
    enrolment: EnrolmentId,
    events: Vec<Event>,
    due_at: Instant,
) -> AppResult<Vec<Work>> {
    let mut kept = Vec::with_capacity(events.len());
    for event in events {
        // What is due together is told in the order of the ids.
        let id = format!("out-{:032x}", ambient::fresh_id());
        let work = Work::new(Queue::Event, id, enrolment, due_at);
        kept.push(Work { payload: serde_json::to_value(&event).map_err(AppError::internal)?, ..work });
    }
    tx.put_work(&kept).await?;
    Ok(kept)
}
