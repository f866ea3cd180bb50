use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, encounter::Requested, id::EncounterId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};

use super::{VisitView, load, put};

/// The reason of a declined visit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineVisit {
    /// For the patient.
    pub reason: String,
}

/// Declines a visit that is not a follow-up: the patient is to be seen in person.
///
/// # Errors
/// `BODY_INVALID` without a reason; `ENC_STATE` if it was decided already.
#[boxed]
pub async fn decline(platform: &Platform, caller: &Caller, id: EncounterId, ask: DeclineVisit) -> AppResult<VisitView> {
    caller.may(Action::DecideFollowUp)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    caller.trail.saw(value.patient());
    let declined = value.expecting::<Requested>()?.decline(&caller.actor, ask.reason, caller.now)?;
    put(platform, caller, row, declined.into()).await
}
