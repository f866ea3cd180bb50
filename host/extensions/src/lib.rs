//! Plugins: what is installed and what each tenant lets it do, their calls, tapes,
//! shadows, recall and replay, and what a call finds outside of itself.

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
