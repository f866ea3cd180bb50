//! Payment: charges with their payers, the patient's share in money, coverages, questions to insurers, payment per
//! head, what is sold, the ledger, and its comparison with the books of others.

pub mod capitation;
pub mod cash;
pub mod charge;
pub mod coverage;
pub mod insurance;
mod insurer;
pub mod ledger;
mod parties;
pub mod pricing;
pub mod reconciliation;
mod till;
