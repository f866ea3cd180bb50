use serde::Deserialize;
use xinglin_domain::{
    access::Action,
    id::{ContactId, PatientId},
    safety::SafetyContact,
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_store::{Document, DocumentQuery};

use super::{OPEN, SafetyContactView, view};

/// Most contacts of a list.
const MOST: usize = 500;
/// How many are read at a time.
const PAGE: u32 = 500;

/// Which contacts.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ContactFilter {
    /// Also those that ended.
    pub ended: bool,
    /// Of this patient.
    pub patient: Option<PatientId>,
}

/// Contacts with patients in danger: of all that are open the one that is due first comes first; then those that ended,
/// the newest first.
///
/// # Errors
/// If the caller may not speak with patients in danger.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, filter: ContactFilter) -> AppResult<Vec<SafetyContactView>> {
    caller.may(Action::EndSafetyContact)?;
    let records = platform.records(caller);
    let in_state = |state: &str| DocumentQuery {
        patient_id: filter.patient.map(|patient| patient.to_string()),
        statuses: vec![state.to_owned()],
        ..DocumentQuery::default()
    };
    // All, before any is left out: the one that has waited longest was opened before the others.
    let mut contacts = Vec::new();
    let mut after = None;
    loop {
        let page = records.list_documents::<ContactId>(&in_state(OPEN), after.as_ref(), PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        after = page.last().map(Document::cursor);
        for row in page {
            contacts.push(Stored::<_, SafetyContact>::try_from(row)?.value);
        }
        if is_last {
            break;
        }
    }
    contacts.sort_by_key(|contact| (contact.deadline, contact.id));
    if filter.ended {
        for row in records.list_documents::<ContactId>(&in_state("ended"), None, PAGE).await? {
            contacts.push(Stored::<_, SafetyContact>::try_from(row)?.value);
        }
    }
    contacts.truncate(MOST);
    contacts.iter().for_each(|contact| caller.trail.saw(contact.patient));
    contacts.iter().map(|contact| view(contact, caller.now)).collect()
}
