//! The record of the call's patient, beyond the snapshot. Request it with
//! `[capabilities.records]`, and declare what it may read in `[data-needs]`.
//!
//! No other patient's record can be read, and undeclared data are refused.

pub use crate::bindings::xinglin::host::records::{Error, Query};
use crate::{
    clinical::{Allergy, Condition, Medication, Observation},
    types::Coding,
};

impl Query {
    /// The newest observations of a code, at most `limit` (1 to 500). Restrict them with `since`
    /// and `before`.
    pub fn newest(code: Coding, limit: u32) -> Self {
        Self { code, since: None, before: None, limit }
    }
}

/// Newest first.
///
/// # Errors
/// If the code is not declared, consent withholds it, the call has no
/// patient, or the record is unavailable.
pub fn observations(query: &Query) -> Result<Vec<Observation>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::records::observations(query);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("records", |call| call.observations(query))
}

/// At most 500, newest first.
///
/// # Errors
/// As [`observations`].
pub fn conditions() -> Result<Vec<Condition>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::records::conditions();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("records", |call| call.conditions())
}

/// At most 500, newest first.
///
/// # Errors
/// As [`observations`].
pub fn allergies() -> Result<Vec<Allergy>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::records::allergies();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("records", |call| call.allergies())
}

/// At most 500, newest first.
///
/// # Errors
/// As [`observations`].
pub fn medications() -> Result<Vec<Medication>, Error> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::records::medications();
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("records", |call| call.medications())
}
