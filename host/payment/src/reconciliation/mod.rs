//! Our books, a payer's and the bank's. A difference is a row with an owner, who works on it and resolves it
//! with a reason; no month closes while one of its differences is open. Rules are in
//! `domain/src/ledger/reconciliation.rs`.

mod assign;
mod list_breaks;
mod reconcile;
mod resolve;
mod view;

pub use self::assign::{Assign, assign};
pub use self::list_breaks::{BreaksAsk, list_breaks};
pub use self::reconcile::{BankLine, FiledClaim, NewReconciliation, NewRemittance, ReconciliationView, reconcile};
pub use self::resolve::{Resolve, resolve};
pub use self::view::{BreakView, ClaimView};
