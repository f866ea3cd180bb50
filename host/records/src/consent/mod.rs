//! Consents of patients, and access to records.
//!
//! Every disclosure of a record is decided here, to people, plugins and payers. The decision itself is `domain::consent::may_disclose`.

mod access;
mod give;
mod list;
mod openings;
mod revoke;
mod share;

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    consent::{Consent, Provision, Purpose, Recipient, Scope},
    id::{ConsentId, PatientId},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller};

pub use self::access::of_patient;
pub use self::access::{
    PluginAccess, RecordAccess, Shown, Span, compartments_if_known, compartments_of, identifies, may_bill, may_enter,
    may_open, may_open_part, may_see_enrolment, plugin_access, plugin_sees, record_access, section,
};
pub(crate) use self::access::{exportable, may_read, search_access};
pub use self::give::{GiveConsent, give};
pub use self::list::list;
pub use self::openings::Openings;
pub use self::revoke::revoke;

/// A consent.
#[derive(Serialize, ToSchema)]
pub struct ConsentView {
    /// `con-…`
    #[schema(value_type = String)]
    pub id: ConsentId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// `permit` or `refuse`.
    #[schema(value_type = String)]
    pub provision: Provision,
    /// Of what.
    #[schema(value_type = Object)]
    pub scope: Scope,
    /// To whom.
    #[schema(value_type = Object)]
    pub recipient: Recipient,
    /// What for.
    #[schema(value_type = Vec<String>)]
    pub purposes: BTreeSet<Purpose>,
    /// From when on (RFC 3339).
    pub from: String,
    /// Until when.
    pub until: Option<String>,
    /// Whether it is in force now.
    pub active: bool,
    /// When it was given.
    pub given: String,
    /// When it was revoked.
    pub revoked: Option<String>,
}

/// The placeholder for a restricted document: that an action is required, without content.
pub const RESTRICTED: &str = "RESTRICTED";

/// Only the patient, or somebody who acts for them.
fn theirs(caller: &Caller, patient: PatientId) -> AppResult<()> {
    caller.trail.saw(patient);
    if caller.actor.acts_for(patient) {
        return caller.may(Action::ManageConsent);
    }
    Err(AppError::not_found("patient", patient))
}

/// As it is kept.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn row(consent: &Consent) -> AppResult<xinglin_store::Consent> {
    Ok(xinglin_store::Consent {
        id: consent.id,
        patient_id: consent.patient.to_string(),
        organisation: match consent.terms.recipient {
            Recipient::Organisation(organisation) => Some(organisation),
            _ => None,
        },
        body: serde_json::to_value(consent).map_err(AppError::internal)?,
        given_at: consent.given,
        revoked_at: consent.revoked,
    })
}

fn parse(row: xinglin_store::Consent) -> AppResult<Consent> {
    serde_json::from_value(row.body).map_err(AppError::internal)
}

fn view(consent: Consent, now: Instant) -> ConsentView {
    let active = consent.holds(now);
    let Consent { id, patient, terms, given, revoked, .. } = consent;
    ConsentView {
        id,
        patient,
        provision: terms.provision,
        scope: terms.scope,
        recipient: terms.recipient,
        purposes: terms.purposes,
        from: terms.from.to_string(),
        until: terms.until.map(|until| until.to_string()),
        active,
        given: given.to_string(),
        revoked: revoked.map(|revoked| revoked.to_string()),
    }
}
