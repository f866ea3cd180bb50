//! Packages: one component with its manifest inside.

mod bounds;
pub(crate) mod bundle;
pub(crate) mod componentize;
pub(crate) mod host_pattern;
mod http_grant;
pub(crate) mod inspect;
pub(crate) mod manifest;
mod section;
pub(crate) mod signature;
pub(crate) mod trust;

use std::{collections::BTreeSet, sync::Arc};

pub use self::http_grant::HttpGrant;
use self::{
    inspect::{Sheet, Surface},
    manifest::Manifest,
};
use crate::{
    capability::Capability,
    digest::Digest,
    error::PluginError,
    interface::{Export, Interface},
};

/// A component that was read and checked, but neither compiled nor run.
#[derive(Debug, Clone)]
pub struct Package {
    manifest: Manifest,
    digest: Digest,
    surface: Surface,
    bytes: Arc<[u8]>,
}

impl Package {
    /// Maximum size of a component, in bytes. Python and JavaScript include their interpreter.
    pub const MAX_BYTES: usize = 64 << 20;

    /// Reads a component and refuses early what could not be enabled later; time and memory are
    /// bounded by its size.
    ///
    /// # Errors
    /// `PLUGIN_INVALID`, `PLUGIN_INTERFACE`, or `PLUGIN_CAPABILITY` if it imports something that
    /// is no capability or not requested by its manifest.
    pub fn read(bytes: impl Into<Arc<[u8]>>) -> Result<Self, PluginError> {
        let bytes = bytes.into();
        if bytes.len() > Self::MAX_BYTES {
            return Err(PluginError::TooLarge { what: "the component", size: bytes.len(), limit: Self::MAX_BYTES });
        }
        bounds::check(&bytes)?;
        let manifest = section::read(&bytes)?
            .ok_or_else(|| PluginError::Manifest("the component carries none".into()))
            .and_then(Manifest::from_section)?;
        let surface = inspect::surface(&bytes)?;
        let unasked = surface.capabilities.iter().find(|c| !manifest.capabilities.contains_key(c));
        if let Some(capability) = unasked {
            return Err(PluginError::Capability {
                import: capability.to_string(),
                reason: format!("imported, but plugin.toml has no `[capabilities.{capability}]`"),
            });
        }
        Ok(Self { manifest, digest: Digest::of(&bytes), surface, bytes })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Digest of the component.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Interfaces that the host can call. Never empty.
    pub fn interfaces(&self) -> &BTreeSet<Interface> {
        &self.surface.interfaces
    }

    /// The same, with the major versions of the component.
    pub fn exports(&self) -> &BTreeSet<Export> {
        &self.surface.exports
    }

    /// Capabilities that it imports; possibly fewer than its manifest requests.
    pub fn imports(&self) -> &BTreeSet<Capability> {
        &self.surface.capabilities
    }

    /// The component, manifest included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it can and cannot do, as text.
    pub fn sheet(&self) -> Sheet {
        Sheet::of(&self.manifest, &self.surface)
    }
}
