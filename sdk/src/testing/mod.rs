//! A hospital in a test: plain `cargo test`, no WebAssembly, no server.
//!
//! ```ignore
//! let mut run = PathwayRun::<Diabetes>::enrol(Patient::aged(58).diagnosed(Coding::icd10("E11.9")));
//! run.observe(Coding::loinc("14743-9"), "17.2", "mmol/L");
//! assert_eq!(run.alerts(), ["GLUCOSE_CRITICAL_HIGH"]);
//! run.advance(90);
//! ```
//!
//! The harness is as strict as the host: it cuts snapshots down to what the
//! plugin declared, refuses capabilities that its manifest does not ask for,
//! throws the writes of a panicking call away, and panics on directives that the
//! host would not carry out.

mod bill;
mod claim;
mod host;
mod manifest;
mod order;
mod outside;
mod pathway_run;
mod patient;

pub use bill::{BillBuilder, CoverageBuilder, operation};
pub use claim::{CredentialBuilder, PersonBuilder};
pub(crate) use host::with;
pub use host::{Host, LogLine};
pub use manifest::data_needs;
pub use order::OrderBuilder;
pub use pathway_run::PathwayRun;
pub use patient::{Patient, START};

use crate::types::Decimal;

/// A decimal that a test wrote down.
#[track_caller]
pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}
