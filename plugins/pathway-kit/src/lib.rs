//! What pathways share: their [state] as bytes with a version, the table of the [numbers](Number) of their rules, and for
//! their tests the comparison of that table with its [document].

pub mod document;
mod number;
mod state;

pub use number::Number;
pub use state::{Kept, read, write};
