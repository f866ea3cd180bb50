use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use xinglin_domain::{
    access::Action,
    audit::{Access, Act},
    consent::Purpose,
    id::{CallId, PatientId},
};
use xinglin_extensions::{Extensions, call::CARD};
use xinglin_platform::{AppError, AppResult, Caller, boxed};

use super::find;

/// Feedback on cards.
#[derive(Deserialize, ToSchema)]
pub struct Feedback {
    /// One entry for each card that the user acted on.
    pub feedback: Vec<CardFeedback>,
}

/// Feedback on one card. Free-text comments are not stored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CardFeedback {
    /// Of the card.
    #[schema(value_type = String)]
    pub card: Uuid,
    /// Accepted or overridden.
    pub outcome: Outcome,
    /// Why not.
    #[serde(default)]
    pub override_reason: Option<OverrideReason>,
}

/// Accepted or overridden.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was.
    Accepted,
    /// It was not.
    Overridden,
}

/// Why a card was overridden.
#[derive(Deserialize, ToSchema)]
pub struct OverrideReason {
    /// As a code.
    #[serde(default)]
    pub reason: Option<ReasonCode>,
}

/// A reason in a code system of the client's.
#[derive(Deserialize, ToSchema)]
pub struct ReasonCode {
    /// The code.
    pub code: String,
}

/// Stores feedback on cards as audit entries of the patient.
///
/// # Errors
/// `NOT_FOUND` if a card is none of this service's, or of no patient whom the caller
/// may see; nothing is kept then.
#[boxed]
pub async fn keep_feedback(extensions: &Extensions, caller: &Caller, service: &str, said: Feedback) -> AppResult<()> {
    caller.may(Action::CheckPrescription)?;
    let records = extensions.platform.records(caller);
    let (_, install, _) = find(extensions, &records, service).await?;
    let mut lines = Vec::with_capacity(said.feedback.len());
    for CardFeedback { card, outcome, override_reason } in said.feedback {
        let unknown = || AppError::not_found("card", card);
        let call = CallId::from_u128(card.as_u128() & !CARD);
        let entry = records.get_tape_entry(call).await.map_err(|error| match error {
            xinglin_store::StoreError::NotFound { .. } => unknown(),
            other => other.into(),
        })?;
        let about = records.list_references(entry.seq).await?;
        let patient = about.iter().find_map(|about| about.parse::<PatientId>().ok());
        let patient = patient.filter(|_| entry.plugin_id == install.plugin_id).ok_or_else(unknown)?;
        caller.may_see(patient, "card", card)?;
        let reason = override_reason.and_then(|why| why.reason).map(|reason| format!(" {}", word(&reason.code)));
        let outcome = match outcome {
            Outcome::Accepted => "accepted",
            Outcome::Overridden => "overridden",
        };
        let target = format!("card {card} of {call} {outcome}{}", reason.unwrap_or_default());
        let access = caller.access(Act::Write, [patient], target);
        lines.push(Access { purpose: Purpose::Treatment, ..access });
    }
    let tx = extensions.platform.begin(caller).await?;
    tx.append_audit(&lines).await?;
    Ok(tx.commit().await?)
}

/// A code as the trail takes it: no text of somebody's.
pub(super) fn word(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(64).collect()
}
