use xinglin_domain::{
    access::Action,
    id::{AccountId, TenantId},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::Account;

use super::{AccountView, Because, other_account, set_active};

/// Restores a suspended account.
///
/// # Errors
/// If the caller may not, or the account is their own.
#[boxed]
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
