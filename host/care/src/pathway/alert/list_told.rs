use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::AlertId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::AlertQuery;

use super::{AlertView, record, shown};

/// That an account was told of an alert.
#[derive(Serialize, ToSchema)]
pub struct NotificationView {
    /// The alert: `alert-…`
    #[schema(value_type = String)]
    pub alert: AlertId,
    /// The role of the account that was told.
    pub role: &'static str,
    /// When (RFC 3339).
    pub told: String,
    /// How often it had climbed by then; 0 for its owner.
    pub escalation: usize,
    /// The alert as it is now.
    pub about: AlertView,
}

/// What the caller was told and nobody has acknowledged: alerts of their roles, and those that
/// climbed to them. The last told first. Acknowledging the alert takes it off the list of all.
///
/// # Errors
/// If the caller takes up no alerts.
#[boxed]
pub async fn list_told(platform: &Platform, caller: &Caller) -> AppResult<Vec<NotificationView>> {
    caller.may(Action::AcknowledgeAlert)?;
    let query = AlertQuery { patient_id: None, state: Some("open".into()), owner: None };
    let roles = caller.actor.live_roles(caller.now);
    let mut told = Vec::new();
    for row in platform.records(caller).list_alerts(&query, 500).await? {
        let record = record(row)?;
        let mine = record.told().enumerate().filter(|(_, told)| roles.contains(&told.to));
        // Of several, the last.
        if let Some((escalation, last)) = mine.last() {
            caller.trail.saw(record.patient);
            told.push((last, escalation, record));
        }
    }
    told.sort_by_key(|(last, _, record)| std::cmp::Reverse((last.at, record.id)));
    let mut views = Vec::with_capacity(told.len());
    for (last, escalation, record) in told {
        views.push(NotificationView {
            alert: record.id,
            role: last.to.as_str(),
            told: last.at.to_string(),
            escalation,
            about: shown(platform, caller, record).await?,
        });
    }
    Ok(views)
}
