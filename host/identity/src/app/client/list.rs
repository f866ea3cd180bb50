use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{ClientView, view};

/// The clients of a tenant, by name.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<ClientView>> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let accounts = platform.store().tenant(tenant).list_accounts().await?;
    accounts.iter().filter_map(|row| view(row).transpose()).collect()
}
