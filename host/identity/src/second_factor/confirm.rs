use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::SecondFactor;

use crate::totp::step;

/// From now on a code is asked for at sign-in.
///
/// # Errors
/// `AUTH_SECOND_FACTOR` if the code is wrong, `NOT_FOUND` if none was offered.
#[boxed]
pub async fn confirm(platform: &Platform, caller: &Caller, code: &str) -> AppResult<()> {
    let (account, records) = (caller.actor.account, platform.records(caller));
    let factor = records.find_second_factor(account).await?;
    let factor = factor.filter(|factor| factor.confirmed_at.is_none());
    let factor = factor.ok_or_else(|| AppError::not_found("authenticator to confirm", account))?;
    let step = step(platform, caller.actor.tenant, &factor, code, caller.now)?;
    let tx = platform.begin(caller).await?;
    tx.put_second_factor(&SecondFactor { confirmed_at: Some(caller.now), last_step: step, ..factor }).await?;
    if let Some(session) = caller.session {
        tx.strengthen_session(session).await?;
    }
    Ok(tx.commit().await?)
}
