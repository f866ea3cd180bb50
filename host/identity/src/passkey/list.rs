use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::PasskeyView;

/// The caller's keys, oldest first.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller) -> AppResult<Vec<PasskeyView>> {
    let rows = platform.records(caller).list_passkeys(caller.actor.account).await?;
    Ok(rows.into_iter().map(PasskeyView::from).collect())
}
