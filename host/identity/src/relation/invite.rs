use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::PatientId,
    relation::{Kind, Tie},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, one_time};

use super::{INVITATION, Invited};

/// How long an invitation can be accepted, in hours.
const INVITATION_HOURS: i64 = 7 * 24;

/// An invitation to become a family member or emergency contact.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// `family` or `emergency_contact`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// As in a relation that is registered.
    #[schema(value_type = String)]
    pub tie: Tie,
    /// End of the period, exclusive; unlimited if left out.
    #[serde(default)]
    pub until: Option<String>,
}

/// The code to pass on to the invited person.
#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    /// Valid once, for whoever uses it first.
    pub code: String,
    /// Until when (RFC 3339).
    pub expires_at: String,
}

/// Creates an invitation of a patient, with a one-time code.
///
/// # Errors
/// `NOT_FOUND` for anybody but the patient; `RELATION_INVALID` for a guardian.
#[boxed]
pub async fn invite(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    new: NewInvitation,
) -> AppResult<InvitationView> {
    caller.trail.saw(patient);
    if !caller.actor.acts_for(patient) {
        return Err(AppError::not_found("patient", patient));
    }
    caller.may(Action::ManageConsent)?;
    if new.kind == Kind::Guardian {
        let detail = "who is a guardian is registered by the hospital, upon evidence";
        return Err(AppError::new(Code::RelationInvalid, detail));
    }
    let until = new.until.as_deref().map(|text| AppError::time("until", text)).transpose()?;
    let invited = Invited { patient, by: caller.actor.account, kind: new.kind, tie: new.tie, until };
    let (code, digest) = one_time::draw();
    let expires_at = caller.now.plus_hours(INVITATION_HOURS);
    let tx = platform.begin(caller).await?;
    tx.put_one_time(INVITATION, &digest, &invited, expires_at).await?;
    tx.commit().await?;
    Ok(InvitationView { code, expires_at: expires_at.to_string() })
}
