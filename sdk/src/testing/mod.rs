//! A test host for plugins: plain `cargo test`, without WebAssembly or a server.
//!
//! ```ignore
//! let mut run = FollowUpRun::<Diabetes>::enrol(Patient::aged(58).diagnosed(Coding::icd10("E11.9")));
//! run.observe(Coding::loinc("14743-9"), "17.2", "mmol/L", Provenance::Device);
//! assert_eq!(run.alerts(), ["GLUCOSE_CRITICAL_HIGH"]);
//! run.advance(90);
//! ```
//!
//! It is as strict as the host: it restricts snapshots to what the plugin declared, refuses
//! capabilities that the manifest does not request, discards the writes of a panicking call, and
//! panics on directives that the host would refuse. [`FollowUpRun`] runs pathways of 1.1, [`PathwayRun`] those of 1.0;
//! [`conformance`] is a suite for every insurer.

mod bill;
mod claim;
pub mod conformance;
mod follow_up_run;
mod host;
mod insurance;
mod manifest;
mod order;
mod outside;
mod panel;
mod pathway_run;
mod patient;
mod review;

pub use bill::{BillBuilder, CoverageBuilder, operation};
pub use claim::{CredentialBuilder, PersonBuilder};
pub use follow_up_run::{ContactEnd, Ended, FollowUpRun};
pub(crate) use host::with;
pub use host::{Host, LogLine};
pub use insurance::{ClaimBuilder, PolicyBuilder, YEAR, attempt};
pub use manifest::{assert_follow_up_needs_declared, assert_needs_declared, data_needs};
pub use order::OrderBuilder;
pub use panel::words;
pub use pathway_run::PathwayRun;
pub use patient::{Patient, START};

use crate::types::Decimal;

/// Parses a decimal literal of a test.
#[track_caller]
pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}
