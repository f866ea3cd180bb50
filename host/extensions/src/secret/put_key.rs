use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_runtime::KeyKind;

use crate::egress::key::PluginKey;

use super::{KeyView, keep, key_view, manifest_for};

/// The origin of a key.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewKey {
    /// A private key in base64: 32 bytes of `ed25519` or `sm2`, or the 16 bytes of a shared
    /// `sm4` key. If left out, the host generates one.
    pub import: Option<String>,
    /// Whether to replace an existing key, which is then lost.
    pub replace: bool,
}

/// Generates or imports a key of a plugin; returns its public key.
///
/// # Errors
/// `NOT_FOUND` if the plugin's manifest declares no such key, `ALREADY_EXISTS` if there is one
/// and `replace` is not set.
#[boxed]
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
