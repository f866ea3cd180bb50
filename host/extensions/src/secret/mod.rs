//! Secrets and keys of a tenant for a plugin. The plugin never receives them; values can be
//! set and never read back.

mod delete;
mod list;
mod list_disclosures;
mod list_keys;
mod put;
mod put_key;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_runtime::{KeyKind, Manifest};
use xinglin_store::{PluginSecret, StoreError};

use crate::call::place;

pub use self::delete::delete;
pub use self::list::list;
pub use self::list_disclosures::{DisclosureView, list_disclosures};
pub use self::list_keys::list_keys;
pub use self::put::{NewSecret, put};
pub use self::put_key::{NewKey, put_key};

/// A declared secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretView {
    /// Name in the manifest; a plugin refers to it by `{{secret:<name>}}`.
    pub name: String,
    /// Whether there is a value.
    pub kept: bool,
    /// Number of times it was set.
    pub version: i64,
    /// When it was last set.
    pub updated_at: Option<String>,
}

/// A declared key.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Name in the manifest.
    pub name: String,
    /// `ed25519`, `sm2` or `sm4`.
    #[schema(value_type = String)]
    pub kind: KeyKind,
    /// Whether there is one.
    pub kept: bool,
    /// The public key in base64: 32 bytes of `ed25519`, 65 of `sm2` (SEC1
    /// uncompressed). `sm4` has none.
    pub public: Option<String>,
    /// Number of times it was created.
    pub version: i64,
    /// When it was last created.
    pub updated_at: Option<String>,
}

/// The manifest of a plugin in a tenant, for callers who may manage it.
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
