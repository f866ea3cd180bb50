//! Payment: charges with their payers, the patient's share in money, coverages, and the ledger.

pub mod cash;
pub mod charge;
pub mod coverage;
pub mod ledger;
