//! Plugins: what is installed, and what each tenant lets it do.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::PayerKind,
    clinical::DataNeed,
    code::Code,
    coding::{Attribute, AttributeValue, Coding},
    id::TenantId,
    pathway::Definition,
};
use xinglin_runtime::{Capability, Grants, Interface, Limits, Manifest, Package, Plugin, PluginError, SettingKind};
use xinglin_store::{Executor, Install, InstallState, TenantScope};

use super::{
    AppError, AppResult, Caller, Hospital,
    call::{CallView, Calls},
    open::Loaded,
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
    /// SHA-256 of the package that is called.
    pub digest: String,
    /// `granted`, `enabled` or `disabled`.
    pub state: &'static str,
    /// Interfaces it exports, by the roles they play.
    #[schema(value_type = Vec<String>)]
    pub interfaces: Vec<Interface>,
    /// What it may do.
    #[schema(value_type = Object)]
    pub grants: Value,
    /// Values of its settings, where they differ from the manifest's.
    #[schema(value_type = Object)]
    pub settings: Value,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

impl Hospital {
    /// Says what a plugin may do in a tenant. It is not called before it is
    /// enabled; a plugin that is enabled stays so under the new grants.
    ///
    /// # Errors
    /// If there is no such package, or a setting does not fit its manifest.
    pub async fn grant_plugin(
        &self,
        caller: &Caller,
        tenant: TenantId,
        plugin: &str,
        grant: Grant,
    ) -> AppResult<InstallView> {
        caller.may_in(tenant, Action::ManagePlugins)?;
        let package = self.newest_package(plugin, grant.version.as_deref()).await?;
        let manifest = package.manifest();
        let mut grants = Grants::as_asked(manifest);
        if let Some(capabilities) = grant.capabilities {
            grants.capabilities = capabilities.into_iter().collect();
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

        let records = self.store().tenant(tenant);
        records.profile().await?;
        let before = find(&records, plugin).await?;
        let mut install = Install {
            tenant,
            plugin_id: plugin.to_owned(),
            digest: package.digest().to_string(),
            previous_digest: before.as_ref().map(|install| install.digest.clone()),
            candidate_digest: None,
            state: InstallState::Granted,
            grants: serde_json::to_value(Granted { grants, payer: grant.payer }).map_err(AppError::internal)?,
            settings: serde_json::to_value(&settings).map_err(AppError::internal)?,
            // Patients of a disabled pathway still answer its questionnaires.
            definition: before.as_ref().and_then(|install| install.definition.clone()),
            version: before.as_ref().map_or(0, |install| install.version),
            updated_at: caller.now,
        };
        let mut calls = Vec::new();
        if before.is_some_and(|install| install.state == InstallState::Enabled) {
            // Grants that do not suffice are refused here, and the old ones stay.
            calls = self.make_ready(caller, &mut install, &package).await?;
        }
        self.put_install(install, &package, calls).await
    }

    /// Starts calling a plugin in a tenant.
    ///
    /// # Errors
    /// `PLUGIN_CAPABILITY` if it imports what is not granted, `PLUGIN_SIGNATURE` if
    /// its signatures do not suffice any more.
    pub async fn enable_plugin(&self, caller: &Caller, tenant: TenantId, plugin: &str) -> AppResult<InstallView> {
        caller.may_in(tenant, Action::ManagePlugins)?;
        let mut install = self.store().tenant(tenant).get_install(plugin).await?;
        let package = self.package(&install.digest).await?;
        let calls = self.make_ready(caller, &mut install, &package).await?;
        install.updated_at = caller.now;
        self.put_install(install, &package, calls).await
    }

    /// Stops calling a plugin in a tenant. Calls in flight finish.
    ///
    /// # Errors
    /// If it is not there.
    pub async fn disable_plugin(&self, caller: &Caller, tenant: TenantId, plugin: &str) -> AppResult<InstallView> {
        caller.may_in(tenant, Action::ManagePlugins)?;
        let mut install = self.store().tenant(tenant).get_install(plugin).await?;
        if install.state != InstallState::Enabled {
            return Err(AppError::new(Code::PluginState, format!("`{plugin}` is not enabled")));
        }
        let package = self.package(&install.digest).await?;
        install.state = InstallState::Disabled;
        install.updated_at = caller.now;
        self.put_install(install, &package, Vec::new()).await
    }

    /// Plugins of a tenant.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn list_plugins(&self, caller: &Caller, tenant: TenantId) -> AppResult<Vec<InstallView>> {
        caller.may_in(tenant, Action::ManagePlugins)?;
        let mut views = Vec::new();
        for install in self.store().tenant(tenant).list_installs(None).await? {
            let package = self.package(&install.digest).await?;
            views.push(view(install, &package, Vec::new()));
        }
        Ok(views)
    }

    /// Sees that a plugin can be called under its grants, asks a pathway what it
    /// is, and marks it enabled. Who vouches for it is looked at anew.
    async fn make_ready(&self, caller: &Caller, install: &mut Install, package: &Package) -> AppResult<Vec<CallView>> {
        self.check_trust(package).await?;
        let plugin = self.runtime().load(package, &grants(install)?).await?;
        let mut views = Vec::new();
        if plugin.interfaces().contains(&Interface::Pathway) {
            let mut calls = Calls::new(self, install.tenant, &caller.request_id, caller.now);
            let context = calls.context(install, &plugin)?;
            let described = calls.took(install, self.runtime().describe(&plugin, context).await);
            views = calls.keep().await?;
            let definition = described?;
            declared(&definition, package.manifest())?;
            install.definition = Some(serde_json::to_value(definition).map_err(AppError::internal)?);
        }
        install.state = InstallState::Enabled;
        Ok(views)
    }

    async fn put_install(&self, install: Install, package: &Package, calls: Vec<CallView>) -> AppResult<InstallView> {
        let tx = self.store().tenant(install.tenant).begin().await?;
        tx.put_install(&install).await?;
        tx.commit().await?;
        tracing::info!(
            tenant = %install.tenant, plugin = install.plugin_id, state = install.state.as_str(), "plugin changed",
        );
        Ok(view(install, package, calls))
    }

    /// The plugin of an installation, loaded.
    pub(super) async fn plugin(&self, install: &Install) -> AppResult<Arc<Plugin>> {
        let key = (install.tenant, install.plugin_id.clone());
        if let Some(loaded) = self.loaded().lock().await.get(&key)
            && loaded.version == install.version
        {
            return Ok(loaded.plugin.clone());
        }
        let package = self.package(&install.digest).await?;
        let plugin = self.runtime().load(&package, &grants(install)?).await?;
        let loaded = Loaded { version: install.version, plugin: plugin.clone() };
        self.loaded().lock().await.insert(key, loaded);
        Ok(plugin)
    }

    /// Enabled plugins of a tenant that play a role.
    pub(super) async fn playing<E: Executor>(
        &self,
        records: &TenantScope<E>,
        role: Interface,
    ) -> AppResult<Vec<(Install, Arc<Plugin>)>> {
        let mut playing = Vec::new();
        for install in records.list_installs(Some(InstallState::Enabled)).await? {
            let plugin = self.plugin(&install).await?;
            if plugin.interfaces().contains(&role) {
                playing.push((install, plugin));
            }
        }
        Ok(playing)
    }

    /// One enabled plugin of a tenant that plays a role.
    pub(super) async fn one_playing<E: Executor>(
        &self,
        records: &TenantScope<E>,
        plugin_id: &str,
        role: Interface,
    ) -> AppResult<(Install, Arc<Plugin>)> {
        let install = find(records, plugin_id).await?.filter(|install| install.state == InstallState::Enabled);
        let install = install.ok_or_else(|| AppError::not_found("enabled plugin", plugin_id))?;
        let plugin = self.plugin(&install).await?;
        if !plugin.interfaces().contains(&role) {
            return Err(AppError::new(Code::PluginInterface, format!("`{plugin_id}` does not export {role}")));
        }
        Ok((install, plugin))
    }

    async fn package(&self, digest: &str) -> AppResult<Package> {
        let bytes = self.store().operator().get_package_bytes(digest).await?;
        let package = Package::read(bytes)?;
        if package.digest().to_string() != digest {
            let detail = format!("the bytes of package {digest} are no longer those that were installed");
            return Err(AppError::new(Code::PluginTampered, detail));
        }
        Ok(package)
    }

    async fn newest_package(&self, plugin: &str, version: Option<&str>) -> AppResult<Package> {
        let packages = self.store().operator().list_packages().await?;
        let newest = packages
            .into_iter()
            .filter(|package| package.plugin_id == plugin && package.revoked.is_none())
            .filter(|package| version.is_none_or(|wanted| package.plugin_version == wanted))
            .max_by_key(|package| semver::Version::parse(&package.plugin_version).ok());
        let wanted = version.map_or_else(|| plugin.to_owned(), |version| format!("{plugin} {version}"));
        let newest = newest.ok_or_else(|| AppError::not_found("installed plugin", wanted))?;
        self.package(&newest.digest).await
    }
}

/// A pathway sees what its manifest declares, which is what the tenant was shown
/// when it granted the plugin, and not what its code asks for later.
fn declared(definition: &Definition, manifest: &Manifest) -> AppResult<()> {
    let shown = manifest.data_needs.to_vec();
    let codes = |needs: &[DataNeed]| -> Vec<Coding> {
        let observations = needs.iter().filter_map(|need| match need {
            DataNeed::Observations(codes) => Some(codes.clone()),
            _ => None,
        });
        observations.flatten().collect()
    };
    let known = codes(&shown);
    let refuse = |what: String| {
        let detail = format!("the pathway wants to see {what}; its manifest does not declare that in [data-needs]");
        Err(AppError::new(Code::PluginCapability, detail).with("plugin", &manifest.id))
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
pub(super) fn definition(install: &Install) -> AppResult<Definition> {
    let definition = install.definition.clone().ok_or_else(|| {
        AppError::new(Code::PluginState, format!("`{}` has not been asked what it is; enable it", install.plugin_id))
    })?;
    serde_json::from_value(definition).map_err(AppError::internal)
}

/// What a tenant granted, as kept with the installation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Granted {
    grants: Grants,
    payer: Option<PayerKind>,
}

fn granted(install: &Install) -> AppResult<Granted> {
    Granted::deserialize(&install.grants).map_err(AppError::internal)
}

pub(super) fn grants(install: &Install) -> AppResult<Grants> {
    Ok(granted(install)?.grants)
}

/// What kind of payer the tenant says the plugin is.
pub(super) fn payer_kind(install: &Install) -> AppResult<PayerKind> {
    granted(install)?.payer.ok_or_else(|| {
        let detail = format!("grant `{}` again and say in `payer` what kind of payer it is", install.plugin_id);
        AppError::new(Code::PluginState, detail)
    })
}

/// The tenant's values, completed by the manifest's defaults.
pub(super) fn resolved_settings(install: &Install, manifest: &Manifest) -> AppResult<Vec<Attribute>> {
    let own: Vec<Attribute> = serde_json::from_value(install.settings.clone()).map_err(AppError::internal)?;
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
        digest: install.digest,
        state: install.state.as_str(),
        interfaces: package.interfaces().iter().copied().collect(),
        grants: install.grants,
        settings: install.settings,
        calls,
    }
}

impl From<PluginError> for AppError {
    fn from(error: PluginError) -> Self {
        let code = error.code();
        if code == Code::Internal {
            return Self::internal(error);
        }
        Self::new(code, error.to_string())
    }
}
