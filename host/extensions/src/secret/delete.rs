use xinglin_domain::{access::Action, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use crate::call::SECRET;

/// Deletes a secret.
///
/// # Errors
/// `NOT_FOUND`.
#[boxed]
pub async fn delete(platform: &Platform, caller: &Caller, tenant: TenantId, plugin: &str, name: &str) -> AppResult<()> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let tx = platform.store().tenant(tenant).begin().await?;
    if !tx.delete_plugin_secret(plugin, SECRET, name).await? {
        return Err(AppError::not_found("secret", name));
    }
    tx.commit().await?;
    tracing::info!(%tenant, plugin, name, "a secret was removed");
    Ok(())
}
