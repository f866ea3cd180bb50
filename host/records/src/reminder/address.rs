use xinglin_domain::{access::Action, id::PatientId, reminder::Standing};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{ReminderAddressView, StoredAddress};

/// Checks that the caller decides where this patient is reminded: the patient, or the guardian of one who does not decide
/// alone. A guardian of an adolescent would be reminded of messages that they may not read.
pub(super) fn may_choose(caller: &Caller, patient: PatientId) -> AppResult<()> {
    caller.may(Action::ChooseReminders)?;
    caller.trail.saw(patient);
    match caller.actor.acts_wholly_for(patient) && !caller.is_beyond(Some(patient)) {
        true => Ok(()),
        false => Err(AppError::not_found("patient", patient)),
    }
}

/// Where a patient is reminded. Nobody is shown an address whole.
///
/// # Errors
/// `NOT_FOUND` unless the caller is the patient, or decides for them.
#[boxed]
pub async fn list_addresses(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
) -> AppResult<Vec<ReminderAddressView>> {
    may_choose(caller, patient)?;
    let mut views = Vec::new();
    for row in platform.records(caller).list_reminder_addresses(&patient.to_string()).await? {
        let stored = StoredAddress::read(row)?;
        if stored.value.standing != Standing::Removed {
            views.push(stored.view());
        }
    }
    Ok(views)
}
