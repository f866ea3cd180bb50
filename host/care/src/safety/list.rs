use serde::Deserialize;
use xinglin_domain::{
    access::Action,
    id::{ContactId, PatientId},
    safety::SafetyContact,
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_store::DocumentQuery;

use super::{SafetyContactView, view};

/// Most contacts of a list.
const MOST: u32 = 500;

/// Which contacts.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ContactFilter {
    /// Also those that ended.
    pub ended: bool,
    /// Of this patient.
    pub patient: Option<PatientId>,
}

/// Contacts with patients in danger: what is due first comes first.
///
/// # Errors
/// If the caller may not speak with patients in danger.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, filter: ContactFilter) -> AppResult<Vec<SafetyContactView>> {
    caller.may(Action::EndSafetyContact)?;
    let query = DocumentQuery {
        patient_id: filter.patient.map(|patient| patient.to_string()),
        statuses: if filter.ended { Vec::new() } else { vec!["open".to_owned()] },
        ..DocumentQuery::default()
    };
    let mut contacts = Vec::new();
    for row in platform.records(caller).list_documents::<ContactId>(&query, None, MOST).await? {
        let Stored::<_, SafetyContact> { value, .. } = row.try_into()?;
        caller.trail.saw(value.patient);
        contacts.push(value);
    }
    contacts.sort_by_key(|contact| (!contact.is_open(), contact.deadline, contact.id));
    contacts.iter().map(|contact| view(contact, caller.now)).collect()
}
