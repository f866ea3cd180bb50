use xinglin_domain::{
    access::Action,
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
/// before it is due, and late. The pathway is told.
///
/// # Errors
/// `AUTH_FORBIDDEN` if it is another role's; `PATHWAY_STATE` if it is done or was cancelled, or the
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
    consent::may_open(&extensions.platform, caller, patient, document, "task", id).await?;
    if !ready.enrolment.is_active() {
        return Err(AppError::new(Code::PathwayState, "the enrolment has ended"));
    }
    let record: TaskRecord = serde_json::from_value(row.body).map_err(AppError::internal)?;
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
    view(&records, enrolment, told.effects, told.calls).await
}
