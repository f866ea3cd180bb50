use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    encounter::{Accepted, Encounter, Stopped},
    id::EncounterId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::patient;

use super::{VisitView, load, put_with};
use crate::safety;

/// How a visit is closed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseVisit {
    /// For a visit stopped by a danger sign: what was done for the patient.
    #[serde(default)]
    pub note: Option<String>,
}

/// Closes a visit; for a visit that was stopped, with what was done for the patient.
///
/// # Errors
/// `ENC_RED_FLAG_OPEN` if the visit was stopped and the request does not state what was done, or while a
/// patient in danger waits for a person.
#[tracing::instrument(target = "xinglin::trace", name = "close_visit", skip_all)]
#[boxed]
pub async fn close(platform: &Platform, caller: &Caller, id: EncounterId, ask: CloseVisit) -> AppResult<VisitView> {
    caller.may(Action::CloseEncounter)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    let of_whom = value.patient();
    caller.trail.saw(of_whom);
    let closed = match (value, ask.note) {
        (Encounter::Stopped(_), None) => {
            return Err(AppError::new(Code::EncRedFlagOpen, "say in `note` what was done for the patient"));
        }
        (value @ Encounter::Stopped(_), Some(note)) => {
            value.expecting::<Stopped>()?.resolve(&caller.actor, note, caller.now)?
        }
        (value, _) => value.expecting::<Accepted>()?.close(&caller.actor, caller.now)?,
    };
    put_with(platform, caller, row, closed.into(), async |tx| {
        patient::lock(tx, of_whom).await?;
        safety::none_locks_for(caller, tx, of_whom).await
    })
    .await
}
