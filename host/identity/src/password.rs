//! Passwords, changed by who has them or reset by who runs the hospital.

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, TenantId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, standing};

use crate::{
    Identity, account, password_hash,
    session::{self, prove},
};

/// A new password, proved by the old one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one that is good now.
    pub old: String,
    /// 12 to 128 characters.
    pub new: String,
}

/// A password somebody else sets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// 12 to 128 characters.
    pub password: String,
}

/// Changes the caller's password, and ends their other sign-ins.
///
/// # Errors
/// `AUTH_FORBIDDEN` if the old one is wrong, `RATE_LIMITED` after many.
#[boxed]
pub async fn change(identity: &Identity, caller: &Caller, ask: ChangePassword) -> AppResult<()> {
    prove(identity, caller, ask.old).await?;
    let mut row = identity.platform.records(caller).get_account(caller.actor.account).await?;
    row.password_hash = Some(password_hash::hashed(&identity.platform, ask.new, "new").await?);
    row.updated_at = caller.now;
    let tx = identity.platform.begin(caller).await?;
    tx.update_account(&row).await?;
    session::end_all(&tx, caller, row.id, caller.session).await?;
    Ok(tx.commit().await?)
}

/// Sets another account's password, takes its authenticator off if it has one, and
/// ends its sign-ins: for who lost the one or the other.
///
/// # Errors
/// If the caller may not, or the account is their own.
#[boxed]
pub async fn reset(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    ask: ResetPassword,
) -> AppResult<()> {
    let mut row = account::other_account(platform, caller, tenant, id, Action::ManageAccounts).await?;
    if standing::standing(&row)?.client.is_some() {
        return Err(AppError::new(Code::BodyInvalid, "a service client has keys and no password"));
    }
    row.password_hash = Some(password_hash::hashed(platform, ask.password, "password").await?);
    row.updated_at = caller.now;
    let tx = platform.store().tenant(tenant).begin().await?;
    tx.update_account(&row).await?;
    tx.delete_second_factor(id).await?;
    session::end_all(&tx, caller, id, None).await?;
    tx.commit().await?;
    tracing::info!(%tenant, account = %id, by = %caller.actor.account, "password reset, second factor removed");
    Ok(())
}
