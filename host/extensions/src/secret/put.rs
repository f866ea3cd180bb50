use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{code::Code, id::TenantId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{SecretView, keep, manifest_for};
use crate::{call::SECRET, egress::substitution::SHORTEST};

/// The value of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// 4 to 8192 bytes. Stored encrypted and never returned.
    pub value: String,
}

const LONGEST: usize = 8192;

/// Sets a secret of a plugin.
///
/// # Errors
/// `NOT_FOUND` if the plugin's manifest declares no such secret.
#[boxed]
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
