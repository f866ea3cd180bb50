use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::{PatientId, ReminderId},
    reminder::{Reason, State},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::Stored;

/// Most reminders of a list.
const MOST: u32 = 200;

/// A reminder, without what it is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReminderView {
    /// `rem-…`
    #[schema(value_type = String)]
    pub id: ReminderId,
    /// `queued`, `sent`, `delivered`, `failed`, `dropped` or `bundled`.
    pub state: &'static str,
    /// Why it was not sent or delivered: `no-address`, `opted-out`, `address-invalid`, `not-entitled`, `channel-off`,
    /// `read`, `expired`, `deceased`, `replaced`, `inactive`, `withdrawn`, `refused` or `undelivered`.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Of a bundled one, the reminder that counts it.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub into: Option<ReminderId>,
    /// By which channel it was handed out last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<&'static str>,
    /// Number of messages that it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Whether it did not wait.
    pub urgent: bool,
    /// When its message was written (RFC 3339).
    pub created: String,
    /// When it was handed out last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried: Option<String>,
    /// When it is sent no more.
    pub expires: String,
    /// When it ended, or was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// A patient's reminders, newest first, at most 200: what became of each, and why. The patient and administrators see
/// them; nobody sees there what they were about.
///
/// # Errors
/// `NOT_FOUND` for who is neither.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<ReminderView>> {
    caller.may(Action::ReadReminders)?;
    caller.trail.saw(patient);
    let staff = caller.may(Action::ReadRecords).is_ok();
    if caller.is_beyond(Some(patient)) || !(staff || caller.actor.acts_wholly_for(patient)) {
        return Err(AppError::not_found("patient", patient));
    }
    let records = platform.records(caller);
    records.get_resource("Patient", &patient.to_string()).await?;
    let rows = records.list_reminders(&patient.to_string(), MOST).await?;
    rows.into_iter().map(|row| Stored::try_from(row).map(view)).collect()
}

fn view(Stored { value, .. }: Stored) -> ReminderView {
    let (at, into) = match value.state {
        State::Queued => (None, None),
        State::Bundled { at, into } => (Some(at), Some(into)),
        State::Sent { at } | State::Delivered { at } | State::Failed { at, .. } | State::Dropped { at, .. } => {
            (Some(at), None)
        }
    };
    ReminderView {
        id: value.id,
        state: value.status(),
        reason: value.reason(),
        into,
        channel: value.channel.map(xinglin_domain::reminder::Channel::as_str),
        count: value.count,
        urgent: value.urgent,
        created: value.created.to_string(),
        tried: value.tried.map(|at| at.to_string()),
        expires: value.expires.to_string(),
        at: at.map(|at| at.to_string()),
    }
}
