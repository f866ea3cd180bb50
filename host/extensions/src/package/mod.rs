//! Packages of this host: installation, signatures, and export to another host.

mod install;
mod list;
mod save;

use semver::Version;
use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, AppResult, Platform, blocking, boxed};
use xinglin_runtime::{Manifest, Package, PluginError, Signature, Verdict};
use xinglin_store::PackageSignature;

pub use self::install::{PackageView, Upload, install};
pub use self::list::{PackageEntry, list};
pub use self::save::save;

/// A signature that this host has verified.
#[derive(Serialize, ToSchema)]
pub struct SignatureView {
    /// Minisign's id of the key.
    pub key_id: String,
    /// Name of the key in this host's settings.
    pub key: String,
    /// `vendor`, `clinical` or `hospital`.
    pub role: String,
    /// Time of the signature, if stated.
    pub signed_at: Option<String>,
    /// Whether the key is still trusted for this plugin; `false` once it is revoked or removed
    /// from the settings.
    pub trusted: bool,
}

/// The package of this version of a plugin, or of its newest; a recalled one only if there is
/// no other.
#[boxed]
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

/// Checks an installed package against the current keys, trust policy and minimum versions, so
/// a key revoked since is not trusted when enabling.
///
/// # Errors
/// `PLUGIN_SIGNATURE`, `PLUGIN_TAMPERED`, `PLUGIN_DOWNGRADE`.
#[boxed]
pub(crate) async fn check_trust(platform: &Platform, package: &Package) -> AppResult<()> {
    let signatures = platform.store().operator().list_signatures(&package.digest().to_string()).await?;
    let (signatures, trust, weighed) = (parsed(&signatures)?, platform.config().trust.clone(), package.clone());
    let verdict = blocking(move || trust.evaluate(&weighed, &signatures)).await?;
    admit(platform, package, &verdict)?;
    Ok(platform.config().trust.check_floor(package)?)
}

/// Whether this host accepts a package with these signatures.
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

fn parsed(signatures: &[PackageSignature]) -> AppResult<Vec<Signature>> {
    let parse = |signature: &PackageSignature| Signature::parse(signature.signature.as_bytes());
    signatures.iter().map(parse).collect::<Result<_, _>>().map_err(AppError::internal)
}

/// There is no package of this plugin or version.
pub(crate) fn none_installed(plugin: &str, version: Option<&str>) -> AppError {
    let wanted = version.map_or_else(|| plugin.to_owned(), |version| format!("{plugin} {version}"));
    AppError::not_found("installed plugin", wanted)
}
