use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    id::{PatientId, TenantId},
    identity::RealName,
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{RealNameView, patient_to_judge, put_real_name, view};
use crate::account::certificate::by_hand;

/// A manual decision on a patient's real name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RealNameJudgement {
    /// Whether the patient's identity matches the record.
    pub verified: bool,
    /// What was seen, or what is wrong.
    pub reason: String,
    /// Expiry of the decision.
    #[serde(default)]
    pub until: Option<String>,
}

/// Decides manually on a patient's real name. The deciding account is recorded.
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
