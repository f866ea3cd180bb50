use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

/// Removes a passkey of the caller.
///
/// # Errors
/// `NOT_FOUND` if it is none of theirs.
#[boxed]
pub async fn remove(platform: &Platform, caller: &Caller, id: &str) -> AppResult<()> {
    let tx = platform.begin(caller).await?;
    if !tx.delete_passkey(caller.actor.account, id).await? {
        return Err(AppError::not_found("passkey", id));
    }
    Ok(tx.commit().await?)
}
