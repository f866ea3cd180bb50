//! Pharmacy: formulary and dispensing.

pub mod dispensing;
pub mod formulary;
