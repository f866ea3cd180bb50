use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::InstallState;

use super::{InstallView, put_install};
use crate::install;

/// Disables a plugin in a tenant. Running calls finish.
///
/// # Errors
/// If it is not there.
#[boxed]
pub async fn disable(platform: &Platform, caller: &Caller, tenant: TenantId, plugin: &str) -> AppResult<InstallView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut install = platform.store().tenant(tenant).get_install(plugin).await?;
    if install.state != InstallState::Enabled {
        return Err(AppError::new(Code::PluginState, format!("`{plugin}` is not enabled")));
    }
    let package = install::package(platform, &install.digest).await?;
    install.state = InstallState::Disabled;
    install.updated_at = caller.now;
    put_install(platform, install, &package, Vec::new()).await
}
