use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    id::{PatientId, TenantId},
    identity::RealName,
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{RealNameView, patient_to_judge, put_real_name, view};
use crate::account::certificate::by_hand;

/// What somebody who looked at a patient's documents found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RealNameJudgement {
    /// Whether the patient is who the record says.
    pub verified: bool,
    /// What was seen, or what is wrong.
    pub reason: String,
    /// It is to be looked at again then.
    #[serde(default)]
    pub until: Option<String>,
}

/// Decides by hand whether a patient is who the record says. The record says who did.
///
/// # Errors
/// If the caller may not, or acts for the patient; `BODY_INVALID` without a reason.
#[boxed]
pub async fn judge_real_name(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
    judgement: RealNameJudgement,
) -> AppResult<RealNameView> {
    let (person, _, version) = patient_to_judge(platform, caller, tenant, patient).await?;
    let RealNameJudgement { verified, reason, until } = judgement;
    let name = RealName::Decided(by_hand(caller, verified, &reason, until.as_deref())?);
    put_real_name(platform, caller, (tenant, patient, version), &person, &name, None).await?;
    Ok(view(patient, name, caller.now))
}
