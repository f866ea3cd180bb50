use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    coding::LocalizedText,
    enrolment::{Accepted, EndCause, Left},
    id::EnrolmentId,
    pathway::{Departure, Event, Role},
    review::Severity,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_records::{
    consent,
    resource::{self, marked},
};
use xinglin_store::Queue;

use super::{
    EnrolmentView, Occasion, Occurrence, Reply, TRIES, ask, calls_for, carry_out, hold, observe, raise, ready, tell,
};

/// Code of the host's own alert that a patient has left a pathway.
const LEFT: &str = "PATHWAY_LEFT";

/// Why a patient leaves a pathway.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// In the words of who decides.
    pub reason: String,
    /// `withdrawn`, or `transferred` if another hospital goes on with it.
    #[serde(default)]
    #[schema(value_type = String)]
    pub how: Departure,
}

/// A patient leaves a pathway, by their own decision, their guardian's, or the care team's. The
/// pathway is told and cannot prevent it: if it does not answer, the enrolment ends all the same.
/// Timers end, and holds that only the pathway would lift; a hold that is a doctor's stands until a
/// doctor lifts it, and open alerts until somebody acknowledges them. A doctor is told.
///
/// # Errors
/// `PATHWAY_REASON_REQUIRED`; `PATHWAY_STATE` if the enrolment has ended.
#[tracing::instrument(target = "xinglin::trace", name = "leave_pathway", skip_all)]
#[boxed]
pub async fn leave(
    extensions: &Extensions,
    caller: &Caller,
    id: EnrolmentId,
    leave: Leave,
) -> AppResult<EnrolmentView> {
    caller.may(Action::WithdrawEnrolment)?;
    if leave.reason.trim().is_empty() {
        return Err(AppError::new(Code::PathwayReasonRequired, "say why the patient leaves").with("path", "reason"));
    }
    for _ in 1..TRIES {
        match leave_once(extensions, caller, id, &leave).await {
            Err(error) if error.code == Code::VersionConflict => {}
            left => return left,
        }
    }
    leave_once(extensions, caller, id, &leave).await
}

async fn leave_once(
    extensions: &Extensions,
    caller: &Caller,
    id: EnrolmentId,
    leave: &Leave,
) -> AppResult<EnrolmentView> {
    let records = extensions.platform.records(caller);
    let now = caller.now;
    let occasion = Occasion { request_id: caller.request_id.clone(), now };
    let before = ready(&records, id).await?;
    let patient = before.enrolment.patient;
    let author = before.enrolment.enrolled_by == caller.actor.account;
    let document = (before.compartments, author);
    consent::may_open(&extensions.platform, caller, patient, document, "enrolment", id).await?;
    if !before.enrolment.is_active() {
        return Err(AppError::new(Code::PathwayState, "the enrolment has ended"));
    }
    // What it was not told yet comes first: nobody would tell it afterwards.
    for work in records.list_work(Queue::Observation, &patient.to_string()).await? {
        observe(&extensions.platform, &records, &work, &occasion).await?;
    }
    let waiting = records.list_work(Queue::Event, &id.to_string()).await?;
    tell(extensions, &records, waiting, &occasion).await;

    let ready = ready(&records, id).await?;
    let mut calls = calls_for(extensions, &records, &ready, &occasion);
    let holds = hold::of_patient(&records, patient).await?;
    let accepted = match ask(extensions, &records, &ready, &Event::Departed(leave.how), &occasion, &mut calls).await? {
        Reply::Accepted(accepted) => accepted,
        Reply::Nothing(error) => {
            tracing::warn!(enrolment = %id, %error, "the pathway was left without its answer");
            ready.enrolment.leave(&holds, EndCause::Withdrawn)
        }
    };
    let left = Left { by: caller.actor.account, reason: leave.reason.trim().to_owned() };
    let standing = holds.iter().any(|record| {
        let doctors = record.hold.release == xinglin_domain::pathway::ReleaseBy::Doctor;
        record.enrolment == id && record.is_active() && doctors
    });
    let notice = ready.notice(LEFT, Severity::Info, said(&left.reason, standing), Role::Doctor, 3 * 24 * 60);
    let tx = records.begin().await?;
    // As in `deliver`.
    tx.lock(&format!("enrolment/{id}")).await?;
    let accepted = Accepted { left: Some(left), ..accepted };
    let view = carry_out(&tx, &ready, accepted, &occasion, &calls, Occurrence::Of("withdrawn")).await?;
    let issue = raise(&tx, &ready.enrolment, notice, now).await?;
    resource::project(&tx, marked(issue.into_iter().collect(), ready.compartments), now).await?;
    tx.commit().await?;
    Ok(view)
}

fn said(reason: &str, standing: bool) -> LocalizedText {
    let hold = |text| if standing { text } else { "" };
    LocalizedText::zh_en(
        &format!("患者已退出专病路径：{reason}。{}", hold("医师的在线处方暂停仍然有效，须由医师解除。")),
        &format!(
            "The patient has left the pathway: {reason}. {}",
            hold("A hold on online prescribing stands until a doctor lifts it.")
        ),
    )
}
