use xinglin_domain::id::TenantId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{SecretView, manifest_for};
use crate::call::SECRET;

/// Secrets that a plugin declares, and whether they are set; without values.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, tenant: TenantId, plugin: &str) -> AppResult<Vec<SecretView>> {
    let manifest = manifest_for(platform, caller, tenant, plugin).await?;
    let kept = platform.store().tenant(tenant).list_plugin_secrets(plugin).await?;
    let view = |name: String| {
        let row = kept.iter().find(|row| row.kind == SECRET && row.name == name);
        SecretView {
            name,
            kept: row.is_some(),
            version: row.map_or(0, |row| row.version),
            updated_at: row.map(|row| row.updated_at.to_string()),
        }
    };
    Ok(manifest.secrets().into_iter().map(view).collect())
}
