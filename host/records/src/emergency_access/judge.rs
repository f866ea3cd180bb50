use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, emergency_access::Finding, id::EmergencyAccessId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{EmergencyAccessView, parse, row, view};

/// What the review found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JudgeGlass)]
pub struct JudgeEmergencyAccess {
    /// `justified`, or `unjustified`, which closes it at once.
    #[schema(value_type = String)]
    pub finding: Finding,
    /// Why.
    pub note: String,
}

/// Reviews an emergency access, by somebody else than who opened it.
///
/// # Errors
/// `GLASS_STATE` if it was judged before; `AUTH_FORBIDDEN` for whoever did it.
#[boxed]
pub async fn judge(
    platform: &Platform,
    caller: &Caller,
    id: EmergencyAccessId,
    ask: JudgeEmergencyAccess,
) -> AppResult<EmergencyAccessView> {
    caller.may(Action::ReviewEmergencyAccess)?;
    let access = parse(platform.records(caller).get_emergency_access(id).await?)?;
    caller.trail.saw(access.patient);
    let access = access.judge(ask.finding, &ask.note, &caller.actor, caller.now)?;
    let body = row(&access)?.body;
    let tx = platform.begin(caller).await?;
    tx.judge_emergency_access(id, &body, caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    Ok(view(access, caller))
}
