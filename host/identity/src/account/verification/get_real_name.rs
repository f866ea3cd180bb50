use xinglin_domain::id::{PatientId, TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{RealNameView, patient_to_judge, view};

/// The state of a patient's real name.
///
/// # Errors
/// If the caller may not, or there is no such patient.
#[boxed]
pub async fn get_real_name(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<RealNameView> {
    let (_, name, _) = patient_to_judge(platform, caller, tenant, patient).await?;
    Ok(view(patient, name, caller.now))
}
