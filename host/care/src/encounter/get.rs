use xinglin_domain::{access::Action, compartment::Compartments, encounter::Encounter, id::EncounterId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::consent;

use super::{VisitView, load, view};

/// One visit.
///
/// # Errors
/// If there is none that the caller may see.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: EncounterId) -> AppResult<VisitView> {
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    // A visit that waits is put before the doctors by the patient.
    let waits = matches!(value, Encounter::Requested(_)) && caller.may(Action::DecideFollowUp).is_ok();
    let author = waits || value.doctor() == Some(caller.actor.account);
    consent::may_open(platform, caller, value.patient(), (Compartments::of(&row.body), author), "visit", id).await?;
    view(value)
}
