use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, standing::bar};

use super::PracticeRules;

/// Practice rules of a tenant.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn rules(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<PracticeRules> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let row = platform.store().tenant(tenant).profile().await?;
    Ok(PracticeRules { years: bar(row.practice_years).years() })
}
