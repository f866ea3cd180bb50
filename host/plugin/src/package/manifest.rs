//! The manifest of a plugin: `plugin.toml` in the source tree, JSON in the component.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use semver::Version;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, Visitor},
};
use xinglin_domain::{
    clinical::DataNeed,
    coding::{Attribute, AttributeValue, Coding, Decimal, LocalizedText, Translation},
    compartment::Compartment,
    identity::IdentityField,
};

use super::{HttpGrant, host_pattern::HostPattern};
use crate::{capability::Capability, error::PluginError, key::KeyKind, limits::Limits, name::is_name};

/// The manifest. Unknown fields are refused, so that a misspelling is not a silent default.
///
/// ```toml
/// id = "xinglin.diabetes"
/// version = "1.2.0"
/// publisher = "Xinglin"
/// licence = "Apache-2.0"
///
/// [name]
/// zh-CN = "糖尿病路径"
/// en = "Diabetes pathway"
///
/// [capabilities.kv]
/// quota-kib = 64
/// reason = "remembers which settlements it has answered"
///
/// [limits]
/// memory-mib = 64
///
/// [settings.target-hba1c]
/// type = "decimal"
/// default = 7.0
/// minimum = 6
/// maximum = 9
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Dotted and lower case, beginning with the publisher: `xinglin.diabetes`.
    pub id: String,
    /// Version of the plugin.
    pub version: Version,
    /// The responsible publisher.
    pub publisher: String,
    /// SPDX expression, or the name of a contract.
    pub licence: String,
    /// Display name, in `zh-CN` and `en` at least.
    #[serde(with = "languages")]
    pub name: LocalizedText,
    /// Purpose.
    #[serde(default, with = "languages", skip_serializing_if = "LocalizedText::is_empty")]
    pub description: LocalizedText,
    /// The requested capabilities.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capabilities: BTreeMap<Capability, Ask>,
    /// Limits of a call.
    #[serde(default)]
    pub limits: Limits,
    /// Settings that a tenant can configure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Setting>,
    /// Data of the record that checks receive. Pathways declare theirs in their definition.
    #[serde(default)]
    pub data_needs: DataNeeds,
    /// The restricted compartment, `hiv` or `mental-health`: the plugin reads it, and everything
    /// written on its behalf belongs to it. Needs an explicit grant of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<Compartment>,
}

/// The request of a capability.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ask {
    /// The reason, for whoever grants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For `kv`: quota in KiB, 1 to 16384; default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_kib: Option<u32>,
    /// For `files`: names of the data packs that it reads.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub packs: BTreeSet<String>,
    /// For `files`: quota of the scratch folder in KiB, 1 to 65536; no folder if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch_kib: Option<u32>,
    /// For `http`: servers over TLS; at least one of these or of `plaintext-hosts`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostPattern>,
    /// For `http`: servers that may also be used without TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plaintext_hosts: Vec<HostPattern>,
    /// For `http`: maximum body of a request in KiB, 1 to 512; default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_request_kib: Option<u32>,
    /// For `http`: maximum headers and body of a response in KiB, 1 to 2048; default 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_response_kib: Option<u32>,
    /// For `http`: maximum concurrent requests of a tenant, over all calls, 1 to 64; default 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<u32>,
    /// For `secrets` and `signing`: the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<AskedKeys>,
    /// For `identity`: the fields.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fields: BTreeSet<IdentityField>,
}

/// The requested keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "`secrets` has `keys = [\"…\"]`, `signing` has `keys = { … = \"sm2\" }`: ed25519, sm2 or sm4"
)]
pub enum AskedKeys {
    /// Of `secrets`.
    Secrets(BTreeSet<String>),
    /// Of `signing`, each with its algorithm.
    Signing(BTreeMap<String, KeyKind>),
}

/// The type of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum SettingKind {
    Text,
    Integer,
    Decimal,
    Boolean,
}

/// A setting that a tenant can configure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", try_from = "RawSetting", into = "RawSetting")]
pub struct Setting {
    /// Its type.
    pub kind: SettingKind,
    /// The default value.
    pub default: Option<AttributeValue>,
    /// Minimum of a number, or of the length of a text.
    pub minimum: Option<Decimal>,
    /// Maximum of a number, or of the length of a text.
    pub maximum: Option<Decimal>,
    /// Description for the tenant.
    pub description: LocalizedText,
}

/// Data of the record that a checker receives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DataNeeds {
    /// Diagnoses and problems.
    pub conditions: bool,
    /// Allergies and intolerances.
    pub allergies: bool,
    /// Medicines taken.
    pub medications: bool,
    /// Observations with one of these codes.
    pub observations: Vec<Coding>,
}

impl DataNeeds {
    /// The intersection.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        Self {
            conditions: self.conditions && other.conditions,
            allergies: self.allergies && other.allergies,
            medications: self.medications && other.medications,
            observations: self.observations.iter().filter(|code| other.declares(code)).cloned().collect(),
        }
    }

    /// The union.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.conditions |= other.conditions;
        self.allergies |= other.allergies;
        self.medications |= other.medications;
        let more: Vec<Coding> = other.observations.into_iter().filter(|code| !self.declares(code)).collect();
        self.observations.extend(more);
        self
    }

    /// Whether observations with this code are included.
    pub fn declares(&self, code: &Coding) -> bool {
        self.observations.iter().any(|known| known.same(code))
    }

    /// What is included here and not in `granted`, as text.
    pub fn beyond(&self, granted: &Self) -> Vec<String> {
        let sections = [
            (self.conditions && !granted.conditions, "diagnoses"),
            (self.allergies && !granted.allergies, "allergies"),
            (self.medications && !granted.medications, "medicines"),
        ];
        let mut beyond: Vec<String> =
            sections.into_iter().filter(|(missing, _)| *missing).map(|(_, what)| format!("data {what}")).collect();
        let codes = self.observations.iter().filter(|code| !granted.declares(code));
        beyond.extend(codes.map(|code| format!("data observations {}|{}", code.system, code.code)));
        beyond
    }

    /// The form in which snapshots are restricted.
    pub fn to_vec(&self) -> Vec<DataNeed> {
        let mut needs = Vec::new();
        if self.conditions {
            needs.push(DataNeed::Conditions);
        }
        if self.allergies {
            needs.push(DataNeed::Allergies);
        }
        if self.medications {
            needs.push(DataNeed::Medications);
        }
        if !self.observations.is_empty() {
            needs.push(DataNeed::Observations(self.observations.clone()));
        }
        needs
    }
}

impl Manifest {
    /// Maximum size of a manifest, in bytes.
    const MAX_BYTES: usize = 64 << 10;
    const DEFAULT_KV_QUOTA_KIB: u32 = 64;
    const MAX_KV_QUOTA_KIB: u32 = 16 << 10;
    const MAX_SCRATCH_KIB: u32 = 64 << 10;
    const MAX_PACKS: usize = 16;
    const MAX_KEYS: usize = 64;
    const MAX_HOSTS: usize = 64;

    /// Parses a `plugin.toml`.
    ///
    /// # Errors
    /// `PLUGIN_INVALID`, with line and column if known.
    pub fn parse(text: &str) -> Result<Self, PluginError> {
        let manifest: Self = toml::from_str(text).map_err(|e| PluginError::Manifest(e.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    pub(crate) fn from_section(json: &[u8]) -> Result<Self, PluginError> {
        if json.len() > Self::MAX_BYTES {
            return Err(PluginError::TooLarge { what: "the manifest", size: json.len(), limit: Self::MAX_BYTES });
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|e| PluginError::Manifest(e.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    pub(crate) fn to_section(&self) -> Result<Vec<u8>, PluginError> {
        self.check()?;
        serde_json::to_vec(self).map_err(|e| PluginError::Manifest(e.to_string()))
    }

    /// The requested quota of `kv`, in KiB; zero without the capability.
    pub fn kv_quota_kib(&self) -> u32 {
        self.capabilities.get(&Capability::Kv).map_or(0, |ask| ask.quota_kib.unwrap_or(Self::DEFAULT_KV_QUOTA_KIB))
    }

    /// The requested data packs; empty without the capability.
    pub fn packs(&self) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        self.capabilities.get(&Capability::Files).map_or(&NONE, |ask| &ask.packs)
    }

    /// The requested quota of the scratch folder, in KiB; zero without the capability.
    pub fn scratch_kib(&self) -> u32 {
        self.capabilities.get(&Capability::Files).and_then(|ask| ask.scratch_kib).unwrap_or(0)
    }

    /// The requested servers; empty without the capability.
    pub fn http(&self) -> HttpGrant {
        self.capabilities.get(&Capability::Http).map_or_else(HttpGrant::default, |ask| HttpGrant {
            hosts: ask.hosts.clone(),
            plaintext_hosts: ask.plaintext_hosts.clone(),
            max_request_kib: ask.max_request_kib.unwrap_or(64),
            max_response_kib: ask.max_response_kib.unwrap_or(256),
            concurrent: ask.concurrent.unwrap_or(4),
        })
    }

    /// Keys of the requested secrets.
    pub fn secrets(&self) -> BTreeSet<String> {
        match self.capabilities.get(&Capability::Secrets).and_then(|ask| ask.keys.as_ref()) {
            Some(AskedKeys::Secrets(keys)) => keys.clone(),
            _ => BTreeSet::new(),
        }
    }

    /// The requested identity fields.
    pub fn identity(&self) -> BTreeSet<IdentityField> {
        self.capabilities.get(&Capability::Identity).map_or_else(BTreeSet::new, |ask| ask.fields.clone())
    }

    /// The requested keys for signing and encryption.
    pub fn keys(&self) -> BTreeMap<String, KeyKind> {
        match self.capabilities.get(&Capability::Signing).and_then(|ask| ask.keys.as_ref()) {
            Some(AskedKeys::Signing(keys)) => keys.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// JSON Schema (2020-12) of the settings, for forms and editors: an object with a property
    /// for each setting, and no others.
    pub fn settings_schema(&self) -> serde_json::Value {
        let properties: serde_json::Map<_, _> =
            self.settings.iter().map(|(key, setting)| (key.clone(), setting.schema())).collect();
        serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name.get("en"),
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        })
    }

    /// The effective settings: a tenant's values, checked and completed with defaults, sorted by
    /// key.
    ///
    /// # Errors
    /// `BODY_INVALID` for an unknown key, or a value of another type or out of range.
    pub fn resolve(&self, values: &[Attribute]) -> Result<Vec<Attribute>, PluginError> {
        let wrong = |key: &str, reason: String| PluginError::Setting { key: key.to_owned(), reason };
        let mut resolved: BTreeMap<&str, AttributeValue> =
            self.settings.iter().filter_map(|(key, setting)| Some((key.as_str(), setting.default.clone()?))).collect();
        for attribute in values {
            let Some((key, setting)) = self.settings.get_key_value(&attribute.key) else {
                let known: Vec<&str> = self.settings.keys().map(String::as_str).collect();
                return Err(wrong(
                    &attribute.key,
                    format!("not a setting of {}; it has: {}", self.id, known.join(", ")),
                ));
            };
            setting.check(&attribute.value).map_err(|reason| wrong(key, reason))?;
            resolved.insert(key, attribute.value.clone());
        }
        Ok(resolved.into_iter().map(|(key, value)| Attribute { key: key.to_owned(), value }).collect())
    }

    fn check(&self) -> Result<(), PluginError> {
        let refuse = |reason: String| Err(PluginError::Manifest(reason));
        if !is_id(&self.id) {
            return refuse(format!(
                "`id = {:?}`: must be two to eight dotted lower-case parts, the publisher's first, \
                 for example `acme.glucose-watch`",
                self.id
            ));
        }
        for (field, value) in [("publisher", &self.publisher), ("licence", &self.licence)] {
            if value.trim().is_empty() || value.len() > 200 {
                return refuse(format!("`{field}` must be 1 to 200 bytes"));
            }
        }
        for language in ["zh-CN", "en"] {
            if !self.name.0.iter().any(|t| t.language == language && !t.text.trim().is_empty()) {
                return refuse(format!("`[name]` has no `{language}`"));
            }
        }
        if let Some((field, value, maximum)) = self.limits.out_of_range() {
            return refuse(format!("`limits.{field} = {value}`: must be 1 to {maximum}"));
        }
        for (capability, ask) in &self.capabilities {
            let allowed = *capability == Capability::Kv;
            match ask.quota_kib {
                Some(_) if !allowed => {
                    return refuse(format!("`capabilities.{capability}.quota-kib`: only `kv` has a quota"));
                }
                Some(quota) if quota == 0 || quota > Self::MAX_KV_QUOTA_KIB => {
                    return refuse(format!(
                        "`capabilities.kv.quota-kib = {quota}`: must be 1 to {}",
                        Self::MAX_KV_QUOTA_KIB
                    ));
                }
                _ => {}
            }
            self.check_reach(*capability, ask)?;
        }
        for (capability, ask) in &self.capabilities {
            let is_files = *capability == Capability::Files;
            if !is_files && (ask.scratch_kib.is_some() || !ask.packs.is_empty()) {
                return refuse(format!("`capabilities.{capability}`: only `files` has packs and a scratch folder"));
            }
            if let Some(kib) = ask.scratch_kib.filter(|kib| *kib == 0 || *kib > Self::MAX_SCRATCH_KIB) {
                let most = Self::MAX_SCRATCH_KIB;
                return refuse(format!("`capabilities.files.scratch-kib = {kib}`: must be 1 to {most}"));
            }
            if let Some(pack) = ask.packs.iter().find(|pack| pack.len() > 64 || !is_name(pack)) {
                return refuse(format!(
                    "`capabilities.files.packs`: `{pack}` is no name of a pack: lower-case letters, digits and hyphens"
                ));
            }
            if ask.packs.len() > Self::MAX_PACKS {
                return refuse(format!("`capabilities.files.packs`: at most {} packs", Self::MAX_PACKS));
            }
        }
        if let Some(key) = self.settings.keys().find(|key| !key.split('.').all(is_name)) {
            return refuse(format!("`settings.{key}`: keys are dotted and lower case"));
        }
        Ok(())
    }
}

impl Manifest {
    /// Checks the fields of `http`, `secrets`, `identity` and `signing`.
    fn check_reach(&self, capability: Capability, ask: &Ask) -> Result<(), PluginError> {
        let refuse = |reason: String| Err(PluginError::Manifest(format!("`capabilities.{capability}`: {reason}")));
        let is = |one: Capability| capability == one;
        let hosts = || ask.hosts.iter().chain(&ask.plaintext_hosts);
        let bounds = [
            ("max-request-kib", ask.max_request_kib, 512),
            ("max-response-kib", ask.max_response_kib, 2048),
            ("concurrent", ask.concurrent, 64),
        ];
        if !is(Capability::Http) && (hosts().next().is_some() || bounds.iter().any(|(_, value, _)| value.is_some())) {
            return refuse("only `http` has hosts and bounds on requests".to_owned());
        }
        if is(Capability::Http) && !(1..=Self::MAX_HOSTS).contains(&hosts().count()) {
            return refuse(format!("name 1 to {} servers in `hosts` or `plaintext-hosts`", Self::MAX_HOSTS));
        }
        for (field, value, maximum) in bounds {
            if let Some(value) = value.filter(|value| !(1..=maximum).contains(value)) {
                return refuse(format!("`{field} = {value}`: must be 1 to {maximum}"));
            }
        }
        for pattern in hosts() {
            if let HostPattern::Setting(key) = pattern
                && self.settings.get(key).is_none_or(|setting| setting.kind != SettingKind::Text)
            {
                return refuse(format!("`{pattern}`: there is no `[settings.{key}]` of type `text`"));
            }
        }
        if is(Capability::Identity) == ask.fields.is_empty() {
            return refuse("`identity`, and it alone, has `fields`, at least one".to_owned());
        }
        let names: Vec<&String> = match (&ask.keys, capability) {
            (Some(AskedKeys::Secrets(keys)), Capability::Secrets) => keys.iter().collect(),
            (Some(AskedKeys::Signing(keys)), Capability::Signing) => keys.keys().collect(),
            (None, Capability::Secrets) | (None, Capability::Signing) => Vec::new(),
            (None, _) => return Ok(()),
            (Some(_), _) => {
                return refuse("`secrets` has `keys = [\"…\"]`, `signing` has `keys = { … = \"sm2\" }`".to_owned());
            }
        };
        if !(1..=Self::MAX_KEYS).contains(&names.len()) {
            return refuse(format!("name 1 to {} `keys`", Self::MAX_KEYS));
        }
        match names.into_iter().find(|key| key.len() > 64 || !key.split('.').all(is_name)) {
            Some(key) => refuse(format!("`{key}`: keys are dotted and lower case, at most 64 bytes")),
            None => Ok(()),
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() <= 64 && (2..=8).contains(&id.split('.').count()) && id.split('.').all(is_name)
}

// --- settings ----------------------------------------------------------------

impl SettingKind {
    fn parse(self, text: &str) -> Option<AttributeValue> {
        Some(match self {
            Self::Text => AttributeValue::Text(text.to_owned()),
            Self::Integer => AttributeValue::Integer(text.parse().ok()?),
            Self::Decimal => AttributeValue::Decimal(text.parse().ok()?),
            Self::Boolean => AttributeValue::Boolean(text.parse().ok()?),
        })
    }
}

impl Setting {
    fn schema(&self) -> serde_json::Value {
        let (kind, least, most) = match self.kind {
            SettingKind::Text => ("string", "minLength", "maxLength"),
            SettingKind::Integer => ("integer", "minimum", "maximum"),
            SettingKind::Decimal => ("number", "minimum", "maximum"),
            SettingKind::Boolean => ("boolean", "minimum", "maximum"),
        };
        // With all digits: decimals are exact.
        let number = |number: &Decimal| serde_json::from_str(&number.to_string()).unwrap_or_default();
        let mut schema = serde_json::Map::from_iter([("type".to_owned(), kind.into())]);
        for (bound, value) in [(least, &self.minimum), (most, &self.maximum)] {
            if let Some(value) = value {
                schema.insert(bound.to_owned(), number(value));
            }
        }
        let default = match &self.default {
            Some(AttributeValue::Text(text)) => Some(text.clone().into()),
            Some(AttributeValue::Integer(whole)) => Some((*whole).into()),
            Some(AttributeValue::Decimal(decimal)) => Some(number(decimal)),
            Some(AttributeValue::Boolean(truth)) => Some((*truth).into()),
            _ => None,
        };
        schema.extend(default.map(|default| ("default".to_owned(), default)));
        if !self.description.is_empty() {
            schema.insert("description".to_owned(), self.description.get("en").into());
        }
        schema.into()
    }

    /// Whether a value has the type and is in range.
    fn check(&self, value: &AttributeValue) -> Result<(), String> {
        let size = match (self.kind, value) {
            (SettingKind::Integer, AttributeValue::Integer(number)) => Some(Decimal::whole(*number)),
            (SettingKind::Decimal, AttributeValue::Decimal(number)) => Some(*number),
            (SettingKind::Text, AttributeValue::Text(text)) => {
                i64::try_from(text.chars().count()).ok().map(Decimal::whole)
            }
            (SettingKind::Boolean, AttributeValue::Boolean(_)) => None,
            _ => return Err(format!("must be of type {:?}", self.kind).to_lowercase()),
        };
        match (size, self.minimum, self.maximum) {
            (Some(size), Some(minimum), _) if size < minimum => Err(format!("{size} is below {minimum}")),
            (Some(size), _, Some(maximum)) if size > maximum => Err(format!("{size} is above {maximum}")),
            _ => Ok(()),
        }
    }
}

/// The serialised form. Values are text in JSON and any scalar in TOML.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSetting {
    r#type: SettingKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Scalar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum: Option<Scalar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum: Option<Scalar>,
    #[serde(default, with = "languages", skip_serializing_if = "LocalizedText::is_empty")]
    description: LocalizedText,
}

impl TryFrom<RawSetting> for Setting {
    type Error = String;

    fn try_from(raw: RawSetting) -> Result<Self, String> {
        let bound = |name: &str, value: Option<Scalar>| match value {
            None => Ok(None),
            Some(_) if raw.r#type == SettingKind::Boolean => Err(format!("a boolean has no {name}")),
            Some(Scalar(text)) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("{name} `{text}` is no number")),
            },
        };
        let setting = Self {
            kind: raw.r#type,
            default: match &raw.default {
                None => None,
                Some(Scalar(text)) => {
                    Some(raw.r#type.parse(text).ok_or_else(|| format!("default `{text}` is not of its type"))?)
                }
            },
            minimum: bound("minimum", raw.minimum)?,
            maximum: bound("maximum", raw.maximum)?,
            description: raw.description,
        };
        if let Some(default) = &setting.default {
            setting.check(default).map_err(|reason| format!("default: {reason}"))?;
        }
        Ok(setting)
    }
}

impl From<Setting> for RawSetting {
    fn from(setting: Setting) -> Self {
        let number = |value: Option<Decimal>| value.map(|number| Scalar(number.to_string()));
        Self {
            r#type: setting.kind,
            default: setting.default.and_then(|value| match value {
                AttributeValue::Text(text) => Some(Scalar(text)),
                AttributeValue::Integer(number) => Some(Scalar(number.to_string())),
                AttributeValue::Decimal(number) => Some(Scalar(number.to_string())),
                AttributeValue::Boolean(truth) => Some(Scalar(truth.to_string())),
                _ => None,
            }),
            minimum: number(setting.minimum),
            maximum: number(setting.maximum),
            description: setting.description,
        }
    }
}

/// Any scalar, as text. TOML floats keep their digits as far as `f64` allows: the shortest form
/// that parses to the same value.
#[derive(Clone, Serialize)]
#[serde(transparent)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a boolean")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(value.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A text by language: `{ zh-CN = "…", en = "…" }`, or a plain string, which counts as English.
mod languages {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(text: &LocalizedText, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(text.0.iter().map(|t| (&t.language, &t.text)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LocalizedText, D::Error> {
        struct Languages;
        impl<'de> Visitor<'de> for Languages {
            type Value = LocalizedText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a table from language to text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<LocalizedText, E> {
                Ok(LocalizedText(vec![Translation { language: "en".into(), text: text.into() }]))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<LocalizedText, A::Error> {
                let mut translations = Vec::new();
                while let Some((language, text)) = map.next_entry()? {
                    translations.push(Translation { language, text });
                }
                Ok(LocalizedText(translations))
            }
        }
        deserializer.deserialize_any(Languages)
    }
}
