use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{ProviderView, provider, view};

/// The provider that a tenant trusts.
///
/// # Errors
/// `NOT_FOUND` if there is none; if the caller may not.
#[boxed]
pub async fn get_provider(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<ProviderView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let (provider, _) = provider(platform, tenant).await?;
    Ok(view(platform, tenant, provider))
}
