//! Pharmacy: formulary and dispensing.

pub mod delivery;
pub mod dispensing;
pub mod formulary;
