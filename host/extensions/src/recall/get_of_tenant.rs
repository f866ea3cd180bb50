use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{RecallView, report_for};

/// The report restricted to one tenant.
///
/// # Errors
/// If there is no such package.
#[boxed]
pub async fn get_of_tenant(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    digest: &str,
) -> AppResult<RecallView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    report_for(platform, digest, &[tenant]).await
}
