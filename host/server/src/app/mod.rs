//! The use cases: one file a noun, one function a verb. A use case checks that
//! the caller may, loads, asks the rules and the plugins, and writes everything
//! that follows in one transaction. No transaction is open across a plugin call.

pub mod account;
pub mod alert;
pub mod audit;
pub mod call;
mod caller;
pub mod cds;
pub mod charge;
mod chart;
pub mod client;
pub mod clock;
mod compartment;
pub mod consent;
pub mod coverage;
mod document;
pub mod encounter;
pub mod enrolment;
mod error;
pub mod formulary;
pub mod glass;
pub mod hold;
pub mod ledger;
pub mod licence;
pub mod lifecycle;
pub mod message;
mod open;
mod outside;
pub mod package;
pub mod password;
pub mod plugin;
pub mod policy;
pub mod prescription;
pub mod recall;
pub mod record;
pub mod replay;
pub mod retention;
pub mod search;
pub mod second_factor;
pub mod secret;
pub mod session;
pub mod shadow;
mod signing;
pub mod tenant;

pub use caller::Caller;
pub use error::{AppError, AppResult};
pub use open::{Hospital, OpenError};
