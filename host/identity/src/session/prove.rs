//! Password and second factor, proved.

use xinglin_domain::{code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_store::Account;

use crate::{Identity, password_hash, totp::check_code};

/// Whether it is really the caller, and not somebody at their desk.
///
/// # Errors
/// `AUTH_FORBIDDEN` if the password is wrong, `RATE_LIMITED` after many.
#[boxed]
pub(crate) async fn prove(identity: &Identity, caller: &Caller, password: String) -> AppResult<()> {
    let (tenant, account) = (caller.actor.tenant, caller.actor.account);
    let row = identity.platform.records(caller).get_account(account).await?;
    identity.attempts().check(tenant, &row.login, caller.now)?;
    if password_hash::verify(password, row.password_hash).await {
        return Ok(());
    }
    identity.attempts().note_wrong(tenant, &row.login, caller.now);
    Err(AppError::new(Code::AuthForbidden, "the password is wrong"))
}

/// Whose login and password they are, and whether a second factor was shown too.
///
/// # Errors
/// As [`sign_in`](super::sign_in).
#[boxed]
pub(crate) async fn prove_person(
    identity: &Identity,
    tenant: TenantId,
    login: &str,
    password: String,
    code: Option<&str>,
) -> AppResult<(Account, bool)> {
    let (records, now) = (identity.platform.store().tenant(tenant), identity.platform.now());
    identity.attempts().check(tenant, login, now)?;
    let account = records.find_account_by_login(login).await?;
    let hash = account.as_ref().and_then(|account| account.password_hash.clone());
    let right = password_hash::verify(password, hash).await;
    let account = account.filter(|account| right && account.active);
    let Some(account) = account else {
        identity.attempts().note_wrong(tenant, login, now);
        return Err(AppError::new(Code::AuthRequired, "tenant, login or password is wrong"));
    };
    let strong = check_code(identity, tenant, &account, code, now).await?;
    identity.attempts().note_right(tenant, login);
    Ok((account, strong))
}
