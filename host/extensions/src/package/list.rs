use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{SignatureView, signature};

/// A package of this host, in a list.
#[derive(Serialize, ToSchema)]
pub struct PackageEntry {
    /// Id of the plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the package.
    pub digest: String,
    /// Who made it.
    pub publisher: String,
    /// When it was installed.
    #[schema(value_type = String)]
    pub installed_at: String,
    /// Why it was recalled, if it was.
    pub recalled: Option<String>,
    /// Signatures verified at installation.
    pub signatures: Vec<SignatureView>,
}

/// All packages of this host, by plugin, oldest first.
///
/// # Errors
/// If the caller may not.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller) -> AppResult<Vec<PackageEntry>> {
    caller.may(Action::ManagePlugins)?;
    let records = platform.store().operator();
    let mut entries = Vec::new();
    for package in records.list_packages().await? {
        let signatures = records.list_signatures(&package.digest).await?;
        let publisher = package.manifest["publisher"].as_str().unwrap_or_default().to_owned();
        entries.push(PackageEntry {
            signatures: signatures.into_iter().map(|s| signature(platform, &package.plugin_id, s)).collect(),
            id: package.plugin_id,
            version: package.plugin_version,
            digest: package.digest,
            publisher,
            installed_at: package.inserted_at.to_string(),
            recalled: package.revoked.map(|revoked| revoked.reason),
        });
    }
    Ok(entries)
}
