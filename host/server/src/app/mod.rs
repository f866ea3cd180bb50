//! The use cases: one file a noun, one function a verb. A use case checks that
//! the caller may, loads, asks the rules and the plugins, and writes everything
//! that follows in one transaction. No transaction is open across a plugin call.

pub mod account;
pub mod alert;
pub mod call;
mod caller;
pub mod charge;
pub mod clock;
pub mod coverage;
mod document;
pub mod encounter;
pub mod enrolment;
mod error;
pub mod formulary;
pub mod hold;
pub mod ledger;
pub mod message;
mod open;
pub mod package;
pub mod plugin;
pub mod prescription;
pub mod record;
pub mod session;
mod signing;
pub mod tenant;

pub use caller::Caller;
pub use error::{AppError, AppResult};
pub use open::{Hospital, OpenError};
