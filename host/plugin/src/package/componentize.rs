//! From what a compiler makes to what the host takes.

use wit_component::ComponentEncoder;

use super::manifest::Manifest;
use super::section;
use crate::error::PluginError;

/// Makes a component of a core module that was built with the contract's
/// bindings. Nothing but hospital imports is possible: no WASI adapter is used.
///
/// # Errors
/// `PLUGIN_INVALID` if the module does not fit the component types it carries, or
/// imports something they do not name.
pub fn componentize(core_module: &[u8]) -> Result<Vec<u8>, PluginError> {
    let encode = || ComponentEncoder::default().validate(true).module(core_module)?.encode();
    encode().map_err(|e| PluginError::Corrupt(format!("{e:#}")))
}

/// Puts a manifest into a component, in place of the one that may be there.
///
/// # Errors
/// `PLUGIN_INVALID` if the bytes are no component, or if the
/// manifest breaks its own rules.
pub fn attach(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, PluginError> {
    section::write(component, &manifest.to_section()?)
}
