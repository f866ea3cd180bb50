use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::ContactId};
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

/// Records an attempt to reach a patient in danger. The alert does not climb for half an hour, or for five minutes if
/// the danger is acute; after two in a row it climbs when it is due.
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
    let row = tx.get_alert(contact.alert).await?;
    let standing = alert::record(row.clone())?;
    if let Some(until) = contact.quiet_until(standing.told_last()) {
        let quiet = standing.quiet(until);
        alert::update(&tx, (row, &quiet), caller.now).await?;
        alert::climb_at(&tx, &quiet, quiet.climbs_at()).await?;
    }
    tx.commit().await?;
    view(&contact, caller.now)
}
