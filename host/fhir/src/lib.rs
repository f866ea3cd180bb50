//! FHIR R4 (4.0.1), in and out: pure functions over JSON.
//!
//! A bundle comes in through [`bundle::plan`], which checks every resource with
//! [`validate`], gives the new ones their ids and turns links within the bundle
//! into references. What is written is kept as it came, down to the digits of
//! its numbers and the extensions nobody here knows; [`index`] says by what it can
//! be found again, [`search`] reads what is asked for, and both keep to the tables of
//! [`parameter`]. [`snapshot`] cuts a record
//! down to what a plugin may know; [`project`] is how the hospital's own acts
//! look in FHIR; [`answer`] and [`outcome`] are what a client is told.
//!
//! Nothing here panics on any JSON, and nothing reads a clock or draws an id.

pub mod answer;
pub mod audit_event;
pub mod bundle;
pub mod capability;
mod error;
pub mod index;
#[cfg(test)]
mod mutation;
pub mod order;
pub mod outcome;
pub mod parameter;
pub mod person;
mod primitive;
pub mod project;
mod read;
pub mod schema;
pub mod search;
pub mod snapshot;
#[cfg(test)]
mod testing;
pub mod validate;
mod value;

pub use crate::error::FhirError;
pub use crate::error::Issue;
pub use crate::error::IssueKind;
pub use crate::primitive::is_type_name;

/// Where FHIR is served.
pub const BASE: &str = "/fhir/R4";
