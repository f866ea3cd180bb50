use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{InstallView, view};
use crate::install;

/// Plugins of a tenant.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<InstallView>> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut views = Vec::new();
    for install in platform.store().tenant(tenant).list_installs(None).await? {
        let package = install::package(platform, &install.digest).await?;
        views.push(view(install, &package, Vec::new()));
    }
    Ok(views)
}
