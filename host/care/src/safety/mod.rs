//! Contacts with patients in danger. The host opens one the moment that an answer or a result says so,
//! whatever becomes of a plugin: its list of safety items is `xinglin_domain::safety`. While one for
//! acute danger is open, no visit of the patient closes, and nothing is prescribed, charged or dispensed.
//! Its alert climbs until a clinician has recorded how the contact ended.

mod attempt;
mod end;
mod end_of_patient;
mod get;
mod help;
mod list;
mod open;
mod read;
mod repeat;
mod report;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, AlertId, ContactId, PatientId},
    safety::{Help, SafetyContact},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, Caller,
    document::{Stored, next},
};
use xinglin_records::patient;
use xinglin_store::{Document, DocumentQuery, Executor, Queue, TenantScope, TenantTx};

use crate::alert;

pub use self::attempt::{ContactAttempt, attempt};
pub use self::end::{ContactEnd, end};
pub(crate) use self::end_of_patient::end_of_patient;
pub use self::get::get;
pub use self::help::{HelpView, help, put_help};
pub use self::list::{ContactFilter, list};
pub(crate) use self::open::{Found, open, open_said};
pub(crate) use self::read::read;
pub use self::repeat::repeat;
pub use self::report::{DangerReport, report};

/// A contact with a patient in danger.
#[derive(Serialize, ToSchema)]
pub struct SafetyContactView {
    /// `contact-…`
    #[schema(value_type = String)]
    pub id: ContactId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// `SUICIDE_RISK`, or the code that a pathway gave it; with `_RECONTACT` for one that is made again.
    pub code: String,
    /// `open` or `ended`.
    pub state: &'static str,
    /// `assess` or `acute`.
    pub danger: Value,
    /// Until when it must take place (RFC 3339).
    pub deadline: String,
    /// Whether it is open, and its time is over.
    pub overdue: bool,
    /// Whether no visit of the patient may be closed meanwhile.
    pub locks_visits: bool,
    /// Its alert.
    #[schema(value_type = String)]
    pub alert: AlertId,
    /// When the patient is contacted again (RFC 3339): counted from the end.
    pub repeats: Vec<String>,
    /// How often something was found while it was open. Who records how it ended says up to which finding they have
    /// read.
    pub findings: u32,
    /// Whether guardian or emergency contact are to be told too.
    pub informs_kin: bool,
    /// Guardians, emergency contacts, and what the record names as such. Only for one contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub kin: Option<Vec<Value>>,
    /// The whole: findings, attempts, end.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// What a patient in danger is shown at once; who reported the danger reads it too.
#[derive(Debug, Serialize, ToSchema)]
pub struct SafetyNotice {
    /// The contact that was opened, or is open: `contact-…`.
    #[schema(value_type = String)]
    pub contact: ContactId,
    /// The hospital's words, and numbers to call.
    #[schema(value_type = Object)]
    pub help: Help,
}

/// Checks that no contact for acute danger is open with the patient, under whichever of their records. Read in a
/// transaction that holds the patient's lock, none opens until it ends. The refusal says nothing of what it is about:
/// a pharmacist, a cashier and who pays for the patient read it.
///
/// # Errors
/// `ENC_RED_FLAG_OPEN`.
pub async fn none_locks<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<()> {
    match locking(records, patient).await? {
        None => Ok(()),
        Some(_) => {
            Err(AppError::new(Code::EncRedFlagOpen, "the treating doctor, or a nurse, knows what is to be done"))
        }
    }
}

/// As [`none_locks`], naming the contact to who may speak with the patient.
pub(crate) async fn none_locks_for<E: Executor>(
    caller: &Caller,
    records: &TenantScope<E>,
    patient: PatientId,
) -> AppResult<()> {
    if caller.may(Action::EndSafetyContact).is_err() {
        return none_locks(records, patient).await;
    }
    match locking(records, patient).await? {
        None => Ok(()),
        Some(contact) => {
            let detail = "a person must speak with the patient first, and record how the contact ended";
            Err(AppError::new(Code::EncRedFlagOpen, detail).with("contact", contact.to_string()))
        }
    }
}

async fn locking<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<Option<ContactId>> {
    for record in patient::records_of(records, patient).await? {
        let open = open_of(records, record).await?;
        if let Some(Stored { value, .. }) = open.into_iter().find(|open| open.value.locks_visits()) {
            return Ok(Some(value.id));
        }
    }
    Ok(None)
}

const OPEN: &str = "open";
/// Most contacts of one patient that are looked at.
const MOST_OF_PATIENT: u32 = 100;

/// The contacts with a patient, the newest first.
async fn of_patient<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<Vec<SafetyContact>> {
    let query = DocumentQuery { patient_id: Some(patient.to_string()), ..DocumentQuery::default() };
    let rows = records.list_documents::<ContactId>(&query, None, MOST_OF_PATIENT).await?;
    rows.into_iter().map(|row| Ok(Stored::try_from(row)?.value)).collect()
}

/// The alert of a contact that has ended needs nobody any more.
async fn settle(tx: &TenantTx, contact: &SafetyContact, by: Option<AccountId>, now: Instant) -> AppResult<()> {
    let row = tx.get_alert(contact.alert).await?;
    let settled = alert::record(row.clone())?.settled(by, now);
    alert::update(tx, (row, &settled), now).await?;
    Ok(tx.drop_work(Queue::Alert, &contact.alert.to_string()).await?)
}

/// The open contacts with a patient.
pub(crate) async fn open_of<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
) -> AppResult<Vec<Stored<ContactId, SafetyContact>>> {
    let query = DocumentQuery {
        patient_id: Some(patient.to_string()),
        statuses: vec![OPEN.to_owned()],
        ..DocumentQuery::default()
    };
    let rows = records.list_documents::<ContactId>(&query, None, MOST_OF_PATIENT).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

async fn load<E: Executor>(records: &TenantScope<E>, id: ContactId) -> AppResult<Stored<ContactId, SafetyContact>> {
    records.get_document(id).await?.try_into()
}

const fn state(contact: &SafetyContact) -> &'static str {
    if contact.is_open() { OPEN } else { "ended" }
}

/// Stores a changed contact.
async fn put(tx: &TenantTx, row: Document<ContactId>, contact: &SafetyContact, now: Instant) -> AppResult<()> {
    let mut row = next(row, state(contact), contact, now)?;
    row.exclusive_key = contact.exclusive_key();
    tx.update_document(&row).await?;
    Ok(())
}

fn view(contact: &SafetyContact, now: Instant) -> AppResult<SafetyContactView> {
    Ok(SafetyContactView {
        id: contact.id,
        patient: contact.patient,
        code: contact.code(),
        state: state(contact),
        danger: serde_json::to_value(contact.danger).map_err(AppError::internal)?,
        deadline: contact.deadline.to_string(),
        overdue: contact.is_open() && now > contact.deadline,
        locks_visits: contact.locks_visits(),
        alert: contact.alert,
        repeats: contact.repeats().map(|(_, at)| at.to_string()).collect(),
        findings: contact.last_finding(),
        informs_kin: contact.informs_kin(),
        kin: None,
        detail: serde_json::to_value(contact).map_err(AppError::internal)?,
    })
}
