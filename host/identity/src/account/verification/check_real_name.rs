use xinglin_domain::id::{PatientId, TenantId};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, Caller, boxed};

use super::{RealNameView, ask_of_person, patient_to_judge, view};

/// Has the verifiers verify a patient's real name.
///
/// # Errors
/// If the caller may not, or there is no such patient. A failing verifier is not an error.
#[boxed]
pub async fn check_real_name(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<RealNameView> {
    let (person, name, version) = patient_to_judge(&extensions.platform, caller, tenant, patient).await?;
    let name = ask_of_person(extensions, caller, (tenant, patient, version), &person, name).await?;
    Ok(view(patient, name, caller.now))
}
