use xinglin_domain::id::PatientId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{ConsentView, parse, theirs, view};

/// Consents of a patient, newest first. Visible to the patient only, because consents disclose
/// the existence of compartment data.
///
/// # Errors
/// `NOT_FOUND` for anybody else.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<ConsentView>> {
    theirs(caller, patient)?;
    let rows = platform.records(caller).list_consents(&patient.to_string(), true).await?;
    let mut consents = rows.into_iter().map(parse).collect::<AppResult<Vec<_>>>()?;
    if !caller.actor.acts_wholly_for(patient) {
        // What an adolescent says of a compartment says what is in it.
        let own = caller.actor.account;
        consents
            .retain(|consent| !consent.terms.scope.is_restricted() || (consent.as_guardian && consent.given_by == own));
    }
    Ok(consents.into_iter().map(|consent| view(consent, caller.now)).collect())
}
