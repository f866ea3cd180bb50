//! The base of every use case: caller and authorisation, errors with stable codes, settings,
//! policies, keys, files, outbound HTTP, clock and metrics.
//!
//! Services of the crates above hold a [`Platform`] and are passed explicitly.

pub mod acting;
pub mod ambient;
mod blocking;
pub mod caller;
pub mod clock;
pub mod config;
pub mod document;
pub mod egress;
pub mod error;
pub mod explain;
pub mod files;
pub mod grant;
pub mod keyring;
pub mod keys;
pub mod meter;
pub mod one_time;
mod open;
pub mod organisation;
pub mod person_key;
pub mod policy;
pub mod policy_desk;
pub mod settings;
mod signing;
pub mod silence;
pub mod standing;
pub mod tally;
pub mod tasks;
pub mod tls;
pub mod token;
pub mod trail;
pub mod work;

/// Boxes the future of a use case, so that it is compiled in its own crate. rustc compiles the body
/// of a plain `async fn` where it is polled: all use cases would be compiled in the server, in one
/// unit, after every change.
pub use async_recursion::async_recursion as boxed;
pub use blocking::blocking;
pub use caller::{Bounds, Caller};
pub use config::Config;
pub use error::{AppError, AppResult};
pub use open::{CLOCK, OpenError, Platform};
