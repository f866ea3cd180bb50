use xinglin_domain::{
    code::Code,
    enrolment::{TaskRecord, task},
    pathway::Event,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, boxed, work};
use xinglin_records::resource::{self, marked};
use xinglin_store::{TaskState, Tenant, Work};

use super::{Occasion, Reply, TRIES, ask, calls_for, carry_out, ready, silent, timer_projection, unless_passing};

/// Fires a due timer. The effects and the mark that it fired are committed together, so they
/// take place exactly once, also after a crash. If the pathway gives no usable answer, the
/// timer is deferred.
///
/// # Errors
/// If the store fails, or concurrent changes of the enrolment persist; the timer stays open.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn fire(extensions: &Extensions, records: &Tenant, work: &Work, occasion: &Occasion) -> AppResult<()> {
    for _ in 1..TRIES {
        match fire_once(extensions, records, work, occasion).await {
            Err(error) if error.code == Code::VersionConflict => {}
            fired => return fired,
        }
    }
    fire_once(extensions, records, work, occasion).await
}

async fn fire_once(extensions: &Extensions, records: &Tenant, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let now = occasion.now;
    let timer = records.get_task(work.id.parse().map_err(AppError::internal)?).await?;
    if timer.state != TaskState::Open {
        // It was taken back, or done by somebody.
        return work::finish(records, work).await;
    }
    let record: TaskRecord = serde_json::from_value(timer.body.clone()).map_err(AppError::internal)?;
    let event = Event::TaskDue(record.reference());
    let ready = ready(records, timer.enrolment_id).await?;
    let mut calls = calls_for(extensions, records, &ready, occasion);
    let refused = match ask(extensions, records, &ready, &event, occasion, &mut calls).await? {
        Reply::Nothing(error) => error,
        Reply::Accepted(accepted) => {
            let tx = records.begin().await?;
            // Before its rows: a timer and an event would lock them in opposite orders.
            tx.lock(&format!("enrolment/{}", ready.enrolment.id)).await?;
            if !tx.finish_work(work).await? {
                // It moved, or is somebody else's by now.
                return Ok(());
            }
            tx.fire_task(timer.id, timer.version, now).await?;
            let fired = TaskRecord { state: task::TaskState::Fired { at: now }, ..record };
            let fired = vec![timer_projection(&ready, &fired, now)];
            resource::project(&tx, marked(fired, ready.compartments), now).await?;
            match carry_out(&tx, &ready, accepted, occasion, &calls, &timer.id.to_string()).await {
                Ok(_) => return Ok(tx.commit().await?),
                Err(error) => {
                    tx.rollback().await?;
                    unless_passing(error)?
                }
            }
        }
    };
    let tx = records.begin().await?;
    if tx.put_off_work(work, work::next_try(work, now)).await? {
        silent(&tx, &ready, &refused, now).await?;
    }
    Ok(tx.commit().await?)
}
