use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, boxed};

use super::{InstallView, go_over, may_be_called};
use crate::{Extensions, install};

/// Makes the version before the last promotion active again.
///
/// # Errors
/// `PLUGIN_STATE` if there is none, `PLUGIN_RECALLED` if it was recalled.
#[boxed]
pub async fn roll_back(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin_id: &str,
) -> AppResult<InstallView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut install = extensions.platform.store().tenant(tenant).get_install(plugin_id).await?;
    let Some(previous) = install.previous_digest.take() else {
        return Err(AppError::new(Code::PluginState, "there is no version to go back to"));
    };
    let package = install::package(&extensions.platform, &previous).await?;
    may_be_called(&extensions.platform, &install, &package).await?;
    install.previous_digest = Some(std::mem::replace(&mut install.digest, previous));
    go_over(extensions, caller, install, &package).await
}
