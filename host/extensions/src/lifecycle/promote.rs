use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, boxed};

use super::{InstallView, go_over, may_be_called, successor};
use crate::{Extensions, install, lifecycle::shadow};

/// The version to promote.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// The shadow candidate if left out.
    pub version: Option<String>,
    /// Promote a version that did not run as shadow, or did not pass its gate. It is logged.
    #[serde(default)]
    pub without_gate: bool,
}

/// Makes a version the active one: the candidate, once it has passed its gate.
///
/// # Errors
/// `PLUGIN_GATE` if it has not passed, `PLUGIN_CAPABILITY` with the missing grants,
/// `PLUGIN_STATE` if there is no candidate.
#[boxed]
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
            let candidate = install::package(&extensions.platform, candidate).await?;
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
