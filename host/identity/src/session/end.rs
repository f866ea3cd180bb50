use xinglin_domain::id::SessionId;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

/// Ends one of the caller's sign-ins; its tokens are good for nothing from now on.
///
/// # Errors
/// `NOT_FOUND` if it is none of theirs.
#[boxed]
pub async fn end(platform: &Platform, caller: &Caller, session: SessionId) -> AppResult<()> {
    let row = platform.records(caller).get_session(session).await?;
    if row.account != caller.actor.account {
        return Err(AppError::not_found("session", session));
    }
    let tx = platform.begin(caller).await?;
    tx.end_session(session, &caller.actor.account.to_string(), caller.now).await?;
    Ok(tx.commit().await?)
}
