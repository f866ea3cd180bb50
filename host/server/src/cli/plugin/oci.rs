//! Packages in OCI registries, in the layout of the CNCF's Wasm working group:
//! a manifest with the config `application/vnd.wasm.config.v0+json` and one
//! layer `application/wasm`, the component.
//!
//! Signatures belong to the bytes of the component, independent of the manifest, and may be added
//! later: a committee signs what a vendor has pushed. So they are a separate artifact under the tag
//! `sha256-<SHA-256 of the component>.minisig`, with one layer for each. Tags work in every
//! registry, while many lack the referrers of OCI 1.1.

use std::{
    collections::BTreeMap,
    pin::Pin,
    task::{Context as Task, Poll},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol, Config, ImageLayer},
    errors::{OciDistributionError, OciErrorCode},
    manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest},
    secrets::RegistryAuth,
};
use serde_json::{Value, json};
use tokio::io::AsyncWrite;
use xinglin_platform::ambient::Clock;
use xinglin_runtime::{Bundle, Digest, Package, Signature};

/// Prefix that distinguishes a reference from a file.
pub const SCHEME: &str = "oci://";

const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";

const WASM_LAYER: &str = "application/wasm";

const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";

const SIGNATURES: &str = "application/vnd.xinglin.signatures.v1";

const SIGNATURE_LAYER: &str = "application/vnd.minisign.signature.v1";

const TITLE: &str = "org.opencontainers.image.title";

/// Access to registries.
#[derive(Args)]
pub struct Access {
    /// Use HTTP without TLS; always so for a registry on localhost.
    #[arg(long)]
    plain_http: bool,
}

/// A package in a registry.
pub struct Registry {
    client: Client,
    auth: RegistryAuth,
    reference: Reference,
}

/// The result of a push.
pub struct Pushed {
    /// The reference with its tag.
    pub reference: String,
    /// `sha256:…` of the manifest.
    pub manifest: String,
    /// Number of signatures now in the registry.
    pub signatures: usize,
}

/// A pulled package.
pub struct Pulled {
    /// The package and its signatures.
    pub bundle: Bundle,
    /// `sha256:…` of the manifest.
    pub manifest: String,
}

/// The reference with the version as its tag, if it has neither tag nor digest. A tag cannot
/// contain the `+` of build metadata.
pub fn tagged(reference: &str, version: impl std::fmt::Display) -> String {
    let name = reference.rsplit('/').next().unwrap_or_default();
    if name.contains([':', '@']) {
        return reference.to_owned();
    }
    format!("{reference}:{}", version.to_string().replace('+', "_"))
}

impl Access {
    /// A registry for one package.
    pub fn open(&self, reference: &str) -> Result<Registry> {
        let text = reference.strip_prefix(SCHEME).unwrap_or(reference);
        let reference: Reference = text.parse().map_err(|e| anyhow!("`{text}` is no reference: {e}"))?;
        let registry = reference.resolve_registry().to_owned();
        let host = registry.rsplit_once(':').map_or(registry.as_str(), |(host, _)| host);
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let plain = self.plain_http || local;
        let auth = credentials(&registry)?;
        if plain && !local && auth != RegistryAuth::Anonymous {
            bail!("credentials are not sent to {registry} in the clear: use TLS, or take them away");
        }
        let client = Client::try_from(ClientConfig {
            protocol: if plain { ClientProtocol::HttpsExcept(vec![registry]) } else { ClientProtocol::Https },
            // A component is independent of the platform.
            platform_resolver: None,
            connect_timeout: Some(Duration::from_secs(15)),
            read_timeout: Some(Duration::from_secs(60)),
            user_agent: concat!("xinglin/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        })?;
        Ok(Registry { client, auth, reference })
    }
}

impl Registry {
    /// Pushes a package, and those of its signatures that are new.
    pub async fn push(&self, package: &Package, bundle: &Bundle, force: bool) -> Result<Pushed> {
        let Some(tag) = self.reference.tag() else {
            bail!("a package is pushed to a tag, not to a digest");
        };
        let bar = spinner(&format!("pushing {}", self.reference))?;
        let ours = format!("sha256:{}", package.digest());
        let there = self.find(&self.reference).await?;
        let same = there.as_ref().is_some_and(|(manifest, _)| manifest.layers.iter().any(|layer| layer.digest == ours));
        let manifest = match there {
            // The existing manifest is kept, as others may have pinned it.
            Some((_, digest)) if same => digest,
            Some(_) if !force => {
                bail!("{} names another package: push a new version, or move the tag with --force", self.reference)
            }
            _ => self.push_package(package, bundle).await?,
        };
        let signatures = self.push_signatures(package.digest(), &bundle.signatures).await?;
        bar.finish_and_clear();
        let (registry, repository) = (self.reference.registry(), self.reference.repository());
        Ok(Pushed { reference: format!("{registry}/{repository}:{tag}"), manifest, signatures })
    }

    async fn push_package(&self, package: &Package, bundle: &Bundle) -> Result<String> {
        let layer = ImageLayer::new(bundle.component.to_vec(), WASM_LAYER.to_owned(), None);
        let config = Config::new(serde_json::to_vec(&wasm_config(package))?, WASM_CONFIG.to_owned(), None);
        let manifest = package.manifest();
        let annotations = BTreeMap::from([
            (TITLE.to_owned(), manifest.id.clone()),
            ("org.opencontainers.image.version".to_owned(), manifest.version.to_string()),
            ("org.opencontainers.image.vendor".to_owned(), manifest.publisher.clone()),
            ("org.opencontainers.image.licenses".to_owned(), manifest.licence.clone()),
        ]);
        self.put(&self.reference, vec![layer], config, annotations, None).await?;
        Ok(self.client.fetch_manifest_digest(&self.reference, &self.auth).await?)
    }

    /// Adds signatures to the existing ones, one per key; returns their number.
    async fn push_signatures(&self, package: Digest, ours: &[Signature]) -> Result<usize> {
        let mut all = self.signatures(package).await?;
        let before = all.len();
        for signature in ours {
            match all.iter_mut().find(|known| known.key() == signature.key()) {
                Some(known) => *known = signature.clone(),
                None => all.push(signature.clone()),
            }
        }
        if all.len() > Signature::MOST {
            bail!("{before} signatures are there; no package has more than {}", Signature::MOST);
        }
        if ours.is_empty() {
            return Ok(before);
        }
        let layers = all.iter().map(|signature| {
            let title = Bundle::signature_name("plugin.wasm", signature.key());
            let annotations = BTreeMap::from([(TITLE.to_owned(), title)]);
            ImageLayer::new(signature.text().to_owned(), SIGNATURE_LAYER.to_owned(), Some(annotations))
        });
        let config = Config::new("{}", EMPTY_CONFIG.to_owned(), None);
        let tag = self.signature_tag(package);
        self.put(&tag, layers.collect(), config, BTreeMap::new(), Some(SIGNATURES)).await?;
        Ok(all.len())
    }

    async fn put(
        &self,
        reference: &Reference,
        layers: Vec<ImageLayer>,
        config: Config,
        annotations: BTreeMap<String, String>,
        kind: Option<&str>,
    ) -> Result<()> {
        let annotations = (!annotations.is_empty()).then_some(annotations);
        let mut manifest = OciImageManifest::build(&layers, &config, annotations);
        manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.to_owned());
        manifest.artifact_type = kind.map(str::to_owned);
        let pushed = self.client.push(reference, &layers, config, &self.auth, Some(manifest)).await;
        pushed.map(drop).with_context(|| format!("{reference} was not taken"))
    }

    /// Pulls a package and its signatures. Reads no more than the maximum size of a package.
    pub async fn pull(&self) -> Result<Pulled> {
        let found = self.find(&self.reference).await?;
        let (manifest, digest) = found.with_context(|| format!("there is no {}", self.reference))?;
        let [layer] = manifest.layers.as_slice() else {
            bail!("{} has {} layers; a plugin is one", self.reference, manifest.layers.len());
        };
        if layer.media_type != WASM_LAYER {
            bail!("{} is `{}`; a plugin is `{WASM_LAYER}`", self.reference, layer.media_type);
        }
        let component = self.blob(layer, Package::MAX_BYTES, true).await?;
        let package = Digest::of(&component);
        if layer.digest != format!("sha256:{package}") {
            bail!("{} sent other bytes than its manifest names", self.reference);
        }
        let signatures = self.signatures(package).await?;
        Ok(Pulled { bundle: Bundle { component: component.into(), signatures }, manifest: digest })
    }

    /// The signatures of a package in the registry, not verified.
    async fn signatures(&self, package: Digest) -> Result<Vec<Signature>> {
        let tag = self.signature_tag(package);
        let Some((manifest, _)) = self.find(&tag).await? else { return Ok(Vec::new()) };
        let mut signatures = Vec::<Signature>::new();
        let layers = manifest.layers.iter().filter(|layer| layer.media_type == SIGNATURE_LAYER);
        for layer in layers.take(Signature::MOST) {
            let signature = Signature::parse(&self.blob(layer, Signature::MAX_BYTES, false).await?)?;
            if signatures.iter().all(|known| known.key() != signature.key()) {
                signatures.push(signature);
            }
        }
        Ok(signatures)
    }

    fn signature_tag(&self, package: Digest) -> Reference {
        let (registry, repository) = (self.reference.registry(), self.reference.repository());
        Reference::with_tag(registry.to_owned(), repository.to_owned(), format!("sha256-{package}.minisig"))
    }

    async fn find(&self, reference: &Reference) -> Result<Option<(OciImageManifest, String)>> {
        match self.client.pull_image_manifest(reference, &self.auth).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{reference} cannot be read")),
        }
    }

    async fn blob(&self, layer: &OciDescriptor, limit: usize, told: bool) -> Result<Vec<u8>> {
        let size = usize::try_from(layer.size).ok().filter(|size| *size <= limit);
        let size = size.with_context(|| format!("a layer has {} bytes; {limit} are taken", layer.size))?;
        let bar = if told { ProgressBar::new(size as u64) } else { ProgressBar::hidden() };
        bar.set_style(ProgressStyle::with_template("pulling {bytes}/{total_bytes} {bar:30} {bytes_per_sec}")?);
        let mut bytes = Bounded { bytes: Vec::with_capacity(size), limit: size, bar: bar.clone() };
        self.client.pull_blob(&self.reference, layer, &mut bytes).await?;
        bar.finish_and_clear();
        Ok(bytes.bytes)
    }
}

/// The config of the manifest for a component.
fn wasm_config(package: &Package) -> Value {
    let exports: Vec<String> = package.exports().iter().map(ToString::to_string).collect();
    let imports: Vec<String> = package.imports().iter().map(|c| format!("xinglin:host/{c}")).collect();
    json!({
        "created": Clock::default().now().to_string(),
        "author": package.manifest().publisher,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [format!("sha256:{}", package.digest())],
        "component": { "exports": exports, "imports": imports, "target": null },
    })
}

fn is_absent(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => envelope.errors.iter().any(|error| {
            matches!(error.code, OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown | OciErrorCode::NotFound)
        }),
        _ => false,
    }
}

/// From the environment, or from the file of `docker login`.
fn credentials(registry: &str) -> Result<RegistryAuth> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(user), Some(password)) = (variable("XINGLIN_REGISTRY_USER"), variable("XINGLIN_REGISTRY_PASSWORD")) {
        return Ok(RegistryAuth::Basic(user, password));
    }
    let folder = std::env::var_os("DOCKER_CONFIG").map(std::path::PathBuf::from);
    let folder = folder.or_else(|| Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".docker")));
    let Some(file) = folder.map(|folder| folder.join("config.json")).filter(|file| file.is_file()) else {
        return Ok(RegistryAuth::Anonymous);
    };
    let named = || file.display().to_string();
    let config: Value = serde_json::from_slice(&std::fs::read(&file).with_context(named)?).with_context(named)?;
    let keys = [registry.to_owned(), format!("https://{registry}"), format!("https://{registry}/v1/")];
    let Some(entry) = keys.iter().find_map(|key| config["auths"][key]["auth"].as_str()) else {
        return Ok(RegistryAuth::Anonymous);
    };
    let decoded = STANDARD.decode(entry).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let (user, password) = pair.with_context(|| format!("{}: the entry of {registry} is damaged", named()))?;
    Ok(RegistryAuth::Basic(user.to_owned(), password.to_owned()))
}

fn spinner(what: &str) -> Result<ProgressBar> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} {elapsed}")?);
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    Ok(bar)
}

/// A buffer that accepts at most the announced size.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
    bar: ProgressBar,
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Task<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Poll::Ready(Err(std::io::Error::other("the registry sends more than its manifest names")));
        }
        self.bytes.extend_from_slice(bytes);
        self.bar.inc(bytes.len() as u64);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Task<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Task<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
