use semver::Version;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, Platform, blocking, boxed, settings::PLATFORM};
use xinglin_runtime::{Bundle, Digest, Package, PluginError, Signature, SignerRole, TrustStore, Verdict};
use xinglin_store::{NewPackage, PackageSignature, Revoked};

use super::{SignatureView, admit, signature};

/// What is brought in.
#[derive(Debug)]
pub struct Upload {
    /// A component, or a bundle of one with its signatures.
    pub bytes: Vec<u8>,
    /// Whether it is a bundle.
    pub bundled: bool,
    /// Take it though a newer version was here before.
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
    /// Who vouches for it.
    pub signatures: Vec<SignatureView>,
    /// Terms of this host's policy that nobody meets. A package is taken with
    /// them only if the operator allows unsigned ones.
    pub missing_signatures: Vec<String>,
    /// What it can and cannot do, from its type, in words.
    #[schema(value_type = Object)]
    pub permissions: Value,
    /// JSON Schema of the settings that a tenant may give it.
    #[schema(value_type = Object)]
    pub settings_schema: Value,
}

/// What came, read and weighed.
struct Read {
    package: Package,
    signatures: Vec<Signature>,
    verdict: Verdict,
}

/// Takes a package into this host. It runs nowhere yet. The same bytes may
/// come again, with more signatures.
///
/// # Errors
/// `PLUGIN_SIGNATURE` or `PLUGIN_TAMPERED` if the signatures are not what the
/// host wants, `PLUGIN_DOWNGRADE` if it is not newer than what was here
/// before, or another `PLUGIN_…` with what is wrong with it.
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

/// Reads what came, off the async threads: it is validated as a whole.
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

/// The signatures that count, as they are kept.
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
