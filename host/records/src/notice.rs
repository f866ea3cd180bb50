//! What the hospital itself tells a patient in the app. It names no medicine and no disease: others may
//! read along.

use serde_json::{Value, json};
use xinglin_domain::{id::PatientId, time::Instant};
use xinglin_platform::{AppResult, ambient};
use xinglin_store::{Message, TenantTx};

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
    let Notice { patient, key, text: [zh, en], about } = notice;
    let mut body = json!({
        "kind": "notice",
        "text": [{ "language": "zh-CN", "text": zh }, { "language": "en", "text": en }],
    });
    if let (Value::Object(body), Value::Object(about)) = (&mut body, about) {
        body.extend(about);
    }
    let message = Message {
        id: format!("msg-{:032x}", ambient::fresh_id()),
        patient_id: patient.to_string(),
        dedupe_key: key,
        body,
        created_at: now,
        read_at: None,
    };
    tx.insert_message(&message).await?;
    Ok(())
}
