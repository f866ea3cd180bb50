//! Messages of the hospital to a patient.

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::id::{EnrolmentId, PatientId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_records::consent;

/// A message to a patient.
#[derive(Serialize, ToSchema)]
pub struct MessageView {
    /// Which.
    pub id: String,
    /// When it was sent (RFC 3339).
    pub sent: String,
    /// `message`, `questionnaire`, `referral` or `notice`.
    pub kind: String,
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
    let view = |row: xinglin_store::Message| MessageView {
        id: row.id,
        sent: row.created_at.to_string(),
        kind: row.body["kind"].as_str().unwrap_or_default().to_owned(),
        text: row.body["text"].clone(),
        detail: row.body,
    };
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        // What the host tells on behalf of a pathway is kept under its enrolment.
        let enrolment = row.dedupe_key.split('/').next().and_then(|id| id.parse::<EnrolmentId>().ok());
        // Other notices are between the hospital and the patient.
        let open = caller.actor.acts_wholly_for(patient)
            || match enrolment {
                Some(enrolment) => consent::may_see_enrolment(platform, caller, patient, enrolment).await?,
                None => false,
            };
        if open {
            views.push(view(row));
        }
    }
    Ok(views)
}
