use xinglin_domain::{access::Action, id::ConsentId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{ConsentView, parse, row, view};

/// Revokes a consent.
///
/// # Errors
/// `NOT_FOUND` for anybody else; `CONSENT_STATE` if it was revoked before.
#[boxed]
pub async fn revoke(platform: &Platform, caller: &Caller, id: ConsentId) -> AppResult<ConsentView> {
    let consent = parse(platform.records(caller).get_consent(id).await?)?;
    caller.trail.saw(consent.patient);
    if !caller.actor.acts_for(consent.patient) {
        return Err(AppError::not_found("consent", id));
    }
    caller.may(Action::ManageConsent)?;
    let consent = consent.revoke(&caller.actor, caller.now)?;
    let body = row(&consent)?.body;
    let tx = platform.begin(caller).await?;
    tx.revoke_consent(id, &body, caller.now).await?;
    tx.commit().await?;
    Ok(view(consent, caller.now))
}
