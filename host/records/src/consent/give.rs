use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    consent::{Consent, Provision, Purpose, Recipient, Scope, Terms},
    id::{ConsentId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, boxed};

use super::{ConsentView, row, share::may_share, theirs, view};

/// A consent to record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveConsent {
    /// `permit` (default) or `refuse`.
    #[serde(default = "permit")]
    #[schema(value_type = String)]
    pub provision: Provision,
    /// `"record"`: everything that is not restricted; or `{"compartment": "hiv"}`,
    /// `{"compartment": "mental-health"}`; or, to a plugin, `"identity"`: identity data may be
    /// sent to its servers; or, to an account of the family, to a school or an employer,
    /// `{"pathway": {"enrolment": "enr-…", "parts": […], "compartments": […]}}` with the parts `status`, `tasks` and
    /// `panel` to family, `status` to a school, `counted` to an employer, and the names of the compartments in which
    /// the pathway lies; or, to an account of the family, `"danger"`: whether the hospital is in contact with the patient
    /// because of a danger.
    #[schema(value_type = Object)]
    pub scope: Scope,
    /// `{"role": "doctor"}`, `{"account": "acc-…"}`, `{"plugin": "…"}`, `{"organisation": "org-…"}` or
    /// `"export"`.
    #[schema(value_type = Object)]
    pub recipient: Recipient,
    /// Any of `treatment`, `payment`, `research`; for family members `family`, for a school or an employer
    /// `organisation`.
    #[schema(value_type = Vec<String>)]
    pub purposes: BTreeSet<Purpose>,
    /// Start, RFC 3339 or a date; now if left out.
    pub from: Option<String>,
    /// End, exclusive; until revoked if left out.
    pub until: Option<String>,
}

const fn permit() -> Provision {
    Provision::Permit
}

/// Records a patient's consent to a disclosure, or its refusal.
///
/// # Errors
/// `NOT_FOUND` for anybody but the patient, and if there is no such enrolment or organisation; `CONSENT_INVALID` if it
/// is inconsistent; `ORGANISATION_STATE` if the organisation is closed.
#[boxed]
pub async fn give(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    ask: GiveConsent,
) -> AppResult<ConsentView> {
    theirs(caller, patient)?;
    let time = |field, text: Option<&str>| text.map(|text| AppError::time(field, text)).transpose();
    let terms = Terms {
        provision: ask.provision,
        scope: ask.scope,
        recipient: ask.recipient,
        purposes: ask.purposes,
        from: time("from", ask.from.as_deref())?.unwrap_or(caller.now),
        until: time("until", ask.until.as_deref())?,
    };
    let id = ConsentId::from_u128(ambient::fresh_id());
    let consent = Consent::give(id, patient, terms, &caller.actor, caller.now)?;
    may_share(platform, caller, &consent).await?;
    let tx = platform.begin(caller).await?;
    tx.insert_consent(&row(&consent)?).await?;
    tx.commit().await?;
    Ok(view(consent, caller.now))
}
