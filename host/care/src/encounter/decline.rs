use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, encounter::Requested, id::EncounterId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::patient;

use super::{VisitView, load, put_with};
use crate::safety;

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
/// `BODY_INVALID` without a reason; `ENC_STATE` if it was decided already; `ENC_RED_FLAG_OPEN` while a patient in danger
/// waits for a person.
#[boxed]
pub async fn decline(platform: &Platform, caller: &Caller, id: EncounterId, ask: DeclineVisit) -> AppResult<VisitView> {
    caller.may(Action::DecideFollowUp)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    let of_whom = value.patient();
    caller.trail.saw(of_whom);
    let declined = value.expecting::<Requested>()?.decline(&caller.actor, ask.reason, caller.now)?;
    put_with(platform, caller, row, declined.into(), async |tx| {
        patient::lock(tx, of_whom).await?;
        safety::none_locks_for(caller, tx, of_whom).await
    })
    .await
}
