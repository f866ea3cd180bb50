//! The pharmacy: what a hospital sells, and handing it out.

pub mod dispensing;
pub mod formulary;
