use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::AccountView;

/// The accounts of a tenant, by login.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<AccountView>> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let rows = platform.store().tenant(tenant).list_accounts().await?;
    rows.into_iter().map(|row| AccountView::of(row, caller.now)).collect()
}
