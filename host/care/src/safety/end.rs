use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::ContactId,
    pathway::Event,
    safety::{Outcome, SafetyContact},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::patient;
use xinglin_store::{Queue, Work};

use crate::event;

use super::{SafetyContactView, load, put, settle, view};

/// How a contact ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactEnd {
    /// `safe`: a clinician spoke with the patient and found no acute danger. `handed_over`: the patient is
    /// with an emergency department, 120 or the family. `mistaken`: the answer is not the patient's.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// What was said and done.
    pub note: String,
    /// `findings` of the contact as it was read: what was found since has not been spoken of.
    pub findings: u32,
}

/// Records how a contact with a patient in danger ended. Visits may be closed again; a patient who was in
/// acute danger is contacted again after a day, three, and a week, unless it was a mistake. Pathways that asked for the
/// contact are told.
///
/// # Errors
/// `PATHWAY_REASON_REQUIRED` without a note; `PATHWAY_STATE` if it has ended; `VERSION_CONFLICT` if the patient has said
/// something since it was read.
#[tracing::instrument(target = "xinglin::trace", name = "end_contact", skip_all)]
#[boxed]
pub async fn end(platform: &Platform, caller: &Caller, id: ContactId, ask: ContactEnd) -> AppResult<SafetyContactView> {
    caller.may(Action::EndSafetyContact)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    caller.trail.saw(value.patient);
    let ended = value.end(&caller.actor, ask.outcome, ask.note, caller.now)?;
    if ended.last_finding() != ask.findings {
        let detail =
            "the patient has said something else since you read the contact: read it again, and speak with them";
        return Err(AppError::new(Code::VersionConflict, detail).with("findings", ended.last_finding()));
    }
    let tx = platform.begin(caller).await?;
    patient::lock(&tx, ended.patient).await?;
    // What was found meanwhile has changed it.
    put(&tx, row, &ended, caller.now).await?;
    settle(&tx, &ended, Some(caller.actor.account), caller.now).await?;
    tx.put_work(&repetitions(&ended)).await?;
    for (enrolment, report) in ended.reports() {
        event::keep(&tx, enrolment, vec![Event::RequestEnded(report)], caller.now).await?;
    }
    tx.commit().await?;
    view(&ended, caller.now)
}

fn repetitions(contact: &SafetyContact) -> Vec<Work> {
    let work = |(hours, at)| Work::new(Queue::Contact, format!("{}/{hours}", contact.id), contact.id, at);
    contact.repeats().map(work).collect()
}
