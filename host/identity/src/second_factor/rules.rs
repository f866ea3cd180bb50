use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::SignInRules;

/// What a tenant wants of its staff at sign-in.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn rules(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<SignInRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let second_factor = platform.store().tenant(tenant).profile().await?.second_factor;
    Ok(SignInRules { second_factor })
}
