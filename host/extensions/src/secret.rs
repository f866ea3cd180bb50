//! What a tenant keeps for a plugin and no plugin sees: secrets and keys. A value
//! goes in and never comes out again.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{PatientId, TenantId},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform,
    egress::{key::PluginKey, substitution::SHORTEST},
};
use xinglin_records::consent;
use xinglin_runtime::{KeyKind, Manifest};
use xinglin_store::{PluginSecret, StoreError};

use crate::outside::{SECRET, place};

/// The value of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// 4 to 8192 bytes. It is sealed and never given out again.
    pub value: String,
}

/// A secret that a plugin asks for.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretView {
    /// As the manifest calls it; a plugin writes `{{secret:<name>}}`.
    pub name: String,
    /// Whether there is a value.
    pub kept: bool,
    /// How often it was set.
    pub version: i64,
    /// When it was last set.
    pub updated_at: Option<String>,
}

/// Where a key comes from.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewKey {
    /// An own private half in base64: 32 bytes of `ed25519` or `sm2`, or the 16 of
    /// an `sm4` key that was agreed on. Left out, the host draws one.
    pub import: Option<String>,
    /// Whether to replace a key that is there. What was signed with it can no
    /// longer be signed so.
    pub replace: bool,
}

/// A key that a plugin asks for.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// As the manifest calls it.
    pub name: String,
    /// `ed25519`, `sm2` or `sm4`.
    #[schema(value_type = String)]
    pub kind: KeyKind,
    /// Whether there is one.
    pub kept: bool,
    /// The public half in base64: 32 bytes of `ed25519`, 65 of `sm2` (SEC1
    /// uncompressed). `sm4` has none.
    pub public: Option<String>,
    /// How often it was made.
    pub version: i64,
    /// When it was last made.
    pub updated_at: Option<String>,
}

/// Something of who a patient is went to a server outside.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisclosureView {
    /// When.
    pub at: String,
    /// On behalf of which plugin.
    pub plugin: String,
    /// In which call: `call-…`.
    pub call: String,
    /// What: `name`, `id-number`, `phone`, `birth-date`, `insurance-number`.
    pub field: String,
    /// To which server.
    pub host: String,
}

const LONGEST: usize = 8192;

/// Keeps a secret for a plugin.
///
/// # Errors
/// `NOT_FOUND` if the plugin's manifest asks for no such secret.
pub async fn put(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    plugin: &str,
    name: &str,
    new: NewSecret,
) -> AppResult<SecretView> {
    let manifest = manifest_for(platform, caller, tenant, plugin).await?;
    if !manifest.secrets().contains(name) {
        return Err(AppError::not_found("secret that its manifest asks for", name));
    }
    if !(SHORTEST..=LONGEST).contains(&new.value.len()) {
        return Err(AppError::new(Code::BodyInvalid, format!("value: must have {SHORTEST} to {LONGEST} bytes")));
    }
    let row = keep(platform, caller, tenant, plugin, SECRET, name, new.value.as_bytes(), None, true).await?;
    Ok(SecretView { name: row.name, kept: true, version: row.version, updated_at: Some(row.updated_at.to_string()) })
}

/// Secrets that a plugin asks for, and whether they are there. No value.
///
/// # Errors
/// If the caller may not.
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

/// Forgets a secret.
///
/// # Errors
/// `NOT_FOUND`.
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

/// Makes a key for a plugin, or takes one in; its public half.
///
/// # Errors
/// `NOT_FOUND` if the plugin's manifest asks for no such key, `ALREADY_EXISTS`
/// if there is one and it is not to be replaced.
pub async fn put_key(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    plugin: &str,
    name: &str,
    new: NewKey,
) -> AppResult<KeyView> {
    let manifest = manifest_for(platform, caller, tenant, plugin).await?;
    let kind = manifest.keys().get(name).copied();
    let kind = kind.ok_or_else(|| AppError::not_found("key that its manifest asks for", name))?;
    let wrong = |reason: &str| AppError::new(Code::BodyInvalid, format!("import: {reason}"));
    let key = match new.import {
        Some(text) => {
            let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong("must be base64"))?;
            PluginKey::read(kind, &bytes).ok_or_else(|| wrong(&format!("the bytes are no key of the kind `{kind}`")))?
        }
        None if kind == KeyKind::Sm4 => return Err(wrong("an `sm4` key is shared: import the one you agreed on")),
        None => PluginKey::draw(kind),
    };
    let row =
        keep(platform, caller, tenant, plugin, kind.as_str(), name, key.secret(), key.public(), new.replace).await?;
    Ok(key_view(name.to_owned(), kind, Some(&row)))
}

/// Keys that a plugin asks for, with the public halves of those there are.
///
/// # Errors
/// If the caller may not.
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

/// Where something of who a patient is went, newest first: at most 500.
///
/// # Errors
/// `NOT_FOUND` for who may not see the patient's record.
pub async fn list_disclosures(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
) -> AppResult<Vec<DisclosureView>> {
    caller.may_see(patient, "patient", patient)?;
    let found = platform.records(caller).list_disclosures(&patient.to_string(), None, 500).await?;
    let view = |d: xinglin_store::Disclosure| DisclosureView {
        at: d.at.to_string(),
        plugin: d.plugin_id,
        call: d.call_id.to_string(),
        field: d.field,
        host: d.host,
    };
    let sight = consent::sight(platform, caller, patient).await?;
    let mut views = Vec::with_capacity(found.len());
    for disclosure in found {
        // Which plugin it was would say it.
        let labels = consent::compartments_of(&platform.records(caller), &disclosure.plugin_id).await?;
        if labels.is_empty() || sight.shows(labels) {
            views.push(view(disclosure));
        }
    }
    Ok(views)
}

/// The manifest of a plugin in a tenant, for who may manage it there.
async fn manifest_for(platform: &Platform, caller: &Caller, tenant: TenantId, plugin: &str) -> AppResult<Manifest> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let install = platform.store().tenant(tenant).get_install(plugin).await?;
    let package = platform.store().operator().get_package(&install.digest).await?;
    serde_json::from_value(package.manifest).map_err(AppError::internal)
}

#[expect(clippy::too_many_arguments, reason = "each says which row it is")]
async fn keep(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    plugin: &str,
    kind: &str,
    name: &str,
    content: &[u8],
    public: Option<Vec<u8>>,
    replace: bool,
) -> AppResult<PluginSecret> {
    let records = platform.store().tenant(tenant);
    let before = records.find_plugin_secret(plugin, kind, name).await?;
    if before.is_some() && !replace {
        let detail = format!("there is a key `{name}`; send `\"replace\": true` to make another in its place");
        return Err(AppError::new(Code::AlreadyExists, detail));
    }
    let mut row = PluginSecret {
        tenant,
        plugin_id: plugin.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        sealed: Vec::new(),
        public,
        version: before.map_or(0, |row| row.version),
        updated_at: caller.now,
    };
    row.sealed = platform.keys().seal(&place(&row), content);
    let tx = records.begin().await?;
    row.version = tx.put_plugin_secret(&row).await.map_err(|error| match error {
        StoreError::Unique { .. } => StoreError::VersionConflict { what: "secret", id: name.to_owned() },
        other => other,
    })?;
    tx.commit().await?;
    tracing::info!(%tenant, plugin, kind, name, account = %caller.actor.account, "a secret was kept");
    Ok(row)
}

fn key_view(name: String, kind: KeyKind, row: Option<&PluginSecret>) -> KeyView {
    KeyView {
        name,
        kind,
        kept: row.is_some(),
        public: row.and_then(|row| row.public.as_ref()).map(|public| STANDARD.encode(public)),
        version: row.map_or(0, |row| row.version),
        updated_at: row.map(|row| row.updated_at.to_string()),
    }
}
