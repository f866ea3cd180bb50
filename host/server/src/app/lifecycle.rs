//! From one version of a plugin to the next and back, without a restart: what is
//! being called finishes on the version that it began with.

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_runtime::Package;
use xinglin_store::{Install, InstallState};

use super::{
    AppError, AppResult, Caller, Hospital,
    plugin::{self, InstallView},
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

impl Hospital {
    /// Calls another version from now on: the candidate, once it has passed its
    /// gate.
    ///
    /// # Errors
    /// `PLUGIN_GATE` if it has not, `PLUGIN_CAPABILITY` with what it needs and was
    /// not granted, `PLUGIN_STATE` if there is no candidate.
    pub async fn promote_plugin(
        &self,
        caller: &Caller,
        tenant: TenantId,
        plugin_id: &str,
        promote: Promote,
    ) -> AppResult<InstallView> {
        caller.may_in(tenant, Action::ManagePlugins)?;
        let mut install = self.store().tenant(tenant).get_install(plugin_id).await?;
        let package = match (&promote.version, &install.candidate_digest) {
            (Some(version), _) => self.successor(&install, Some(version)).await?,
            (None, Some(candidate)) => {
                let candidate = self.package(candidate).await?;
                self.may_be_called(&install, &candidate).await?;
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
            self.pass_gate(&install).await?;
        } else {
            let detail = "it was not in the shadow: put it there first, or promote it `without_gate`";
            return Err(AppError::new(Code::PluginGate, detail));
        }
        install.previous_digest = Some(std::mem::replace(&mut install.digest, digest));
        (install.candidate_digest, install.shadow) = (None, None);
        self.go_over(caller, install, &package).await
    }

    /// Calls the version before the last promotion again.
    ///
    /// # Errors
    /// `PLUGIN_STATE` if there is none, `PLUGIN_RECALLED` if it was recalled.
    pub async fn roll_back_plugin(&self, caller: &Caller, tenant: TenantId, plugin_id: &str) -> AppResult<InstallView> {
        caller.may_in(tenant, Action::ManagePlugins)?;
        let mut install = self.store().tenant(tenant).get_install(plugin_id).await?;
        let Some(previous) = install.previous_digest.take() else {
            return Err(AppError::new(Code::PluginState, "there is no version to go back to"));
        };
        let package = self.package(&previous).await?;
        self.may_be_called(&install, &package).await?;
        install.previous_digest = Some(std::mem::replace(&mut install.digest, previous));
        self.go_over(caller, install, &package).await
    }

    async fn go_over(&self, caller: &Caller, mut install: Install, package: &Package) -> AppResult<InstallView> {
        install.recalled = None;
        let calls = self.make_ready(caller, &mut install, package).await?;
        install.updated_at = caller.now;
        self.put_install(install, package, calls).await
    }

    /// Another version of an installed plugin that could be called in its place.
    pub(super) async fn successor(&self, install: &Install, version: Option<&str>) -> AppResult<Package> {
        let package = self.newest_package(&install.plugin_id, version).await?;
        if package.digest().to_string() == install.digest {
            return Err(AppError::new(Code::PluginState, "this version is called already"));
        }
        self.may_be_called(install, &package).await?;
        Ok(package)
    }

    async fn may_be_called(&self, install: &Install, package: &Package) -> AppResult<()> {
        if install.state != InstallState::Enabled {
            let detail = format!("`{}` is not enabled; grant the version and enable it", install.plugin_id);
            return Err(AppError::new(Code::PluginState, detail));
        }
        let kept = self.store().operator().get_package(&package.digest().to_string()).await?;
        let version = &package.manifest().version;
        if let Some(revoked) = kept.revoked {
            let detail = format!("{version} was recalled at {}: {}", revoked.at, revoked.reason);
            return Err(AppError::new(Code::PluginRecalled, detail));
        }
        let lacks = plugin::grants(install)?.lacks(package);
        if lacks.is_empty() {
            return Ok(());
        }
        let detail = format!("{version} needs what was not granted: {}; grant {version} first", lacks.join(", "));
        Err(AppError::new(Code::PluginCapability, detail).with("lacks", lacks))
    }
}
