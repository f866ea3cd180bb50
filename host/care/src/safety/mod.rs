//! Contacts with patients in danger. The host opens one the moment that an answer or a result says so,
//! whatever becomes of a plugin: its list of safety items is `xinglin_domain::safety`. While one for
//! acute danger is open, no visit of the patient closes, and nothing is prescribed, charged or dispensed.
//! Its alert climbs until a clinician has recorded how the contact ended.

mod attempt;
mod end;
mod get;
mod help;
mod list;
mod open;
mod repeat;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    code::Code,
    id::{AlertId, ContactId, PatientId},
    safety::{Help, SUICIDE_RISK, SafetyContact, key},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult,
    document::{Stored, next},
};
use xinglin_store::{Document, Executor, TenantScope, TenantTx};

pub use self::attempt::{ContactAttempt, attempt};
pub use self::end::{ContactEnd, end};
pub use self::get::get;
pub use self::help::{HelpView, help, put_help};
pub use self::list::{ContactFilter, list};
pub(crate) use self::open::{Found, open};
pub use self::repeat::repeat;

/// A contact with a patient in danger.
#[derive(Serialize, ToSchema)]
pub struct SafetyContactView {
    /// `contact-…`
    #[schema(value_type = String)]
    pub id: ContactId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// `SUICIDE_RISK`, or `SUICIDE_RISK_RECONTACT` for one that is made again.
    pub code: &'static str,
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
    /// When the patient is contacted again (RFC 3339).
    pub repeats: Vec<String>,
    /// Guardians, emergency contacts, and what the record names as such. Only for one contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub kin: Option<Vec<Value>>,
    /// The whole: attempts, end.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// What a patient in danger is shown at once.
#[derive(Debug, Serialize, ToSchema)]
pub struct SafetyNotice {
    /// The contact that was opened: `contact-…`.
    #[schema(value_type = String)]
    pub contact: ContactId,
    /// The hospital's words, and numbers to call.
    #[schema(value_type = Object)]
    pub help: Help,
}

/// Checks that no contact for acute danger is open. Read in a transaction that holds the patient's lock,
/// none opens until it ends.
///
/// # Errors
/// `ENC_RED_FLAG_OPEN`.
pub(crate) async fn none_locks<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<()> {
    match open_one(records, SUICIDE_RISK, patient).await? {
        Some(Stored { value, .. }) if value.locks_visits() => {
            let detail = "a person must speak with the patient first, and record how the contact ended";
            Err(AppError::new(Code::EncRedFlagOpen, detail).with("contact", value.id.to_string()))
        }
        _ => Ok(()),
    }
}

/// The open contact of a code.
async fn open_one<E: Executor>(
    records: &TenantScope<E>,
    code: &str,
    patient: PatientId,
) -> AppResult<Option<Stored<ContactId, SafetyContact>>> {
    let row = records.find_document_by_key::<ContactId>(&key(code, patient)).await?;
    row.map(TryInto::try_into).transpose()
}

async fn load<E: Executor>(records: &TenantScope<E>, id: ContactId) -> AppResult<Stored<ContactId, SafetyContact>> {
    records.get_document(id).await?.try_into()
}

const fn state(contact: &SafetyContact) -> &'static str {
    if contact.is_open() { "open" } else { "ended" }
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
        repeats: match contact.was_mistaken() {
            true => Vec::new(),
            false => contact.repeats().map(|(_, at)| at.to_string()).collect(),
        },
        kin: None,
        detail: serde_json::to_value(contact).map_err(AppError::internal)?,
    })
}
