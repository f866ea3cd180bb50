//! Packages of this host: how they come in, who vouches for them, and how they
//! leave for another host.

use semver::Version;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, Platform, settings::PLATFORM};
use xinglin_runtime::{Bundle, Digest, Manifest, Package, PluginError, Signature, SignerRole, TrustStore, Verdict};
use xinglin_store::{NewPackage, PackageSignature, Revoked};

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
    /// When it came.
    #[schema(value_type = String)]
    pub installed_at: String,
    /// Why it was recalled, if it was.
    pub recalled: Option<String>,
    /// Who vouched for it when it came.
    pub signatures: Vec<SignatureView>,
}

/// A signature that this host has verified.
#[derive(Serialize, ToSchema)]
pub struct SignatureView {
    /// Minisign's id of the key.
    pub key_id: String,
    /// What this host calls the key.
    pub key: String,
    /// `vendor`, `clinical` or `hospital`.
    pub role: String,
    /// When it was made, if it says so.
    pub signed_at: Option<String>,
    /// Whether the key may still vouch for this plugin; `false` once it is
    /// revoked or taken out of the settings.
    pub trusted: bool,
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

/// All packages of this host, by plugin, oldest first.
///
/// # Errors
/// If the caller may not.
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

/// A package with its signatures, to be carried to another host: of this
/// version, or the newest that is not recalled.
///
/// # Errors
/// `NOT_FOUND` if there is none, `PLUGIN_RECALLED` if it was recalled.
pub async fn save(platform: &Platform, caller: &Caller, plugin: &str, version: Option<&str>) -> AppResult<Vec<u8>> {
    caller.may_in(PLATFORM, Action::InstallPlugins)?;
    let records = platform.store().operator();
    let newest = newest(platform, plugin, version).await?;
    if let Some(Revoked { reason, .. }) = newest.revoked {
        let detail = format!("{plugin} {} was recalled: {reason}", newest.plugin_version);
        return Err(AppError::new(Code::PluginRecalled, detail));
    }
    let component = records.get_package_bytes(&newest.digest).await?;
    let signatures = parsed(&records.list_signatures(&newest.digest).await?)?;
    Ok(Bundle { component: component.into(), signatures }.to_bytes()?)
}

/// The package of this version of a plugin, or of its newest; one that was
/// recalled only if there is no other.
pub(crate) async fn newest(
    platform: &Platform,
    plugin: &str,
    version: Option<&str>,
) -> AppResult<xinglin_store::Package> {
    let packages =
        platform.store().operator().list_packages().await?.into_iter().filter(|package| {
            package.plugin_id == plugin && version.is_none_or(|wanted| package.plugin_version == wanted)
        });
    packages
        .max_by_key(|package| (package.revoked.is_none(), Version::parse(&package.plugin_version).ok()))
        .ok_or_else(|| none_installed(plugin, version))
}

/// Weighs a package that is here against the keys, the policy and the floors of
/// today: a key that was revoked since vouches for nothing that is enabled from
/// now on.
///
/// # Errors
/// `PLUGIN_SIGNATURE`, `PLUGIN_TAMPERED`, `PLUGIN_DOWNGRADE`.
pub(crate) async fn check_trust(platform: &Platform, package: &Package) -> AppResult<()> {
    let signatures = platform.store().operator().list_signatures(&package.digest().to_string()).await?;
    let verdict = platform.config().trust.evaluate(package, &parsed(&signatures)?);
    admit(platform, package, &verdict)?;
    Ok(platform.config().trust.check_floor(package)?)
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
    Ok(tokio::task::spawn_blocking(read).await.map_err(AppError::internal)??)
}

/// Whether this host takes a package with these signatures.
fn admit(platform: &Platform, package: &Package, verdict: &Verdict) -> AppResult<()> {
    match verdict.check() {
        Ok(()) => Ok(()),
        Err(PluginError::Untrusted(why)) if platform.config().plugins.allow_unsigned => {
            let Manifest { id, version, .. } = package.manifest();
            tracing::warn!(plugin = id, %version, why, "taken without the signatures that the policy wants");
            Ok(())
        }
        Err(PluginError::Untrusted(why)) => {
            let detail = format!(
                "{why}. Have it signed (`xinglin plugin sign`), or trust its key in the settings, table [trust]"
            );
            Err(AppError::new(Code::PluginSignature, detail).with("signatures", &verdict.signatures))
        }
        Err(error) => Err(AppError::from(error).with("signatures", &verdict.signatures)),
    }
}

fn signature(platform: &Platform, plugin: &str, signature: PackageSignature) -> SignatureView {
    let trusted = platform
        .config()
        .trust
        .keys()
        .iter()
        .any(|key| key.public_key.id().to_string() == signature.key_id && !key.revoked && key.vouches_for(plugin));
    SignatureView {
        key_id: signature.key_id,
        key: signature.key_name,
        role: signature.role,
        signed_at: signature.signed_at.map(|at| at.to_string()),
        trusted,
    }
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

fn parsed(signatures: &[PackageSignature]) -> AppResult<Vec<Signature>> {
    let parse = |signature: &PackageSignature| Signature::parse(signature.signature.as_bytes());
    signatures.iter().map(parse).collect::<Result<_, _>>().map_err(AppError::internal)
}

/// No package of this plugin, or of this version of it, is here.
pub(crate) fn none_installed(plugin: &str, version: Option<&str>) -> AppError {
    let wanted = version.map_or_else(|| plugin.to_owned(), |version| format!("{plugin} {version}"));
    AppError::not_found("installed plugin", wanted)
}
