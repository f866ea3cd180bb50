use xinglin_platform::{AppError, AppResult, Caller, boxed};

use crate::{Identity, totp::check_code};

/// Passwords alone again, for who shows a last code.
///
/// # Errors
/// `AUTH_SECOND_FACTOR` if the code is wrong, `NOT_FOUND` if there is none.
#[boxed]
pub async fn remove(identity: &Identity, caller: &Caller, code: &str) -> AppResult<()> {
    let (account, records) = (caller.actor.account, identity.platform.records(caller));
    if records.find_second_factor(account).await?.is_none_or(|factor| factor.confirmed_at.is_none()) {
        return Err(AppError::not_found("authenticator", account));
    }
    check_code(identity, caller.actor.tenant, &records.get_account(account).await?, Some(code), caller.now).await?;
    let tx = identity.platform.begin(caller).await?;
    tx.delete_second_factor(account).await?;
    Ok(tx.commit().await?)
}
