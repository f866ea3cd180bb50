use xinglin_domain::{
    access::Action,
    id::{AccountId, TenantId},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::AccountView;

/// One account of a tenant.
///
/// # Errors
/// If the caller may not, or there is none.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, tenant: TenantId, id: AccountId) -> AppResult<AccountView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    AccountView::of(platform.store().tenant(tenant).get_account(id).await?, caller.now)
}
