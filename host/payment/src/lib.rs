//! Money: charges with their payers, coverages, and the books.

pub mod charge;
pub mod coverage;
pub mod ledger;
