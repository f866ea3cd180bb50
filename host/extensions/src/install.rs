//! Installed plugins of a tenant, loaded under their grants.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};
use xinglin_domain::{code::Code, coding::Attribute, pathway::Definition, time::Instant};
use xinglin_platform::{AppError, AppResult, Platform, blocking, boxed, grant::grants};
use xinglin_runtime::{Interface, Manifest, Package, Plugin};
use xinglin_store::{Executor, Install, InstallState, Queue, TenantScope, Work};

use crate::{Extensions, open::Loaded, package};

/// The plugin of an installation, loaded.
#[boxed]
pub(crate) async fn load(extensions: &Extensions, install: &Install) -> AppResult<Arc<Plugin>> {
    let plugin = load_digest(extensions, install, &install.digest).await?;
    if install.recalled.is_some() {
        // Another host of this store may have ordered it.
        extensions.runtime().recall(plugin.digest());
    }
    Ok(plugin)
}

/// The plugin of an installation, if it is loaded as it is now.
#[boxed]
pub(crate) async fn known(extensions: &Extensions, install: &Install) -> Option<Arc<Plugin>> {
    let all = extensions.loaded().lock().await;
    let loaded = all.get(&(install.tenant, install.plugin_id.clone()))?;
    loaded.plugins.get(&install.digest).filter(|_| loaded.version == install.version).cloned()
}

/// A package under the grants of an installation, loaded.
#[boxed]
pub(crate) async fn load_digest(extensions: &Extensions, install: &Install, digest: &str) -> AppResult<Arc<Plugin>> {
    let key = (install.tenant, install.plugin_id.clone());
    if let Some(loaded) = extensions.loaded().lock().await.get(&key)
        && loaded.version == install.version
        && let Some(plugin) = loaded.plugins.get(digest)
    {
        return Ok(plugin.clone());
    }
    let package = package(&extensions.platform, digest).await?;
    let plugin = extensions.runtime().load(&package, &grants(install)?).await?;
    let mut all = extensions.loaded().lock().await;
    let loaded = all.entry(key).or_default();
    if loaded.version != install.version {
        *loaded = Loaded { version: install.version, plugins: HashMap::new() };
    }
    loaded.plugins.insert(digest.to_owned(), plugin.clone());
    Ok(plugin)
}

/// Enabled plugins of a tenant with a role.
pub async fn playing<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    role: Interface,
) -> AppResult<Vec<(Install, Arc<Plugin>)>> {
    let mut playing = Vec::new();
    for install in records.list_installs(Some(InstallState::Enabled)).await? {
        let plugin = load(extensions, &install).await?;
        if plugin.interfaces().contains(&role) {
            playing.push((install, plugin));
        }
    }
    Ok(playing)
}

/// An enabled plugin of a tenant, and no other, loaded; `None` if it is not enabled there.
///
/// # Errors
/// If it cannot be loaded.
pub async fn enabled<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    plugin_id: &str,
) -> AppResult<Option<(Install, Arc<Plugin>)>> {
    let install = find(records, plugin_id).await?.filter(|install| install.state == InstallState::Enabled);
    let Some(install) = install else { return Ok(None) };
    let plugin = load(extensions, &install).await?;
    Ok(Some((install, plugin)))
}

/// One enabled plugin of a tenant with a role.
pub async fn one_playing<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    plugin_id: &str,
    role: Interface,
) -> AppResult<(Install, Arc<Plugin>)> {
    let (install, plugin) = one(extensions, records, plugin_id).await?;
    if !plugin.interfaces().contains(&role) {
        return Err(AppError::new(Code::PluginInterface, format!("`{plugin_id}` does not export {}", role.name())));
    }
    Ok((install, plugin))
}

/// One enabled plugin of a tenant that is a disease pathway, of whatever minor.
pub async fn pathway<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    plugin_id: &str,
) -> AppResult<(Install, Arc<Plugin>)> {
    let (install, plugin) = one(extensions, records, plugin_id).await?;
    if !Interface::is_pathway(plugin.interfaces()) {
        return Err(AppError::new(Code::PluginInterface, format!("`{plugin_id}` is no pathway")));
    }
    Ok((install, plugin))
}

async fn one<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    plugin_id: &str,
) -> AppResult<(Install, Arc<Plugin>)> {
    let found = enabled(extensions, records, plugin_id).await?;
    found.ok_or_else(|| AppError::not_found("enabled plugin", plugin_id))
}

/// A package of this host, validated as a whole once more. Takes as long as its size asks
/// for: what is loaded is known from [`known`].
#[boxed]
pub(crate) async fn package(platform: &Platform, digest: &str) -> AppResult<Package> {
    let bytes = platform.store().operator().get_package_bytes(digest).await?;
    let package = blocking(move || Package::read(bytes)).await??;
    if package.digest().to_string() != digest {
        let detail = format!("the bytes of package {digest} are no longer those that were installed");
        return Err(AppError::new(Code::PluginTampered, detail));
    }
    Ok(package)
}

#[boxed]
pub(crate) async fn newest_package(platform: &Platform, plugin: &str, version: Option<&str>) -> AppResult<Package> {
    let newest = package::newest(platform, plugin, version).await?;
    if newest.revoked.is_some() {
        return Err(package::none_installed(plugin, version));
    }
    package(platform, &newest.digest).await
}

/// A pathway is here again for the patients whom it follows: the payload of work in [`Queue::Resumption`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// Since when it was away; when it changed to another version, if it was not.
    pub since: Instant,
}

/// How long work waits for a pathway to be enabled again, in days: longer than any hospital keeps one.
const AWAY_DAYS: i64 = 36_500;

impl Resumption {
    /// The work of an installation that is changed to what it is now, given the work that waits for it. It waits from when
    /// the pathway is disabled until it is enabled again; is due when it is enabled, is not recalled any more, or is
    /// another version. None if nothing of the kind happens. What is due already keeps its earlier time.
    pub(crate) fn work(before: &Install, now: &Install, waiting: Option<&Work>) -> AppResult<Option<Work>> {
        let followed = before.definition.is_some() && definition(now).is_ok_and(|definition| definition.follows_up);
        if !followed {
            return Ok(None);
        }
        let enabled = |install: &Install| install.state == InstallState::Enabled && install.recalled.is_none();
        let since = match (enabled(before), enabled(now)) {
            (true, true) => (before.digest != now.digest).then_some(now.updated_at),
            (true, false) => Some(now.updated_at),
            (false, true) => before.recalled.or((before.state == InstallState::Disabled).then_some(before.updated_at)),
            (false, false) => None,
        };
        let known = waiting.map(|work| serde_json::from_value::<Self>(work.payload.clone())).transpose();
        let known = known.map_err(AppError::internal)?.map(|known| known.since);
        let Some(since) =
            since.into_iter().chain(known).min().filter(|_| since.is_some() || !enabled(before) && enabled(now))
        else {
            return Ok(None);
        };
        let due = if enabled(now) { now.updated_at } else { now.updated_at.plus_days(AWAY_DAYS) };
        let payload = serde_json::to_value(Self { since }).map_err(AppError::internal)?;
        Ok(Some(Work { payload, ..Work::new(Queue::Resumption, &now.plugin_id, &now.plugin_id, due) }))
    }
}

/// A pathway's definition, as it was when the plugin was enabled.
pub fn definition(install: &Install) -> AppResult<Definition> {
    let definition = install.definition.clone().ok_or_else(|| {
        AppError::new(Code::PluginState, format!("`{}` has not been asked what it is; enable it", install.plugin_id))
    })?;
    serde_json::from_value(definition).map_err(AppError::internal)
}

/// The tenant's values, completed by the manifest's defaults.
pub(crate) fn resolved_settings(install: &Install, manifest: &Manifest) -> AppResult<Vec<Attribute>> {
    let mut own: Vec<Attribute> = serde_json::from_value(install.settings.clone()).map_err(AppError::internal)?;
    // Some may be for another version of the plugin.
    own.retain(|setting| manifest.settings.contains_key(&setting.key));
    Ok(manifest.resolve(&own)?)
}

/// A recalled package is not loaded.
pub(crate) fn not_recalled(install: &Install) -> AppResult<()> {
    match install.recalled {
        None => Ok(()),
        Some(at) => {
            let detail = format!("this version of `{}` was recalled at {at}; promote another", install.plugin_id);
            Err(AppError::new(Code::PluginRecalled, detail))
        }
    }
}

pub(crate) async fn find<E: Executor>(records: &TenantScope<E>, plugin: &str) -> AppResult<Option<Install>> {
    match records.get_install(plugin).await {
        Ok(install) => Ok(Some(install)),
        Err(xinglin_store::StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
