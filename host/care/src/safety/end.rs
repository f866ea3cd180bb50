use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::ContactId, safety::Outcome};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::patient;
use xinglin_store::Queue;

use super::{SafetyContactView, load, put, view};
use crate::alert;

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
}

/// Records how a contact with a patient in danger ended. Visits may be closed again; a patient who was in
/// acute danger is contacted again, unless it was a mistake.
///
/// # Errors
/// `PATHWAY_REASON_REQUIRED` without a note; `PATHWAY_STATE` if it has ended.
#[tracing::instrument(target = "xinglin::trace", name = "end_contact", skip_all)]
#[boxed]
pub async fn end(platform: &Platform, caller: &Caller, id: ContactId, ask: ContactEnd) -> AppResult<SafetyContactView> {
    caller.may(Action::EndSafetyContact)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    caller.trail.saw(value.patient);
    let ended = value.end(&caller.actor, ask.outcome, ask.note, caller.now)?;
    let tx = platform.begin(caller).await?;
    patient::lock(&tx, ended.patient).await?;
    put(&tx, row, &ended, caller.now).await?;
    let row = tx.get_alert(ended.alert).await?;
    let settled = alert::record(row.clone())?.settled(caller.actor.account, caller.now);
    alert::update(&tx, (row, &settled), caller.now).await?;
    tx.drop_work(Queue::Alert, &ended.alert.to_string()).await?;
    tx.commit().await?;
    view(&ended, caller.now)
}
