use std::time::Duration;

use serde::Deserialize;
use tokio::time::sleep;
use xinglin_domain::{code::Code, pathway::Event};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, boxed, work};
use xinglin_store::{Tenant, Work};

use super::{
    Delivery, EnrolmentView, Occasion, Occurrence, Reply, TRIES, ask, calls_for, carry_out, ready, silent,
    unless_passing,
};

/// Delivers one event to its pathway. The effects and the end of the work are committed
/// together. If the pathway gives no usable answer, the enrolment is unchanged, the care team
/// is alerted, and the event is retried after a growing delay; what was stored with it follows it.
///
/// # Errors
/// If the store fails, or concurrent changes of the enrolment persist; the event is kept.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn deliver(
    extensions: &Extensions,
    records: &Tenant,
    work: &Work,
    occasion: &Occasion,
) -> AppResult<Delivery> {
    for tried in 1..TRIES {
        match deliver_once(extensions, records, work, occasion).await {
            // Ever longer, so that not all who want the same come back together.
            Err(error) if error.code == Code::VersionConflict => sleep(Duration::from_millis(5 << tried)).await,
            delivered => return delivered,
        }
    }
    deliver_once(extensions, records, work, occasion).await
}

async fn deliver_once(
    extensions: &Extensions,
    records: &Tenant,
    work: &Work,
    occasion: &Occasion,
) -> AppResult<Delivery> {
    let event = Event::deserialize(&work.payload).map_err(AppError::internal)?;
    let ready = ready(records, work.lane.parse().map_err(AppError::internal)?).await?;
    if !ready.enrolment.is_active() {
        work::finish(records, work).await?;
        return Ok(Delivery::default());
    }
    let mut calls = calls_for(extensions, records, &ready, occasion);
    let now = occasion.now;
    let refused = match ask(extensions, records, &ready, &event, occasion, &mut calls).await? {
        Reply::Nothing(error) => error,
        Reply::Accepted(accepted) => {
            let tx = records.begin().await?;
            // Before its rows: a timer and an event would lock them in opposite orders.
            tx.lock(&format!("enrolment/{}", ready.enrolment.id)).await?;
            if !tx.finish_work(work).await? {
                // Somebody else was faster.
                return Ok(Delivery { calls: calls.views(), ..Delivery::default() });
            }
            match carry_out(&tx, &ready, accepted, occasion, &calls, Occurrence::Of(&work.id)).await {
                Ok(EnrolmentView { effects, calls, .. }) => {
                    tx.commit().await?;
                    return Ok(Delivery { effects, calls, put_off: false });
                }
                Err(error) => {
                    tx.rollback().await?;
                    unless_passing(error)?
                }
            }
        }
    };
    let tx = records.begin().await?;
    let next_try = work::next_try(work, now);
    if tx.put_off_work(work, next_try).await? {
        // What comes of the same cause is told after it.
        tx.put_off_following(work, next_try).await?;
        silent(&tx, &ready, &refused, now).await?;
    }
    tx.commit().await?;
    Ok(Delivery { effects: Vec::new(), calls: calls.views(), put_off: true })
}
