use xinglin_domain::id::TenantId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_runtime::KeyKind;

use super::{KeyView, key_view, manifest_for};

/// Keys that a plugin declares, with the public keys of existing ones.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list_keys(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    plugin: &str,
) -> AppResult<Vec<KeyView>> {
    let manifest = manifest_for(platform, caller, tenant, plugin).await?;
    let kept = platform.store().tenant(tenant).list_plugin_secrets(plugin).await?;
    let row = |name: &str, kind: KeyKind| kept.iter().find(|row| row.kind == kind.as_str() && row.name == name);
    Ok(manifest.keys().into_iter().map(|(name, kind)| key_view(name.clone(), kind, row(&name, kind))).collect())
}
