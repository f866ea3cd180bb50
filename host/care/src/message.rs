//! Messages of the hospital to a patient.

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::id::PatientId;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_records::{consent, notice};

/// A message to a patient.
#[derive(Serialize, ToSchema)]
pub struct MessageView {
    /// Which.
    pub id: String,
    /// When it was sent (RFC 3339).
    pub sent: String,
    /// `message`, `questionnaire`, `referral`, `due`, `safety` or `notice`.
    pub kind: String,
    /// When it was read (RFC 3339), if it is known: see `…/messages/{id}/read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
    /// The text, by language.
    #[schema(value_type = Vec<Object>)]
    pub text: serde_json::Value,
    /// The whole document: questionnaire and enrolment, reason of a referral.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// A patient's messages, newest first.
///
/// # Errors
/// If the caller may not see the patient.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<MessageView>> {
    caller.may_see(patient, "patient", patient)?;
    let rows = platform.records(caller).list_messages(&patient.to_string(), 100).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        if is_open(platform, caller, patient, &row).await? {
            views.push(view(row));
        }
    }
    Ok(views)
}

fn view(row: xinglin_store::Message) -> MessageView {
    MessageView {
        id: row.id,
        sent: row.created_at.to_string(),
        kind: row.body["kind"].as_str().unwrap_or_default().to_owned(),
        read: row.read_at.map(|at| at.to_string()),
        text: row.body["text"].clone(),
        detail: row.body,
    }
}

/// Whether the caller may read a message.
async fn is_open(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    row: &xinglin_store::Message,
) -> AppResult<bool> {
    let enrolment = notice::enrolment_of(row);
    // Other notices are between the hospital and the patient.
    Ok(caller.actor.acts_wholly_for(patient)
        || match enrolment {
            Some(enrolment) => consent::may_see_enrolment(platform, caller, patient, enrolment).await?,
            None => false,
        })
}

/// Who acts for a patient has read a message. If they do so wholly, the patient is not reminded of it any more, and the
/// first time is kept: that the guardian of an adolescent has read it says nothing of the adolescent.
///
/// # Errors
/// `NOT_FOUND` if it is not theirs to read.
#[boxed]
pub async fn read(platform: &Platform, caller: &Caller, patient: PatientId, id: &str) -> AppResult<MessageView> {
    caller.may_see(patient, "message", id)?;
    let hidden = || AppError::not_found("message", id);
    let row = platform.records(caller).find_message(id).await?;
    let row = row.filter(|row| row.patient_id == patient.to_string()).ok_or_else(hidden)?;
    if !caller.actor.acts_for(patient) || !is_open(platform, caller, patient, &row).await? {
        return Err(hidden());
    }
    if !caller.actor.acts_wholly_for(patient) {
        return Ok(view(row));
    }
    let tx = platform.begin(caller).await?;
    tx.read_message(&row.patient_id, id, caller.now).await?;
    tx.commit().await?;
    Ok(view(xinglin_store::Message { read_at: row.read_at.or(Some(caller.now)), ..row }))
}
