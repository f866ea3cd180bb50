//! Plugins: what is installed and what each tenant lets it do, their calls, tapes,
//! shadows, recall and replay, and what a call finds outside of itself.

pub mod call;
mod chart;
pub mod lifecycle;
mod open;
mod outside;
pub mod package;
pub mod plugin;
pub mod recall;
pub mod replay;
pub mod retention;
pub mod secret;
pub mod shadow;

pub use open::Extensions;
