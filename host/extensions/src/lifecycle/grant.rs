use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::PayerKind,
    code::Code,
    coding::{Attribute, AttributeValue},
    compartment::Compartment,
    id::TenantId,
};
use xinglin_platform::{AppError, AppResult, Caller, boxed, grant::Granted};
use xinglin_runtime::{Capability, Grants, HostPattern, IdentityField, Limits, Manifest, PluginError, SettingKind};
use xinglin_store::{Install, InstallState};

use super::{InstallView, make_ready, put_install};
use crate::{
    Extensions,
    install::{self, find, newest_package},
};

/// Grants of a tenant for a plugin. Members left out are granted as the manifest requests.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which version; the newest installed one if left out.
    pub version: Option<String>,
    /// Interfaces it may import, for example `["log", "kv"]`.
    #[schema(value_type = Option<Vec<String>>)]
    pub capabilities: Option<Vec<Capability>>,
    /// Data packs that it may read, of those in the manifest.
    pub packs: Option<Vec<String>>,
    /// Maximum size of its scratch folder in a call.
    pub scratch_kib: Option<u32>,
    /// Servers that it may reach over TLS: some of those in the manifest, or subdomains of
    /// them.
    #[schema(value_type = Option<Vec<String>>)]
    pub hosts: Option<Vec<HostPattern>>,
    /// Servers that it may reach without TLS.
    #[schema(value_type = Option<Vec<String>>)]
    pub plaintext_hosts: Option<Vec<HostPattern>>,
    /// Secrets that may go into its requests.
    pub secrets: Option<BTreeSet<String>>,
    /// Identity data of the patient that its requests may contain: `name`, `id-number`,
    /// `phone`, `birth-date`, `insurance-number`.
    #[schema(value_type = Option<Vec<String>>)]
    pub identity: Option<BTreeSet<IdentityField>>,
    /// Keys that it may sign and encrypt with.
    pub keys: Option<BTreeSet<String>>,
    /// Bounds of each call; never above the manifest's.
    pub limits: Option<GrantedLimits>,
    /// Kind of payer of a payment plugin: `basic_insurance` or `commercial`. It is not taken
    /// from the plugin.
    #[schema(value_type = Option<String>)]
    pub payer: Option<PayerKind>,
    /// The discount of the hospital's contract with a commercial payer, in thousandths of what it charges:
    /// the payer takes no more. Left out, it takes none.
    pub discount_per_mille: Option<u16>,
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
    /// Deadline.
    pub deadline_ms: Option<u32>,
    /// Maximum size of an answer.
    pub output_kib: Option<u32>,
}

/// Sets the grants of a plugin in a tenant. It is not called before it is enabled. An enabled
/// plugin stays enabled, in its current version, with the new grants; grants for another
/// version apply to both, and that version can then run as shadow or be promoted.
///
/// # Errors
/// If there is no such package, or a setting does not fit its manifest.
#[boxed]
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
            Some(install::package(&extensions.platform, &install.digest).await?)
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
    let (payer, discount_per_mille) = (grant.payer, grant.discount_per_mille);
    if discount_per_mille.is_some_and(|rate| rate > 1000) {
        return Err(
            AppError::new(Code::BodyInvalid, "discount_per_mille: at most 1000").with("path", "discount_per_mille")
        );
    }
    install.grants = serde_json::to_value(Granted { grants, payer, discount_per_mille }).map_err(AppError::internal)?;
    install.settings = serde_json::to_value(&settings).map_err(AppError::internal)?;
    install.updated_at = caller.now;
    let mut calls = Vec::new();
    if live.is_some() && install.recalled.is_none() {
        // Grants that do not suffice are refused here, and the old ones stay.
        calls = make_ready(extensions, caller, &mut install, called).await?;
    }
    put_install(&extensions.platform, install, called, calls).await
}

/// The caller's JSON as the manifest's types.
pub(super) fn settings(manifest: &Manifest, values: BTreeMap<String, Value>) -> AppResult<Vec<Attribute>> {
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

    /// Accepts exactly what the published schema allows.
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
