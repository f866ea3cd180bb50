use serde_json::Value;
use xinglin_domain::id::EnrolmentId;
use xinglin_fhir::questionnaire;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{ready, request};

/// The questionnaires of an enrolment's pathway, as FHIR `Questionnaire`s: what is to be shown to who
/// answers them. Staff who are asked something and may not read the enrolment are shown what they are asked.
///
/// # Errors
/// If there is no enrolment that the caller may see.
#[boxed]
pub async fn questionnaires(platform: &Platform, caller: &Caller, id: EnrolmentId) -> AppResult<Vec<Value>> {
    let ready = ready(&platform.records(caller), id).await?;
    let given = request::opened(platform, caller, &ready).await?;
    let definition = &ready.definition;
    let all = definition.questionnaires.iter();
    let shown = all.filter(|one| given.as_ref().is_none_or(|given| given.contains(&one.code)));
    Ok(shown.map(|one| questionnaire::questionnaire(&definition.code, one)).collect())
}
