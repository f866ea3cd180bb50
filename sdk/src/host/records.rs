//! The record of the patient at hand, beyond the snapshot. Ask for it with
//! `[capabilities.records]`, and declare what it may read in `[data-needs]`.
//!
//! No other patient can be named, and what was not declared is not there.

pub use crate::bindings::xinglin::host::records::{Error, Query};
use crate::{
    clinical::{Allergy, Condition, Medication, Observation},
    types::Coding,
};

impl Query {
    /// The newest of a code, at most so many (1 to 500). Narrow it with `since`
    /// and `before`.
    pub fn newest(code: Coding, limit: u32) -> Self {
        Self { code, since: None, before: None, limit }
    }
}

/// Newest first.
///
/// # Errors
/// If the code is not declared, consent withholds it, the call is about no
/// patient, or the record does not answer.
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
