//! Operations with payers, the patient's share in money, coverage, and the ledger.

pub(crate) mod capitation;
pub(crate) mod cash;
pub(crate) mod coverage;
pub(crate) mod draft;
pub(crate) mod ledger;
pub(crate) mod operation;
pub(crate) mod period;
pub(crate) mod reconciliation;
pub(crate) mod statement;
