//! Secrets that the tenant keeps for this plugin. Ask for it with
//! `[capabilities.secrets]` and `keys = ["token"]`.
//!
//! Their values never enter a plugin: write `{{secret:token}}` in an
//! [`http`](crate::http) request where one belongs.

/// Keys of the manifest for which the tenant keeps a value, in order.
pub fn available() -> Vec<String> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::secrets::available();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("secrets", |call| call.secrets())
}
