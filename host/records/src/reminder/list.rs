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
    /// `read`, `expired`, `deceased`, `replaced`, `inactive`, `withdrawn`, `refused` or `undelivered`; to who does not
    /// decide for the patient, `not-needed` for `read` and `withdrawn`.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ShownReason>,
    /// Of a bundled one, the reminder that counts it.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub into: Option<ReminderId>,
    /// By which channel it was handed out last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<&'static str>,
    /// Number of messages that it counts. Only to who decides for the patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Whether it did not wait. Only to who decides for the patient: to others it would tell of a danger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgent: Option<bool>,
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

/// A reason, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ShownReason {
    /// As it is.
    Whole(Reason),
    /// That the patient did not need it: whether they have read it, or have left a pathway, is theirs.
    Neutral(NotNeeded),
}

/// The neutral reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotNeeded {
    /// `not-needed`
    NotNeeded,
}

fn shown(reason: Reason, whole: bool) -> ShownReason {
    match reason {
        Reason::Read | Reason::Withdrawn if !whole => ShownReason::Neutral(NotNeeded::NotNeeded),
        _ => ShownReason::Whole(reason),
    }
}

/// A patient's reminders, newest first, at most 200: what became of each, and why. The patient and administrators see
/// them; nobody sees there what they were about, and administrators not how urgent or how many messages.
///
/// # Errors
/// `NOT_FOUND` for who is neither.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<ReminderView>> {
    caller.may(Action::ReadReminders)?;
    caller.trail.saw(patient);
    let staff = caller.may(Action::ReadRecords).is_ok();
    let whole = caller.actor.acts_wholly_for(patient);
    if caller.is_beyond(Some(patient)) || !(staff || whole) {
        return Err(AppError::not_found("patient", patient));
    }
    let records = platform.records(caller);
    records.get_resource("Patient", &patient.to_string()).await?;
    let rows = records.list_reminders(&patient.to_string(), MOST).await?;
    rows.into_iter().map(|row| Stored::try_from(row).map(|stored| view(stored, whole))).collect()
}

fn view(Stored { value, .. }: Stored, whole: bool) -> ReminderView {
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
        reason: value.reason().map(|reason| shown(reason, whole)),
        into,
        channel: value.channel.map(xinglin_domain::reminder::Channel::as_str),
        count: value.count.filter(|_| whole),
        urgent: whole.then_some(value.urgent),
        created: value.created.to_string(),
        tried: value.tried.map(|at| at.to_string()),
        expires: value.expires.to_string(),
        at: at.map(|at| at.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_see_says_nothing_of_what_the_patient_did() {
        let name = |reason, whole| serde_json::to_value(shown(reason, whole)).expect("a name");
        assert_eq!((name(Reason::Read, true), name(Reason::Withdrawn, true)), ("read".into(), "withdrawn".into()));
        for reason in [Reason::Read, Reason::Withdrawn] {
            assert_eq!(name(reason, false), "not-needed");
        }
        assert_eq!(name(Reason::Expired, false), "expired");
    }
}
