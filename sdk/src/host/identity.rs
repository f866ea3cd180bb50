//! Who the patient is, for servers that must know and never for the plugin. Ask
//! for it with `[capabilities.identity]` and
//! `fields = ["name", "id-number", "phone", "birth-date", "insurance-number"]`,
//! as few as will do.
//!
//! Write `{{patient:name}}` in an [`http`](crate::http) request where it belongs.
//! The patient sees where it went.

pub use crate::bindings::xinglin::host::identity::Field;

/// Fields of the manifest that are known of the patient of this call, in order.
/// Empty if the call is about no patient.
pub fn available() -> Vec<Field> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::identity::available();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("identity", |call| call.identity())
}
