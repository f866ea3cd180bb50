//! Secrets that the tenant stores for this plugin. Request them with
//! `[capabilities.secrets]` and `keys = ["token"]`.
//!
//! A plugin never receives the values: write `{{secret:token}}` in an
//! [`http`](crate::http) request where one is needed.

/// Keys of the manifest for which the tenant has stored a value, sorted.
pub fn available() -> Vec<String> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::secrets::available();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("secrets", |call| call.secrets())
}
