//! From one version of a plugin to the next and back, without a restart: what is
//! being called finishes on the version that it began with.

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, grant};
use xinglin_runtime::Package;
use xinglin_store::{Install, InstallState};

use crate::{
    Extensions,
    plugin::{self, InstallView},
    shadow,
};

/// Which version to go over to.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// Without one, the candidate in the shadow.
    pub version: Option<String>,
    /// To go over to a version that was not in the shadow, or did not pass its
    /// gate. It is logged.
    #[serde(default)]
    pub without_gate: bool,
}

/// Calls another version from now on: the candidate, once it has passed its
/// gate.
///
/// # Errors
/// `PLUGIN_GATE` if it has not, `PLUGIN_CAPABILITY` with what it needs and was
/// not granted, `PLUGIN_STATE` if there is no candidate.
pub async fn promote(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin_id: &str,
    promote: Promote,
) -> AppResult<InstallView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut install = extensions.platform.store().tenant(tenant).get_install(plugin_id).await?;
    let package = match (&promote.version, &install.candidate_digest) {
        (Some(version), _) => successor(&extensions.platform, &install, Some(version)).await?,
        (None, Some(candidate)) => {
            let candidate = plugin::package(&extensions.platform, candidate).await?;
            may_be_called(&extensions.platform, &install, &candidate).await?;
            candidate
        }
        (None, None) => {
            let detail = "no candidate: put a version into the shadow first, or name one with `without_gate`";
            return Err(AppError::new(Code::PluginState, detail));
        }
    };
    let digest = package.digest().to_string();
    let shadowed = install.candidate_digest.as_ref() == Some(&digest);
    if promote.without_gate {
        tracing::warn!(%tenant, plugin = plugin_id, digest, by = %caller.actor.account, "promoted without a gate");
    } else if shadowed {
        shadow::pass_gate(extensions, &install).await?;
    } else {
        let detail = "it was not in the shadow: put it there first, or promote it `without_gate`";
        return Err(AppError::new(Code::PluginGate, detail));
    }
    install.previous_digest = Some(std::mem::replace(&mut install.digest, digest));
    (install.candidate_digest, install.shadow) = (None, None);
    go_over(extensions, caller, install, &package).await
}

/// Calls the version before the last promotion again.
///
/// # Errors
/// `PLUGIN_STATE` if there is none, `PLUGIN_RECALLED` if it was recalled.
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
    let package = plugin::package(&extensions.platform, &previous).await?;
    may_be_called(&extensions.platform, &install, &package).await?;
    install.previous_digest = Some(std::mem::replace(&mut install.digest, previous));
    go_over(extensions, caller, install, &package).await
}

async fn go_over(
    extensions: &Extensions,
    caller: &Caller,
    mut install: Install,
    package: &Package,
) -> AppResult<InstallView> {
    install.recalled = None;
    let calls = plugin::make_ready(extensions, caller, &mut install, package).await?;
    install.updated_at = caller.now;
    plugin::put_install(&extensions.platform, install, package, calls).await
}

/// Another version of an installed plugin that could be called in its place.
pub(crate) async fn successor(platform: &Platform, install: &Install, version: Option<&str>) -> AppResult<Package> {
    let package = plugin::newest_package(platform, &install.plugin_id, version).await?;
    if package.digest().to_string() == install.digest {
        return Err(AppError::new(Code::PluginState, "this version is called already"));
    }
    may_be_called(platform, install, &package).await?;
    Ok(package)
}

async fn may_be_called(platform: &Platform, install: &Install, package: &Package) -> AppResult<()> {
    if install.state != InstallState::Enabled {
        let detail = format!("`{}` is not enabled; grant the version and enable it", install.plugin_id);
        return Err(AppError::new(Code::PluginState, detail));
    }
    let kept = platform.store().operator().get_package(&package.digest().to_string()).await?;
    let version = &package.manifest().version;
    if let Some(revoked) = kept.revoked {
        let detail = format!("{version} was recalled at {}: {}", revoked.at, revoked.reason);
        return Err(AppError::new(Code::PluginRecalled, detail));
    }
    let lacks = grant::grants(install)?.lacks(package);
    if lacks.is_empty() {
        return Ok(());
    }
    let detail = format!("{version} needs what was not granted: {}; grant {version} first", lacks.join(", "));
    Err(AppError::new(Code::PluginCapability, detail).with("lacks", lacks))
}
