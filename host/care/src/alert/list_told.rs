use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::AlertId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::AlertQuery;

use super::{AlertPage, AlertState, AlertView, page_of, record, shown};

/// That an account was told of an alert.
#[derive(Serialize, ToSchema)]
pub struct NotificationView {
    /// The alert: `alert-…`; pass it as `after` for the next page.
    #[schema(value_type = String)]
    pub alert: AlertId,
    /// The role of the account that was told.
    pub role: &'static str,
    /// When (RFC 3339).
    pub told: String,
    /// Its place among all that were told, in order; 0 for its owner.
    pub escalation: usize,
    /// The alert as it is now.
    pub about: AlertView,
}

/// What the caller was told and nobody has acknowledged: alerts of their roles, and those that
/// climbed to them. The critical ones first, of equal severity the first that is due. Acknowledging
/// the alert takes it off the list of all.
///
/// # Errors
/// If the caller takes up no alerts; `NOT_FOUND` if there is no alert that the page follows.
#[boxed]
pub async fn list_told(platform: &Platform, caller: &Caller, page: AlertPage) -> AppResult<Vec<NotificationView>> {
    caller.may(Action::AcknowledgeAlert)?;
    let roles = caller.actor.live_roles(caller.now);
    let query = AlertQuery {
        state: Some(AlertState::Open.as_str().to_owned()),
        told: roles.iter().map(|role| role.as_str().to_owned()).collect(),
        ..AlertQuery::default()
    };
    let mut views = Vec::new();
    for row in page_of(platform, caller, &query, page).await? {
        let record = record(row)?;
        // Of several, the last.
        let last = record.told().enumerate().filter(|(_, told)| roles.contains(&told.to)).last();
        let Some((escalation, last)) = last else { continue };
        caller.trail.saw(record.patient);
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
