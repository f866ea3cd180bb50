//! The vendor of the demonstration's plugins.

use std::path::Path;

use anyhow::Result;
use xinglin_platform::ambient::Clock;
use xinglin_runtime::{Bundle, Package, SignerRole};

use crate::cli::{demo::server::SETTINGS, plugin::keys};

/// Signs the plugins of the demonstration, with a key of this run that its server trusts.
pub struct Vendor {
    key: minisign::KeyPair,
}

impl Vendor {
    /// Generates the key, and the settings of a server that requires its signature.
    pub fn trusted_by(folder: &Path) -> Result<Self> {
        let key = keys::unprotected()?;
        let public = keys::public(&key)?;
        let settings = format!(
            "[trust]\npolicy = \"vendor\"\n\n[[trust.keys]]\nname = \"demonstration\"\nrole = \"vendor\"\n\
             public_key = \"{public}\"\nplugins = [\"xinglin.*\"]\n"
        );
        std::fs::write(folder.join(SETTINGS), settings)?;
        Ok(Self { key })
    }

    /// A package with the vendor's signature, as uploaded.
    pub fn sign(&self, component: Vec<u8>) -> Result<Vec<u8>> {
        let package = Package::read(component)?;
        let now = Clock::default().now();
        let signature = keys::sign(&self.key.sk, &package, SignerRole::Vendor, now, "for the demonstration")?;
        Ok(Bundle { component: package.bytes().into(), signatures: vec![signature] }.to_bytes()?)
    }
}
