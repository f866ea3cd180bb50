use xinglin_domain::id::PatientId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{MemberView, view};

/// What a patient was and is a member of, newest first.
///
/// # Errors
/// `NOT_FOUND` for whoever may not see the patient.
#[boxed]
pub async fn of_patient(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<MemberView>> {
    caller.may_see(patient, "patient", patient)?;
    let members = platform.records(caller).list_memberships(&patient.to_string()).await?;
    members.into_iter().map(|member| view(member, Vec::new())).collect()
}
