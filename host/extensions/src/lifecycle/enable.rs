use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, settings};
use xinglin_runtime::Interface;

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
    if package.interfaces().contains(&Interface::Review) {
        remember(&extensions.platform, caller, tenant, plugin).await?;
    }
    put_install(&extensions.platform, install, &package, calls).await
}

/// Keeps that a checker was enabled: from now on nobody signs without it, unless the hospital says
/// which checkers it requires.
async fn remember(platform: &Platform, caller: &Caller, tenant: TenantId, plugin: &str) -> AppResult<()> {
    let (row, mut settings) = settings::of(platform.store(), tenant).await?;
    match settings.known_checkers.insert(plugin.to_owned()) {
        true => settings::put(platform.store(), row, &settings, caller.now).await,
        false => Ok(()),
    }
}
