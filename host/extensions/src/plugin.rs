//! Plugins: what is installed, and what each tenant lets it do.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::PayerKind,
    clinical::DataNeed,
    code::Code,
    coding::{Attribute, AttributeValue, Coding},
    compartment::Compartment,
    id::TenantId,
    pathway::Definition,
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform,
    grant::{Granted, grants},
    policy_desk,
};
use xinglin_runtime::{
    Capability, Grants, HostPattern, IdentityField, Interface, Limits, Manifest, Package, Plugin, PluginError,
    SettingKind,
};
use xinglin_store::{Executor, Install, InstallState, TenantScope};

use crate::{
    Extensions,
    call::{CallView, Calls},
    open::Loaded,
    package,
};

/// What a tenant lets a plugin do. What is left out is as the manifest asks.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which version; the newest installed one if left out.
    pub version: Option<String>,
    /// Interfaces it may import, for example `["log", "kv"]`.
    #[schema(value_type = Option<Vec<String>>)]
    pub capabilities: Option<Vec<Capability>>,
    /// Data packs that it may read, of those that the manifest asks for.
    pub packs: Option<Vec<String>>,
    /// How much its scratch folder may hold in a call.
    pub scratch_kib: Option<u32>,
    /// Servers that it may reach over TLS: some of those it asks for, or of those
    /// below them.
    #[schema(value_type = Option<Vec<String>>)]
    pub hosts: Option<Vec<HostPattern>>,
    /// Servers that it may reach without TLS.
    #[schema(value_type = Option<Vec<String>>)]
    pub plaintext_hosts: Option<Vec<HostPattern>>,
    /// Secrets that may go into its requests.
    pub secrets: Option<BTreeSet<String>>,
    /// What may go into its requests of who the patient is: `name`, `id-number`,
    /// `phone`, `birth-date`, `insurance-number`.
    #[schema(value_type = Option<Vec<String>>)]
    pub identity: Option<BTreeSet<IdentityField>>,
    /// Keys that it may sign and encrypt with.
    pub keys: Option<BTreeSet<String>>,
    /// Bounds of each call; never above the manifest's.
    pub limits: Option<GrantedLimits>,
    /// What kind of payer stands behind a payment plugin: `basic_insurance` or
    /// `commercial`. The plugin does not get to say so itself.
    #[schema(value_type = Option<String>)]
    pub payer: Option<PayerKind>,
    /// Values for settings of the manifest.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: BTreeMap<String, Value>,
    /// The restricted compartment that it works in, `hiv` or `mental-health`: must be
    /// the one that the manifest names.
    #[schema(value_type = Option<String>)]
    pub compartment: Option<Compartment>,
}

/// Bounds of each call of a plugin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantedLimits {
    /// All its memories and tables together.
    pub memory_mib: Option<u32>,
    /// How long it may run.
    pub deadline_ms: Option<u32>,
    /// How much it may answer.
    pub output_kib: Option<u32>,
}

/// A plugin in a tenant.
#[derive(Serialize, ToSchema)]
pub struct InstallView {
    /// Id of the plugin.
    pub id: String,
    /// Version that is called.
    pub version: String,
    /// SHA-256 of the package that is called.
    pub digest: String,
    /// `granted`, `enabled`, `disabled`, or `recalled`: called as before, but each
    /// call fails and its hook's failure class takes over.
    pub state: &'static str,
    /// SHA-256 of the package that a rollback goes back to.
    pub previous: Option<String>,
    /// SHA-256 of the package that runs in the shadow.
    pub candidate: Option<String>,
    /// Interfaces it exports, by the roles they play.
    #[schema(value_type = Vec<String>)]
    pub interfaces: Vec<Interface>,
    /// What it may do.
    #[schema(value_type = Object)]
    pub grants: Value,
    /// Values of its settings, where they differ from the manifest's.
    #[schema(value_type = Vec<Object>)]
    pub settings: Value,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

/// Says what a plugin may do in a tenant. It is not called before it is
/// enabled. A plugin that is enabled stays so, in the version it has, under the
/// new grants; if they are for another version they hold for both, and that
/// version can then go into the shadow or be promoted.
///
/// # Errors
/// If there is no such package, or a setting does not fit its manifest.
pub async fn grant(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin: &str,
    grant: Grant,
) -> AppResult<InstallView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let records = extensions.platform.store().tenant(tenant);
    records.profile().await?;
    let before = find(&records, plugin).await?;
    let live = match &before {
        Some(install) if install.state == InstallState::Enabled => {
            Some(package(&extensions.platform, &install.digest).await?)
        }
        _ => None,
    };
    let package = match (&grant.version, &live) {
        (None, Some(live)) => live.clone(),
        (version, _) => newest_package(&extensions.platform, plugin, version.as_deref()).await?,
    };
    let manifest = package.manifest();
    if grant.compartment != manifest.compartment {
        let asked = manifest.compartment.map_or("none".to_owned(), |asked| format!("`{asked}`"));
        let detail = format!("the plugin works in the compartment {asked}; say so in `compartment` to grant it that");
        return Err(AppError::new(Code::PluginCapability, detail));
    }
    let mut grants = Grants::as_asked(manifest);
    if let Some(live) = &live {
        grants = grants.or(Grants::as_asked(live.manifest()));
    }
    if let Some(capabilities) = grant.capabilities {
        grants.capabilities = capabilities.into_iter().collect();
    }
    if let Some(packs) = grant.packs {
        grants.packs = packs.into_iter().collect();
    }
    if let Some(kib) = grant.scratch_kib {
        grants.scratch_kib = kib;
    }
    if let Some(hosts) = grant.hosts {
        grants.http.hosts = hosts;
    }
    if let Some(hosts) = grant.plaintext_hosts {
        grants.http.plaintext_hosts = hosts;
    }
    if let Some(secrets) = grant.secrets {
        grants.secrets = secrets;
    }
    if let Some(identity) = grant.identity {
        grants.identity = identity;
    }
    if let Some(keys) = grant.keys {
        grants.keys.retain(|key, _| keys.contains(key));
    }
    if let Some(limits) = grant.limits {
        let asked = grants.limits;
        grants.limits = Limits {
            memory_mib: limits.memory_mib.unwrap_or(asked.memory_mib),
            deadline_ms: limits.deadline_ms.unwrap_or(asked.deadline_ms),
            output_kib: limits.output_kib.unwrap_or(asked.output_kib),
        };
    }
    let settings = settings(manifest, grant.settings)?;
    manifest.resolve(&settings)?;

    let called = live.as_ref().unwrap_or(&package);
    // What it had stays: patients of a disabled pathway still answer its
    // questionnaires, and a candidate goes on in its shadow.
    let mut install = before.unwrap_or_else(|| Install {
        tenant,
        plugin_id: plugin.to_owned(),
        digest: String::new(),
        previous_digest: None,
        candidate_digest: None,
        shadow: None,
        recalled: None,
        state: InstallState::Granted,
        grants: Value::Null,
        settings: Value::Null,
        definition: None,
        version: 0,
        updated_at: caller.now,
    });
    install.digest = called.digest().to_string();
    // What was recalled stays enabled, and so does what its failure means, until
    // another version is promoted: a check must not be gone in between.
    install.state = if live.is_some() { InstallState::Enabled } else { InstallState::Granted };
    install.grants = serde_json::to_value(Granted { grants, payer: grant.payer }).map_err(AppError::internal)?;
    install.settings = serde_json::to_value(&settings).map_err(AppError::internal)?;
    install.updated_at = caller.now;
    let mut calls = Vec::new();
    if live.is_some() && install.recalled.is_none() {
        // Grants that do not suffice are refused here, and the old ones stay.
        calls = make_ready(extensions, caller, &mut install, called).await?;
    }
    put_install(&extensions.platform, install, called, calls).await
}

/// Starts calling a plugin in a tenant.
///
/// # Errors
/// `PLUGIN_CAPABILITY` if it imports what is not granted, `PLUGIN_SIGNATURE` if
/// its signatures do not suffice any more.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn enable(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin: &str,
) -> AppResult<InstallView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut install = extensions.platform.store().tenant(tenant).get_install(plugin).await?;
    not_recalled(&install)?;
    let package = package(&extensions.platform, &install.digest).await?;
    let calls = make_ready(extensions, caller, &mut install, &package).await?;
    install.updated_at = caller.now;
    put_install(&extensions.platform, install, &package, calls).await
}

/// Stops calling a plugin in a tenant. Calls in flight finish.
///
/// # Errors
/// If it is not there.
pub async fn disable(platform: &Platform, caller: &Caller, tenant: TenantId, plugin: &str) -> AppResult<InstallView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut install = platform.store().tenant(tenant).get_install(plugin).await?;
    if install.state != InstallState::Enabled {
        return Err(AppError::new(Code::PluginState, format!("`{plugin}` is not enabled")));
    }
    let package = package(platform, &install.digest).await?;
    install.state = InstallState::Disabled;
    install.updated_at = caller.now;
    put_install(platform, install, &package, Vec::new()).await
}

/// Plugins of a tenant.
///
/// # Errors
/// If the caller may not.
pub async fn list(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<InstallView>> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let mut views = Vec::new();
    for install in platform.store().tenant(tenant).list_installs(None).await? {
        let package = package(platform, &install.digest).await?;
        views.push(view(install, &package, Vec::new()));
    }
    Ok(views)
}

/// Sees that a plugin can be called under its grants, asks a pathway what it
/// is, and marks it enabled. Who vouches for it is looked at anew.
pub(crate) async fn make_ready(
    extensions: &Extensions,
    caller: &Caller,
    install: &mut Install,
    package: &Package,
) -> AppResult<Vec<CallView>> {
    package::check_trust(&extensions.platform, package).await?;
    let plugin = extensions.runtime().load(package, &grants(install)?).await?;
    policy_desk::plugin_may(&extensions.platform, install.tenant, &plugin, caller.now)?;
    let mut views = Vec::new();
    if plugin.interfaces().contains(&Interface::Pathway) {
        let mut calls = Calls::new(extensions, install.tenant, &caller.request_id, caller.now);
        let context = calls.context(install, &plugin)?;
        let described = calls.took(install, extensions.runtime().describe(&plugin, context).await).await;
        views = calls.views();
        let definition = described?;
        declared(&definition, &plugin)?;
        install.definition = Some(serde_json::to_value(definition).map_err(AppError::internal)?);
    }
    install.state = InstallState::Enabled;
    Ok(views)
}

pub(crate) async fn put_install(
    platform: &Platform,
    install: Install,
    package: &Package,
    calls: Vec<CallView>,
) -> AppResult<InstallView> {
    let tx = platform.store().tenant(install.tenant).begin().await?;
    tx.put_install(&install).await?;
    tx.commit().await?;
    tracing::info!(
        tenant = %install.tenant, plugin = install.plugin_id, state = install.state.as_str(), "plugin changed",
    );
    Ok(view(install, package, calls))
}

/// The plugin of an installation, loaded.
pub(crate) async fn load(extensions: &Extensions, install: &Install) -> AppResult<Arc<Plugin>> {
    let plugin = load_digest(extensions, install, &install.digest).await?;
    if install.recalled.is_some() {
        // Another host of this store may have ordered it.
        extensions.runtime().recall(plugin.digest());
    }
    Ok(plugin)
}

/// A package under the grants of an installation, loaded.
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

/// Enabled plugins of a tenant that play a role.
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

/// One enabled plugin of a tenant that plays a role.
pub async fn one_playing<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    plugin_id: &str,
    role: Interface,
) -> AppResult<(Install, Arc<Plugin>)> {
    let install = find(records, plugin_id).await?.filter(|install| install.state == InstallState::Enabled);
    let install = install.ok_or_else(|| AppError::not_found("enabled plugin", plugin_id))?;
    let plugin = load(extensions, &install).await?;
    if !plugin.interfaces().contains(&role) {
        return Err(AppError::new(Code::PluginInterface, format!("`{plugin_id}` does not export {}", role.name())));
    }
    Ok((install, plugin))
}

pub(crate) async fn package(platform: &Platform, digest: &str) -> AppResult<Package> {
    let bytes = platform.store().operator().get_package_bytes(digest).await?;
    let package = Package::read(bytes)?;
    if package.digest().to_string() != digest {
        let detail = format!("the bytes of package {digest} are no longer those that were installed");
        return Err(AppError::new(Code::PluginTampered, detail));
    }
    Ok(package)
}

pub(crate) async fn newest_package(platform: &Platform, plugin: &str, version: Option<&str>) -> AppResult<Package> {
    let newest = package::newest(platform, plugin, version).await?;
    if newest.revoked.is_some() {
        return Err(package::none_installed(plugin, version));
    }
    package(platform, &newest.digest).await
}

/// A pathway sees what its manifest declares, which is what the tenant was shown
/// when it granted the plugin, and not what its code asks for later.
fn declared(definition: &Definition, plugin: &Plugin) -> AppResult<()> {
    let shown = plugin.data_needs().to_vec();
    let codes = |needs: &[DataNeed]| -> Vec<Coding> {
        let observations = needs.iter().filter_map(|need| match need {
            DataNeed::Observations(codes) => Some(codes.clone()),
            _ => None,
        });
        observations.flatten().collect()
    };
    let known = codes(&shown);
    let refuse = |what: String| {
        let detail = format!(
            "the pathway wants to see {what}; its manifest does not declare that in [data-needs], or it was not granted"
        );
        Err(AppError::new(Code::PluginCapability, detail).with("plugin", &plugin.manifest().id))
    };
    for need in &definition.data_needs {
        let what = match need {
            DataNeed::Conditions => "diagnoses",
            DataNeed::Allergies => "allergies",
            DataNeed::Medications => "medicines",
            DataNeed::Observations(_) => continue,
        };
        if !shown.contains(need) {
            return refuse(what.to_owned());
        }
    }
    match codes(&definition.data_needs).iter().find(|code| !known.iter().any(|known| known.same(code))) {
        Some(code) => refuse(format!("observations {}|{}", code.system, code.code)),
        None => Ok(()),
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

/// The caller's JSON as the manifest's types.
fn settings(manifest: &Manifest, values: BTreeMap<String, Value>) -> AppResult<Vec<Attribute>> {
    let wrong = |key: &str, reason: &str| PluginError::Setting { key: key.to_owned(), reason: reason.to_owned() };
    let typed = values.into_iter().map(|(key, value)| {
        let kind = manifest.settings.get(&key).map(|setting| setting.kind);
        let value = match (kind, value) {
            // An unknown key is named, with those there are, by `Manifest::resolve`.
            (None, _) => AttributeValue::Boolean(false),
            (Some(SettingKind::Text), Value::String(text)) => AttributeValue::Text(text),
            (Some(SettingKind::Boolean), Value::Bool(yes)) => AttributeValue::Boolean(yes),
            (Some(SettingKind::Integer), Value::Number(number)) => {
                AttributeValue::Integer(number.as_i64().ok_or_else(|| wrong(&key, "must be a whole number"))?)
            }
            (Some(SettingKind::Decimal), Value::Number(number)) => {
                let number = number.to_string().parse().map_err(|_| wrong(&key, "must be a decimal number"))?;
                AttributeValue::Decimal(number)
            }
            (Some(_), _) => return Err(wrong(&key, "is of another type than the manifest says")),
        };
        Ok(Attribute { key, value })
    });
    Ok(typed.collect::<Result<_, PluginError>>()?)
}

/// What was recalled is not started again.
pub(crate) fn not_recalled(install: &Install) -> AppResult<()> {
    match install.recalled {
        None => Ok(()),
        Some(at) => {
            let detail = format!("this version of `{}` was recalled at {at}; promote another", install.plugin_id);
            Err(AppError::new(Code::PluginRecalled, detail))
        }
    }
}

async fn find<E: Executor>(records: &TenantScope<E>, plugin: &str) -> AppResult<Option<Install>> {
    match records.get_install(plugin).await {
        Ok(install) => Ok(Some(install)),
        Err(xinglin_store::StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn view(install: Install, package: &Package, calls: Vec<CallView>) -> InstallView {
    InstallView {
        id: install.plugin_id,
        version: package.manifest().version.to_string(),
        digest: install.digest,
        previous: install.previous_digest,
        candidate: install.candidate_digest,
        state: match (install.state, install.recalled) {
            (InstallState::Enabled, Some(_)) => "recalled",
            (state, _) => state.as_str(),
        },
        interfaces: package.interfaces().iter().copied().collect(),
        grants: install.grants,
        settings: install.settings,
        calls,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MANIFEST: &str = r#"
        id = "org.example.settings"
        version = "1.0.0"
        publisher = "Example"
        licence = "Apache-2.0"
        [name]
        zh-CN = "设置"
        en = "Settings"
        [settings.words]
        type = "text"
        minimum = 2
        maximum = 3
        [settings.count]
        type = "integer"
        minimum = -3
        maximum = 7
        [settings.rate]
        type = "decimal"
        minimum = 0.25
        maximum = 9.99
        [settings.any-rate]
        type = "decimal"
        [settings.switch]
        type = "boolean"
        default = true
    "#;

    /// What the schema that is published allows is what is taken, and nothing else.
    #[test]
    fn settings_are_taken_by_their_json_schema() {
        let manifest = Manifest::parse(MANIFEST).expect("a manifest");
        let schema = jsonschema::draft202012::new(&manifest.settings_schema()).expect("a schema");
        let number = |text: &str| serde_json::from_str::<Value>(text).expect("a number");
        let mut values = vec![
            json!(null),
            json!(true),
            json!(false),
            json!([]),
            json!({}),
            json!(""),
            json!("糖"),
            json!("糖尿"),
            json!("糖尿病"),
            json!("abcd"),
            json!("7"),
            json!("0.25"),
        ];
        for text in ["-4", "-3", "0", "7", "8", "0.25", "0.249999", "9.99", "9.9901", "-0.5", "1e3", "2.5e-1"] {
            values.push(number(text));
        }
        let (mut taken, mut refused) = (0, 0);
        for key in ["words", "count", "rate", "any-rate", "switch", "unknown"] {
            for value in &values {
                let asked = BTreeMap::from([(key.to_owned(), value.clone())]);
                let ours = settings(&manifest, asked.clone()).and_then(|typed| Ok(manifest.resolve(&typed)?));
                let lawful = schema.is_valid(&json!(asked));
                assert_eq!(ours.is_ok(), lawful, "{key} = {value}: {ours:?}");
                *(if lawful { &mut taken } else { &mut refused }) += 1;
            }
        }
        assert!(taken > 15 && refused > 60, "{taken} taken, {refused} refused");
    }
}
