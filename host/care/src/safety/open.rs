use serde_json::json;
use xinglin_domain::{
    enrolment::{AlertRecord, AlertSource},
    id::{AlertId, ContactId, PatientId},
    pathway::Contact,
    safety::{Danger, Help, SUICIDE_RISK, SafetyContact},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, ambient, boxed,
    document::{Stored, fresh},
    settings::settings,
};
use xinglin_records::{
    patient,
    resource::{self, marked},
};
use xinglin_store::{Message, Queue, TenantTx, Work};

use super::{SafetyNotice, open_one, put, state};
use crate::alert;

/// A danger, and what it was found in.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// How great it is.
    pub(crate) danger: Danger,
    /// `Observation/…` or `enr-…/questionnaire`.
    pub(crate) found_in: String,
}

impl Found {
    /// The greater of what the host found and what a pathway asks for.
    pub(crate) fn of(danger: Option<Danger>, asked: &[&Contact], found_in: String) -> Option<Self> {
        let danger = asked.iter().map(|contact| asked_danger(contact)).chain(danger).max()?;
        Some(Self { danger, found_in })
    }
}

/// A contact that locks the visit is one for acute danger.
fn asked_danger(contact: &Contact) -> Danger {
    match contact.locks_visit || contact.within_minutes <= Danger::Acute.minutes() {
        true => Danger::Acute,
        false => Danger::Assess,
    }
}

/// Opens the contact with a patient in danger, in the transaction that stores what says so: its alert,
/// what the patient is shown, and when they are contacted again. If one is open, the greater danger and the
/// shorter time count. Nothing for a patient who has died.
#[boxed]
pub(crate) async fn open(
    tx: &TenantTx,
    patient: PatientId,
    found: Found,
    now: Instant,
) -> AppResult<Option<SafetyNotice>> {
    patient::lock(tx, patient).await?;
    if patient::has_died(tx, patient).await? {
        return Ok(None);
    }
    let help = settings(tx).await?.help;
    let contact = match open_one(tx, SUICIDE_RISK, patient).await? {
        None => {
            let contact = SafetyContact::open(ids(), patient, found.danger, found.found_in, now);
            begin(tx, &contact, now).await?;
            repeat_later(tx, &contact).await?;
            contact
        }
        Some(Stored { row, value }) => match value.worsened(found.danger, &found.found_in, now) {
            None => value,
            Some(worse) => {
                put(tx, row, &worse, now).await?;
                hasten(tx, &worse, now).await?;
                repeat_later(tx, &worse).await?;
                worse
            }
        },
    };
    show(tx, &contact, &help, now).await?;
    Ok(Some(SafetyNotice { contact: contact.id, help }))
}

pub(super) fn ids() -> (ContactId, AlertId) {
    (ContactId::from_u128(ambient::fresh_id()), AlertId::from_u128(ambient::fresh_id()))
}

/// Stores a new contact with its alert.
pub(super) async fn begin(tx: &TenantTx, contact: &SafetyContact, now: Instant) -> AppResult<()> {
    let mut row = fresh(contact.id, contact.patient, None, state(contact), contact, now)?;
    row.exclusive_key = contact.exclusive_key();
    tx.insert_document(&row).await?;
    let record = AlertRecord {
        id: contact.alert,
        source: AlertSource::Contact(contact.id),
        patient: contact.patient,
        alert: contact.notice(),
        raised: contact.opened,
        acknowledged: None,
        escalated: Vec::new(),
    };
    tracing::warn!(contact = %contact.id, code = contact.code(), deadline = %contact.deadline, "a patient is in danger");
    alert::insert(tx, &record).await?;
    let of = alert::origin(tx, &record).await?;
    resource::project(tx, marked(vec![alert::projection(&record, &of.pathway)], of.compartments), now).await
}

/// The alert of a contact is due earlier.
async fn hasten(tx: &TenantTx, contact: &SafetyContact, now: Instant) -> AppResult<()> {
    let row = tx.get_alert(contact.alert).await?;
    let sooner = AlertRecord { alert: contact.notice(), ..alert::record(row.clone())? };
    alert::update(tx, (row, &sooner), now).await?;
    alert::climb_at(tx, &sooner, sooner.climbs_at()).await
}

async fn repeat_later(tx: &TenantTx, contact: &SafetyContact) -> AppResult<()> {
    let again = contact
        .repeats()
        .map(|(hours, at)| Work::new(Queue::Contact, format!("{}/{hours}", contact.id), contact.id, at));
    Ok(tx.put_work(&again.collect::<Vec<_>>()).await?)
}

/// What the patient is shown, once for each danger of a contact.
async fn show(tx: &TenantTx, contact: &SafetyContact, help: &Help, now: Instant) -> AppResult<()> {
    let danger = serde_json::to_value(contact.danger).map_err(AppError::internal)?;
    let message = Message {
        id: format!("msg-{:032x}", ambient::fresh_id()),
        patient_id: contact.patient.to_string(),
        dedupe_key: format!("{}/{}", contact.id, danger.as_str().unwrap_or_default()),
        body: json!({ "kind": "safety", "text": help.text, "lines": help.lines }),
        created_at: now,
        read_at: None,
    };
    tx.insert_message(&message).await?;
    Ok(())
}
