use std::time::Duration;

use tokio::time::sleep;
use xinglin_domain::{code::Code, time::Instant};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, boxed};
use xinglin_store::Tenant;

use super::{
    Delivery, EnrolmentView, Kept, LONGEST_WAIT_MINUTES, Occasion, Reply, TRIES, ask, calls_for, carry_out, ready,
    silent, unless_passing,
};

/// Delivers one event to its pathway. The effects and the mark that the event was processed
/// are committed together. If the pathway gives no usable answer, the enrolment is unchanged,
/// the care team is alerted, and the event is retried after a delay that grows with
/// `attempts`.
///
/// # Errors
/// If the store fails, or concurrent changes of the enrolment persist; the event is kept.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn deliver(
    extensions: &Extensions,
    records: &Tenant,
    id: &str,
    kept: &Kept,
    attempts: i64,
    occasion: &Occasion,
) -> AppResult<Delivery> {
    for tried in 1..TRIES {
        match deliver_once(extensions, records, id, kept, attempts, occasion).await {
            // Ever longer, so that not all who want the same come back together.
            Err(error) if error.code == Code::VersionConflict => sleep(Duration::from_millis(5 << tried)).await,
            delivered => return delivered,
        }
    }
    deliver_once(extensions, records, id, kept, attempts, occasion).await
}

async fn deliver_once(
    extensions: &Extensions,
    records: &Tenant,
    id: &str,
    kept: &Kept,
    attempts: i64,
    occasion: &Occasion,
) -> AppResult<Delivery> {
    let ready = ready(records, kept.enrolment).await?;
    if !ready.enrolment.is_active() {
        let tx = records.begin().await?;
        tx.finish_outbox(id, occasion.now).await?;
        tx.commit().await?;
        return Ok(Delivery::default());
    }
    let mut calls = calls_for(extensions, records, &ready, occasion);
    let now = occasion.now;
    let refused = match ask(extensions, records, &ready, &kept.event, occasion, &mut calls).await? {
        Reply::Nothing(error) => error,
        Reply::Accepted(accepted) => {
            let tx = records.begin().await?;
            if !tx.finish_outbox(id, now).await? {
                // Somebody else was faster.
                return Ok(Delivery { effects: Vec::new(), calls: calls.views() });
            }
            match carry_out(&tx, &ready, accepted, occasion, &calls, id).await {
                Ok(EnrolmentView { effects, calls, .. }) => {
                    tx.commit().await?;
                    return Ok(Delivery { effects, calls });
                }
                Err(error) => {
                    tx.rollback().await?;
                    unless_passing(error)?
                }
            }
        }
    };
    let tx = records.begin().await?;
    silent(&tx, &ready, &refused, now).await?;
    tx.retry_outbox(id, next_try(attempts, now)).await?;
    tx.commit().await?;
    Ok(Delivery { effects: Vec::new(), calls: calls.views() })
}

/// When to deliver an event again after this number of attempts.
pub fn next_try(attempts: i64, now: Instant) -> Instant {
    let minutes = 1_i64 << attempts.clamp(0, 6);
    now.plus_minutes(minutes.min(LONGEST_WAIT_MINUTES))
}
