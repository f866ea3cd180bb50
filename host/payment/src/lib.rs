//! Payment: charges with their payers, coverages, questions to insurers, the ledger, and its comparison with
//! the books of others.

pub mod charge;
pub mod coverage;
pub mod insurance;
mod insurer;
pub mod ledger;
mod parties;
pub mod reconciliation;
