use serde::Serialize;
use utoipa::ToSchema;
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::{Lent, Session as SessionRow};

/// A sign-in that has not ended.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// `ses-…`
    pub id: String,
    /// What signed in, in its own words; of one that was lent to an app, its name.
    pub client: Option<String>,
    /// What an app may do with it, if it was lent to one: SMART scopes.
    pub scope: Option<String>,
    /// When.
    pub created_at: String,
    /// When it was last refreshed.
    pub refreshed_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The caller's sign-ins that have not ended, newest first.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller) -> AppResult<Vec<SessionView>> {
    let sessions = platform.records(caller).list_sessions(caller.actor.account).await?;
    let view = |row: SessionRow| SessionView {
        id: row.id.to_string(),
        client: row.client,
        scope: row.lent.map(|lent: Lent| lent.scope),
        created_at: row.created_at.to_string(),
        refreshed_at: row.refreshed_at.to_string(),
        current: caller.session == Some(row.id),
    };
    Ok(sessions.into_iter().map(view).collect())
}
