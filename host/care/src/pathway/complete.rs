use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    enrolment::{TaskRecord, task},
    id::TaskId,
    pathway::{Event, TaskEnd, TaskReport},
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_records::{
    consent::{self, Openings},
    resource::{self, marked},
};
use xinglin_store::TaskState;

use super::{EnrolmentView, Occasion, ready, step::schedule, tell, timer_projection, view};
use crate::event::keep;

/// Why a task is not done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineTask {
    /// In the words of who decides.
    pub reason: String,
}

/// Somebody did a task that is theirs: the patient, or the role that it was given to, in force. It may be done
/// before it is due, and late. The pathway is told. Who may not read the patient's record, as an
/// assistant or a dietitian, is shown the task and nothing else. Of a restricted pathway it must be open to them, as in the
/// list of tasks: a role alone opens none.
///
/// # Errors
/// `NOT_FOUND` if the caller may not see it, and it is not theirs; `AUTH_FORBIDDEN` if it is another role's;
/// `PATHWAY_STATE` if it is done or was cancelled, or the
/// enrolment has ended.
#[tracing::instrument(target = "xinglin::trace", name = "complete_task", skip_all)]
#[boxed]
pub async fn complete(extensions: &Extensions, caller: &Caller, id: TaskId) -> AppResult<EnrolmentView> {
    end(extensions, caller, id, TaskEnd::Done).await
}

/// Whose task it is, or for whom, does not want it, or gives it up; the pathway is told. The next of its repetitions
/// comes all the same.
///
/// # Errors
/// As [`complete`]; `PATHWAY_REASON_REQUIRED`.
#[tracing::instrument(target = "xinglin::trace", name = "decline_task", skip_all)]
#[boxed]
pub async fn decline_task(
    extensions: &Extensions,
    caller: &Caller,
    id: TaskId,
    ask: DeclineTask,
) -> AppResult<EnrolmentView> {
    if ask.reason.trim().is_empty() {
        return Err(AppError::new(Code::PathwayReasonRequired, "say why it is not done").with("path", "reason"));
    }
    tracing::info!(task = %id, by = %caller.actor.account, "a task is declined");
    end(extensions, caller, id, TaskEnd::Declined).await
}

async fn end(extensions: &Extensions, caller: &Caller, id: TaskId, how: TaskEnd) -> AppResult<EnrolmentView> {
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
        // As the body has it, it is pending.
        Err(hidden) if hidden.code == Code::NotFound && record.is_given_to(&caller.actor, now) => {
            caller.trail.saw(patient);
            let openings = Openings::of(&extensions.platform, caller, [patient]).await?;
            if !openings.opens_part(patient, ready.compartments) {
                return Err(hidden);
            }
            openings.note(patient, ready.compartments);
            false
        }
        Err(hidden) => return Err(hidden),
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
    // Before it is due its next repetition is not there yet.
    let again = if state == task::TaskState::Open { record.task.again(now) } else { None };
    let record = TaskRecord { id, state, ..record };
    let ended = match how {
        TaskEnd::Declined => record.decline(&caller.actor, now)?,
        _ => record.done(&caller.actor, now)?,
    };
    let tx = records.begin().await?;
    match how {
        TaskEnd::Declined => tx.decline_task(id, row.version, now).await?,
        _ => tx.finish_task(id, row.version, now).await?,
    };
    let mut projections = vec![timer_projection(&ready, &ended, now)];
    if let Some(again) = again {
        projections.push(schedule(&tx, &ready, &again, now).await?);
    }
    resource::project(&tx, marked(projections, ready.compartments), now).await?;
    let report = TaskReport { task: ended.reference(), end: how, at: now };
    let kept = keep(&tx, ready.enrolment.id, vec![Event::TaskEnded(report)], now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now };
    let told = tell(extensions, &records, kept, &occasion).await;
    let enrolment = super::ready(&records, ready.enrolment.id).await?.enrolment;
    let whole = view(&records, enrolment, told.effects, told.calls).await?;
    Ok(if reads { whole } else { only(whole, id) })
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
