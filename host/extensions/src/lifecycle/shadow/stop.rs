use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, boxed};

use super::{ShadowView, view};
use crate::Extensions;

/// Stops the shadow run. Results are kept.
///
/// # Errors
/// `PLUGIN_STATE` if there is none.
#[boxed]
pub async fn stop(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin_id: &str,
) -> AppResult<ShadowView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let records = extensions.platform.store().tenant(tenant);
    let mut install = records.get_install(plugin_id).await?;
    let view = view(extensions, &install).await?;
    (install.candidate_digest, install.shadow, install.updated_at) = (None, None, caller.now);
    let tx = records.begin().await?;
    tx.put_install(&install).await?;
    tx.commit().await?;
    Ok(view)
}
