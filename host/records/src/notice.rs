//! Messages of the hospital to a patient in the app, and that they are reminded of them. What the
//! hospital itself tells names no medicine and no disease: others may read along.

use serde_json::{Value, json};
use xinglin_domain::{
    id::{EnrolmentId, PatientId},
    time::Instant,
};
use xinglin_platform::{AppResult, ambient};
use xinglin_store::{Message, Queue, TenantTx, Work};

/// Whether the patient is reminded of a message outside of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// They find it when they look.
    Silent,
    /// They are reminded as the hospital's rules say.
    Ordinary,
    /// They are reminded at once, at night too: there is a danger.
    Urgent,
}

/// A notice.
#[derive(Debug)]
pub struct Notice<'a> {
    /// To whom.
    pub patient: PatientId,
    /// What makes it unique: a notice of the same key is told once.
    pub key: String,
    /// In Chinese and in English.
    pub text: [&'a str; 2],
    /// What it is about: an object, whose fields are shown beside the text.
    pub about: Value,
}

/// Stores a notice in the transaction of its cause.
///
/// # Errors
/// If the store fails.
pub async fn tell(tx: &TenantTx, notice: Notice<'_>, now: Instant) -> AppResult<()> {
    tell_as(tx, notice, Weight::Ordinary, now).await
}

/// The same, with its weight.
///
/// # Errors
/// If the store fails.
pub async fn tell_as(tx: &TenantTx, notice: Notice<'_>, weight: Weight, now: Instant) -> AppResult<()> {
    let Notice { patient, key, text: [zh, en], about } = notice;
    let mut body = json!({
        "kind": "notice",
        "text": [{ "language": "zh-CN", "text": zh }, { "language": "en", "text": en }],
    });
    if let (Value::Object(body), Value::Object(about)) = (&mut body, about) {
        body.extend(about);
    }
    write(tx, (patient, key, body), (weight, None), now).await
}

/// Stores a message, once for each key, and that the patient is reminded of it, until `expires` at the latest. Every
/// message is written here.
///
/// # Errors
/// If the store fails.
pub async fn write(
    tx: &TenantTx,
    (patient, dedupe_key, body): (PatientId, String, Value),
    (weight, expires): (Weight, Option<Instant>),
    now: Instant,
) -> AppResult<()> {
    let message = Message {
        id: format!("msg-{:032x}", ambient::fresh_id()),
        patient_id: patient.to_string(),
        dedupe_key,
        body,
        created_at: now,
        read_at: None,
    };
    let new = tx.insert_message(&message).await?;
    if new && weight != Weight::Silent && tx.has_reminder_channels().await? {
        let payload = json!({ "urgent": weight == Weight::Urgent, "expires": expires });
        let work = Work { payload, ..Work::new(Queue::Reminder, &message.id, patient, now) };
        tx.put_work(&[work]).await?;
    }
    Ok(())
}

/// The enrolment that a message is under: all that is told on behalf of a pathway has a key that begins with it. `None` of
/// what is between the hospital and the patient.
pub fn enrolment_of(message: &Message) -> Option<EnrolmentId> {
    message.dedupe_key.split('/').next()?.parse().ok()
}

/// The id of the work by which a patient is reminded before something is due.
const DUE: &str = "due-";

/// What is due, of work that [`remind_later`] has put; `None` if it is of a message.
pub fn what_is_due(work: &Work) -> Option<&str> {
    work.id.strip_prefix(DUE)
}

/// Has the host look, at this time, whether something is still to be done by a patient: a task or a request. At none, it
/// does not look any more. Only of a hospital that reminds patients.
///
/// # Errors
/// If the store fails.
pub async fn remind_later(tx: &TenantTx, (patient, what): (PatientId, &str), at: Option<Instant>) -> AppResult<()> {
    let id = format!("{DUE}{what}");
    match at {
        Some(at) if tx.has_reminder_channels().await? => {
            Ok(tx.put_work(&[Work::new(Queue::Reminder, id, patient, at)]).await?)
        }
        _ => Ok(tx.drop_work(Queue::Reminder, &id).await?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pathway_tells_is_under_its_enrolment() {
        let enrolment = EnrolmentId::from_u128(7);
        let of = |dedupe_key: String| {
            enrolment_of(&Message {
                id: "msg-1".to_owned(),
                patient_id: "pat-1".to_owned(),
                dedupe_key,
                body: Value::Null,
                created_at: Instant::from_micros(0),
                read_at: None,
            })
        };
        assert_eq!(of(format!("{enrolment}/again/x/1")), Some(enrolment));
        assert_eq!(of(format!("reminder-address/{enrolment}")), None);
        assert_eq!(of(String::new()), None);
    }
}
