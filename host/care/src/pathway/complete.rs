use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    enrolment::{TaskRecord, task},
    id::TaskId,
    pathway::Event,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_records::{
    consent,
    resource::{self, marked},
};
use xinglin_store::TaskState;

use super::{EnrolmentView, Occasion, keep, ready, tell, timer_projection, view};

/// Somebody did a task that is theirs: the patient, or the role that it was given to. It may be done
/// before it is due, and late. The pathway is told. Who may not read the patient's record, as an
/// assistant or a dietitian, is shown the task and nothing else.
///
/// # Errors
/// `NOT_FOUND` if the caller may not see it, and it is not theirs; `AUTH_FORBIDDEN` if it is another role's;
/// `PATHWAY_STATE` if it is done or was cancelled, or the
/// enrolment has ended.
#[tracing::instrument(target = "xinglin::trace", name = "complete_task", skip_all)]
#[boxed]
pub async fn complete(extensions: &Extensions, caller: &Caller, id: TaskId) -> AppResult<EnrolmentView> {
    caller.may(Action::CompleteTask)?;
    let records = extensions.platform.records(caller);
    let now = caller.now;
    let row = records.get_task(id).await?;
    let ready = ready(&records, row.enrolment_id).await?;
    let patient = ready.enrolment.patient;
    let document = (ready.compartments, ready.enrolment.enrolled_by == caller.actor.account);
    let record: TaskRecord = serde_json::from_value(row.body).map_err(AppError::internal)?;
    let opened = consent::may_open(&extensions.platform, caller, patient, document, "task", id).await;
    let reads = match opened {
        Ok(()) => true,
        Err(hidden) if hidden.code != Code::NotFound || !is_given_to(&record, caller) => return Err(hidden),
        Err(_) => false,
    };
    if !ready.enrolment.is_active() {
        return Err(AppError::new(Code::PathwayState, "the enrolment has ended"));
    }
    let state = match row.state {
        TaskState::Open => task::TaskState::Open,
        TaskState::Fired => task::TaskState::Fired { at: row.updated_at },
        TaskState::Cancelled => task::TaskState::Cancelled { at: row.updated_at },
        TaskState::Done => return Err(AppError::new(Code::PathwayState, "the task is done")),
    };
    let done = TaskRecord { id, state, ..record }.done(&caller.actor, now)?;
    let tx = records.begin().await?;
    tx.finish_task(id, row.version, now).await?;
    resource::project(&tx, marked(vec![timer_projection(&ready, &done, now)], ready.compartments), now).await?;
    let kept = keep(&tx, ready.enrolment.id, vec![Event::TaskDone(done.reference())], now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now };
    let told = tell(extensions, &records, kept, &occasion).await;
    let enrolment = super::ready(&records, ready.enrolment.id).await?.enrolment;
    let whole = view(&records, enrolment, told.effects, told.calls).await?;
    Ok(if reads { whole } else { only(whole, id) })
}

/// Whether the task was given to a role of the caller, other than the patient's, who may do tasks and does
/// not read records.
fn is_given_to(record: &TaskRecord, caller: &Caller) -> bool {
    let owner = Role::from(record.task.owner);
    let reads = Action::ReadRecords.roles().contains(&owner);
    owner != Role::Patient && !reads && caller.actor.is(owner) && !caller.is_beyond(Some(record.patient))
}

/// Of a view no more than one task.
fn only(view: EnrolmentView, id: TaskId) -> EnrolmentView {
    let timers = view.timers.into_iter().filter(|timer| timer.id == id.to_string()).collect();
    EnrolmentView {
        plugin: String::new(),
        stage: String::new(),
        effects: Vec::new(),
        timers,
        calls: Vec::new(),
        safety: None,
        ..view
    }
}
