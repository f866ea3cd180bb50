use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, boxed};

use super::{InstallView, make_ready, put_install};
use crate::{
    Extensions,
    install::{self, not_recalled},
};

/// Enables a plugin in a tenant.
///
/// # Errors
/// `PLUGIN_CAPABILITY` if it imports an interface that is not granted, `PLUGIN_SIGNATURE` if
/// its signatures do not meet the trust policy any more.
#[tracing::instrument(target = "xinglin::trace", name = "enable_plugin", skip_all)]
#[boxed]
pub async fn enable(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin: &str,
) -> AppResult<InstallView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut install = extensions.platform.store().tenant(tenant).get_install(plugin).await?;
    not_recalled(&install)?;
    let package = install::package(&extensions.platform, &install.digest).await?;
    let calls = make_ready(extensions, caller, &mut install, &package).await?;
    install.updated_at = caller.now;
    put_install(&extensions.platform, install, &package, calls).await
}
