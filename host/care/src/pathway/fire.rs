use xinglin_domain::{
    code::Code,
    enrolment::{TaskRecord, task},
    pathway::{Event, Fate, TaskReport},
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, boxed, work};
use xinglin_records::resource::{self, marked};
use xinglin_store::{Queue, Task, TaskState, Tenant, TenantTx, Work};

use super::{
    Occasion, Occurrence, Ready, Reply, TRIES, ask, calls_for, carry_out, ready, silent, step::schedule,
    timer_projection, unless_passing,
};

/// How late a timer is [`Occurrence::Late`]: a project default, longer than a host is usually down.
const LATE_HOURS: i64 = 24;

/// Fires a due timer, or tells the pathway that the task of one is [overdue or missed](Fate). The
/// effects and the mark that it fired are committed together, so they take place exactly once, also
/// after a crash. If the pathway gives no usable answer, the timer is deferred.
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
    // What is to be told; none that it is due.
    let fate: Option<Fate> = serde_json::from_value(work.payload.clone()).map_err(AppError::internal)?;
    let expected = if fate.is_none() { TaskState::Open } else { TaskState::Fired };
    let ready = ready(records, timer.enrolment_id).await?;
    if timer.state != expected || !ready.enrolment.is_active() {
        // It was taken back, or done by somebody.
        return work::finish(records, work).await;
    }
    let record: TaskRecord = serde_json::from_value(timer.body.clone()).map_err(AppError::internal)?;
    let event = match fate {
        None => Event::TaskDue(record.reference()),
        Some(fate) => Event::TaskEnded(TaskReport { task: record.reference(), end: fate.into(), at: now }),
    };
    let late = now >= work.since.plus_hours(LATE_HOURS);
    let salt = fate.map_or_else(|| work.id.clone(), |fate| format!("{}/{}", work.id, fate.as_str()));
    let occurrence = if late { Occurrence::Late } else { Occurrence::Of(&salt) };
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
            mark(&tx, &ready, (&timer, record), fate, now).await?;
            match carry_out(&tx, &ready, accepted, occasion, &calls, occurrence).await {
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

/// Stores what the pathway was told, and the work of what it is told next. Before its effects, which
/// may take the task back.
async fn mark(
    tx: &TenantTx,
    ready: &Ready,
    (timer, record): (&Task, TaskRecord),
    fate: Option<Fate>,
    now: Instant,
) -> AppResult<()> {
    if fate.is_none() {
        tx.fire_task(timer.id, timer.version, now).await?;
    }
    let again = if fate.is_none() { record.task.again(now) } else { None };
    if let Some((next, due_at)) = record.next_telling(fate, now) {
        let payload = serde_json::to_value(next).map_err(AppError::internal)?;
        tx.put_work(&[Work { payload, ..Work::new(Queue::Timer, timer.id, timer.enrolment_id, due_at) }]).await?;
    }
    let fired = TaskRecord { id: timer.id, state: task::TaskState::Fired { at: now }, ..record };
    let mut projection = timer_projection(ready, &fired, now);
    if fate == Some(Fate::TaskMissed) {
        projection["status"] = "failed".into();
    }
    let mut projections = vec![projection];
    if let Some(again) = again {
        projections.push(schedule(tx, ready, &again, now).await?);
    }
    resource::project(tx, marked(projections, ready.compartments), now).await
}
