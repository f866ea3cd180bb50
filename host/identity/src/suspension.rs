//! Accounts after they were opened: suspended and restored. What is changed here holds
//! with the next act of the account, for roles, certificates and sign-ins are read at each.

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, TenantId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_store::Account;

use crate::{account::AccountView, session};

/// Why an account or a certificate is suspended or restored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// For the log and for whoever asks later.
    pub reason: String,
}

/// Closes an account until it is restored, and ends its sign-ins: nothing that was
/// given to it opens anything from now on.
///
/// # Errors
/// If the caller may not, or the account is their own.
pub async fn suspend(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    because: Because,
) -> AppResult<AccountView> {
    let row = other_account(platform, caller, tenant, id, Action::ManageAccounts).await?;
    set_active(platform, caller, Account { active: false, ..row }, "account suspended", &because.reason).await
}

/// Opens a suspended account again.
///
/// # Errors
/// If the caller may not, or the account is their own.
pub async fn restore(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    because: Because,
) -> AppResult<AccountView> {
    let row = other_account(platform, caller, tenant, id, Action::ManageAccounts).await?;
    set_active(platform, caller, Account { active: true, ..row }, "account restored", &because.reason).await
}

/// An account that is not the caller's: nobody judges themselves.
pub(crate) async fn other_account(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    id: AccountId,
    action: Action,
) -> AppResult<Account> {
    caller.may_in(tenant, action)?;
    if caller.actor.account == id {
        return Err(AppError::new(Code::AuthForbidden, "nobody changes their own account so; ask a colleague"));
    }
    Ok(platform.store().tenant(tenant).get_account(id).await?)
}

async fn set_active(
    platform: &Platform,
    caller: &Caller,
    mut row: Account,
    what: &str,
    reason: &str,
) -> AppResult<AccountView> {
    row.updated_at = caller.now;
    let tx = platform.store().tenant(row.tenant).begin().await?;
    row.version = tx.update_account(&row).await?;
    if !row.active {
        session::end_all(&tx, caller, row.id, None).await?;
    }
    tx.commit().await?;
    tracing::info!(tenant = %row.tenant, account = %row.id, by = %caller.actor.account, reason, "{what}");
    AccountView::of(row, caller.now)
}
