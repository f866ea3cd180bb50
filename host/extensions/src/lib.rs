//! Plugins: packages, installations and grants of a tenant, calls, tapes, shadow runs, recall
//! and replay, and host services of calls.

pub mod call;
pub(crate) mod egress;
pub mod install;
pub mod lifecycle;
mod open;
pub mod package;
pub mod recall;
pub mod secret;
pub mod tape;

pub use open::Extensions;
