use semver::Version;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, Platform, blocking, boxed, settings::PLATFORM};
use xinglin_runtime::{Bundle, Digest, Package, PluginError, Signature, SignerRole, TrustStore, Verdict};
use xinglin_store::{NewPackage, PackageSignature, Revoked};

use super::{SignatureView, admit, signature};

/// A package to install.
#[derive(Debug)]
pub struct Upload {
    /// A component, or a bundle of a component and its signatures.
    pub bytes: Vec<u8>,
    /// Whether it is a bundle.
    pub bundled: bool,
    /// Accept it although a newer version was installed before.
    pub allow_downgrade: bool,
}

/// A package of this host.
#[derive(Serialize, ToSchema)]
pub struct PackageView {
    /// Id of the plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the package.
    pub digest: String,
    /// Who made it.
    pub publisher: String,
    /// Verified signatures.
    pub signatures: Vec<SignatureView>,
    /// Unmet terms of this host's trust policy. Such a package is accepted only if the
    /// operator allows unsigned ones.
    pub missing_signatures: Vec<String>,
    /// Description of what it can and cannot do, from its type.
    #[schema(value_type = Object)]
    pub permissions: Value,
    /// JSON Schema of its settings.
    #[schema(value_type = Object)]
    pub settings_schema: Value,
}

/// A parsed and checked package.
struct Read {
    package: Package,
    signatures: Vec<Signature>,
    verdict: Verdict,
}

/// Installs a package on this host, without enabling it anywhere. The same bytes can be
/// installed again with more signatures.
///
/// # Errors
/// `PLUGIN_SIGNATURE` or `PLUGIN_TAMPERED` if the signatures do not meet the trust policy,
/// `PLUGIN_DOWNGRADE` if it is not newer than versions installed before, or another `PLUGIN_…`
/// with the reason.
#[boxed]
pub async fn install(platform: &Platform, caller: &Caller, upload: Upload) -> AppResult<PackageView> {
    caller.may_in(PLATFORM, Action::InstallPlugins)?;
    let Upload { bytes, bundled, allow_downgrade } = upload;
    let Read { package, signatures, verdict } = read(platform, bytes, bundled).await?;
    admit(platform, &package, &verdict)?;
    platform.config().trust.check_floor(&package)?;
    let (manifest, digest) = (package.manifest(), package.digest().to_string());
    let mut known = Vec::new();
    for earlier in platform.store().operator().list_packages().await? {
        if earlier.plugin_id != manifest.id {
            continue;
        }
        if let (Some(Revoked { reason, .. }), true) = (&earlier.revoked, earlier.digest == digest) {
            let detail = format!("this very package was recalled: {reason}");
            return Err(AppError::new(Code::PluginRecalled, detail));
        }
        let version: Version = earlier.plugin_version.parse().map_err(AppError::internal)?;
        let digest: Digest = earlier.digest.parse().map_err(AppError::internal)?;
        known.push((version, digest));
    }
    match TrustStore::check_order(&package, &known) {
        Err(PluginError::Downgrade(why)) if allow_downgrade => {
            tracing::warn!(
                plugin = manifest.id, version = %manifest.version, digest, actor = %caller.actor.account, why,
                "a downgrade was allowed by the operator",
            );
        }
        Err(PluginError::Downgrade(why)) => {
            let detail = format!("{why}; publish a newer version, or allow the downgrade explicitly");
            return Err(AppError::new(Code::PluginDowngrade, detail));
        }
        other => other?,
    }
    let new = NewPackage {
        digest: digest.clone(),
        plugin_id: manifest.id.clone(),
        plugin_version: manifest.version.to_string(),
        manifest: serde_json::to_value(manifest).map_err(AppError::internal)?,
        bytes: package.bytes().to_vec(),
        inserted_at: caller.now,
    };
    let tx = platform.store().operator().begin().await?;
    tx.insert_package(new).await?;
    for signature in kept(&signatures, &verdict, &digest, caller.now) {
        tx.put_signature(&signature).await?;
    }
    // Those that came with the same bytes earlier count as well.
    let signatures = tx.list_signatures(&digest).await?;
    tx.commit().await?;
    Ok(PackageView {
        id: manifest.id.clone(),
        version: manifest.version.to_string(),
        publisher: manifest.publisher.clone(),
        signatures: signatures.into_iter().map(|row| signature(platform, &manifest.id, row)).collect(),
        missing_signatures: verdict.missing,
        permissions: serde_json::to_value(package.sheet()).map_err(AppError::internal)?,
        settings_schema: manifest.settings_schema(),
        digest,
    })
}

/// Parses a package off the async threads, with full validation.
async fn read(platform: &Platform, bytes: Vec<u8>, bundled: bool) -> AppResult<Read> {
    let (limit, trust) = (platform.config().plugins.max_package_bytes, platform.config().trust.clone());
    let read = move || {
        let bundle = if bundled { Bundle::read(&bytes)? } else { Bundle::unsigned(bytes) };
        let size = bundle.component.len();
        if size > limit {
            return Err(PluginError::TooLarge { what: "the package", size, limit });
        }
        let package = Package::read(bundle.component)?;
        let verdict = trust.evaluate(&package, &bundle.signatures);
        Ok(Read { package, signatures: bundle.signatures, verdict })
    };
    Ok(blocking(read).await??)
}

/// The trusted signatures, as stored.
fn kept(signatures: &[Signature], verdict: &Verdict, digest: &str, now: Instant) -> Vec<PackageSignature> {
    let good = verdict.good().filter_map(|weighed| {
        let signature = signatures.iter().find(|signature| signature.key() == weighed.key_id)?;
        Some(PackageSignature {
            digest: digest.to_owned(),
            key_id: weighed.key_id.to_string(),
            key_name: weighed.key.clone()?,
            role: weighed.role.map(SignerRole::as_str)?.to_owned(),
            signature: signature.text().to_owned(),
            signed_at: weighed.signed_at,
            recorded_at: now,
        })
    });
    good.collect()
}
