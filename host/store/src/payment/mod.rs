//! Operations with payers, coverage, and the books.

pub(crate) mod coverage;
pub(crate) mod ledger;
pub(crate) mod operation;
