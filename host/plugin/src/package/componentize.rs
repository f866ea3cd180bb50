//! Converts core modules to components, and attaches manifests.

use wit_component::ComponentEncoder;

use super::manifest::Manifest;
use super::section;
use crate::error::PluginError;

/// Makes a component of a core module that was built with the bindings of the WIT contract. No
/// WASI adapter is used, so it can only import interfaces of the host.
///
/// # Errors
/// `PLUGIN_INVALID` if the module does not match its embedded component types, or has imports
/// that they do not declare.
pub fn componentize(core_module: &[u8]) -> Result<Vec<u8>, PluginError> {
    let encode = || ComponentEncoder::default().validate(true).module(core_module)?.encode();
    encode().map_err(|e| PluginError::Corrupt(format!("{e:#}")))
}

/// Sets the manifest of a component, replacing an existing one.
///
/// # Errors
/// `PLUGIN_INVALID` if the bytes are no component, or the manifest is invalid.
pub fn attach(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, PluginError> {
    section::write(component, &manifest.to_section()?)
}
