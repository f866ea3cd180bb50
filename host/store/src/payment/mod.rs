//! Operations with payers, the patient's share in money, coverage, and the ledger.

pub(crate) mod cash;
pub(crate) mod coverage;
pub(crate) mod ledger;
pub(crate) mod operation;
pub(crate) mod period;
pub(crate) mod statement;
