use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppResult, Caller, boxed};

use super::{ShadowView, view};
use crate::Extensions;

/// Results of the shadow run.
///
/// # Errors
/// `PLUGIN_STATE` if there is none.
#[boxed]
pub async fn get(extensions: &Extensions, caller: &Caller, tenant: TenantId, plugin_id: &str) -> AppResult<ShadowView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let install = extensions.platform.store().tenant(tenant).get_install(plugin_id).await?;
    view(extensions, &install).await
}
