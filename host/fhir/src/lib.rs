//! FHIR R4 (4.0.1) input and output: pure functions over JSON.
//!
//! [`bundle::plan`] processes an incoming bundle: it checks every resource with [`validate`],
//! assigns ids to new ones and resolves links within the bundle to references. Resources are
//! stored as received, including the digits of numbers and unknown extensions; [`index`] extracts
//! the search index, [`search`] parses queries, and both use the tables of [`parameter`].
//! [`snapshot`] restricts a record to what a plugin may receive; [`project`] maps the host's own
//! acts to FHIR; [`answer`] and [`outcome`] build responses.
//!
//! No function panics on any JSON, reads a clock or generates an id.

pub mod answer;
pub mod audit_event;
pub mod bundle;
pub mod capability;
mod error;
pub mod index;
pub mod insurance;
#[cfg(test)]
mod mutation;
pub mod order;
pub mod outcome;
pub mod parameter;
pub mod person;
mod primitive;
pub mod project;
pub mod questionnaire;
mod read;
pub mod request;
pub mod safety;
pub mod schema;
pub mod search;
pub mod series;
pub mod snapshot;
pub mod submitted;
#[cfg(test)]
mod testing;
pub mod validate;
mod value;

pub use crate::error::FhirError;
pub use crate::error::Issue;
pub use crate::error::IssueKind;
pub use crate::primitive::is_type_name;

/// Base path of the FHIR API.
pub const BASE: &str = "/fhir/R4";
