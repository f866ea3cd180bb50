//! Operations with payers, coverage, and the ledger.

pub(crate) mod capitation;
pub(crate) mod coverage;
pub(crate) mod draft;
pub(crate) mod ledger;
pub(crate) mod operation;
pub(crate) mod period;
pub(crate) mod statement;
