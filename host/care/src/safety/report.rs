use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::PatientId,
    safety::{Danger, Heard},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{Found, SafetyNotice, open_said};

/// What somebody heard or saw: in a conversation, on the telephone, at the counter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DangerReport {
    /// The patient: `pat-…`
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// `acute`: a person must speak with the patient within minutes. `assess`: a clinician, within hours.
    #[schema(value_type = String)]
    pub danger: Danger,
    /// What was heard or seen.
    pub note: String,
}

/// Opens the contact with a patient in danger because somebody of the care team says so; if one is open, the report is
/// added to it. The answer is what the patient is shown: numbers to call.
///
/// # Errors
/// `PATHWAY_REASON_REQUIRED` without a note; `NOT_FOUND` if there is no such patient.
#[tracing::instrument(target = "xinglin::trace", name = "report_danger", skip_all)]
#[boxed]
pub async fn report(platform: &Platform, caller: &Caller, ask: DangerReport) -> AppResult<SafetyNotice> {
    caller.may(Action::ReportDanger)?;
    caller.may_act_on(ask.patient, "patient", ask.patient)?;
    let note = ask.note.trim();
    if note.is_empty() {
        return Err(AppError::new(Code::PathwayReasonRequired, "say in `note` what was heard or seen"));
    }
    platform.records(caller).get_resource("Patient", &ask.patient.to_string()).await?;
    let by = caller.actor.account;
    let found = Found::danger(ask.danger, by.to_string());
    let heard = Heard { by, note: note.to_owned() };
    let tx = platform.begin(caller).await?;
    let notice = open_said(&tx, ask.patient, found, Some(heard), caller.now).await?;
    tx.commit().await?;
    Ok(notice)
}
