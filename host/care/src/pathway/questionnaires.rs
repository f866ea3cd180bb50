use serde_json::Value;
use xinglin_domain::id::EnrolmentId;
use xinglin_fhir::questionnaire;
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_records::consent;

use super::ready;

/// The questionnaires of an enrolment's pathway, as FHIR `Questionnaire`s: what is to be shown to who
/// answers them.
///
/// # Errors
/// If there is no enrolment that the caller may see.
#[boxed]
pub async fn questionnaires(platform: &Platform, caller: &Caller, id: EnrolmentId) -> AppResult<Vec<Value>> {
    let ready = ready(&platform.records(caller), id).await?;
    let author = ready.enrolment.enrolled_by == caller.actor.account;
    let document = (ready.compartments, author);
    consent::may_open(platform, caller, ready.enrolment.patient, document, "enrolment", id).await?;
    let definition = &ready.definition;
    Ok(definition.questionnaires.iter().map(|one| questionnaire::questionnaire(&definition.code, one)).collect())
}
