//! The patient's identity, for servers that need it; the plugin never receives it. Request it
//! with `[capabilities.identity]` and
//! `fields = ["name", "id-number", "phone", "birth-date", "insurance-number"]`,
//! as few as possible.
//!
//! Write `{{patient:name}}` in an [`http`](crate::http) request where it is needed. The
//! patient can see where it was sent.

pub use crate::bindings::xinglin::host::identity::Field;

/// Fields of the manifest that are known of the patient of this call, sorted.
/// Empty if the call has no patient.
pub fn available() -> Vec<Field> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::identity::available();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("identity", |call| call.identity())
}
