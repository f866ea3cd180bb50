use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, boxed};

use super::{InstallView, view};
use crate::{Extensions, install};

/// Plugins of a tenant.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list(extensions: &Extensions, caller: &Caller, tenant: TenantId) -> AppResult<Vec<InstallView>> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut views = Vec::new();
    for install in extensions.platform.store().tenant(tenant).list_installs(None).await? {
        let view = match install::known(extensions, &install).await {
            Some(plugin) => view(install, plugin.manifest(), plugin.interfaces(), Vec::new()),
            None => {
                let package = install::package(&extensions.platform, &install.digest).await?;
                view(install, package.manifest(), package.interfaces(), Vec::new())
            }
        };
        views.push(view);
    }
    Ok(views)
}
