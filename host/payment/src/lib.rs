//! Payment: charges with their payers, coverages, payment per head, what is sold, and the ledger.

pub mod capitation;
pub mod charge;
pub mod coverage;
pub mod ledger;
pub mod pricing;
