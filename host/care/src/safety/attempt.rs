use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::ContactId, safety::SafetyContact};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::patient;

use super::{SafetyContactView, load, put, view};
use crate::alert;

/// An attempt to reach the patient, or that somebody speaks with them now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactAttempt {
    /// What happened.
    pub note: String,
}

/// Records an attempt to reach a patient in danger. The alert does not climb for half an hour.
///
/// # Errors
/// `PATHWAY_REASON_REQUIRED` without a note; `PATHWAY_STATE` if the contact has ended.
#[tracing::instrument(target = "xinglin::trace", name = "attempt_contact", skip_all)]
#[boxed]
pub async fn attempt(
    platform: &Platform,
    caller: &Caller,
    id: ContactId,
    ask: ContactAttempt,
) -> AppResult<SafetyContactView> {
    caller.may(Action::EndSafetyContact)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    caller.trail.saw(value.patient);
    let contact = value.attempt(&caller.actor, ask.note, caller.now)?;
    let tx = platform.begin(caller).await?;
    patient::lock(&tx, contact.patient).await?;
    put(&tx, row, &contact, caller.now).await?;
    let alert = alert::record(tx.get_alert(contact.alert).await?)?;
    let climbs_at = alert.climbs_at().max(SafetyContact::quiet_until(caller.now));
    alert::climb_at(&tx, &alert, climbs_at).await?;
    tx.commit().await?;
    view(&contact, caller.now)
}
