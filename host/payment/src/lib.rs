//! Payment: charges with their payers, coverages, and the ledger.

pub mod charge;
pub mod coverage;
pub mod ledger;
