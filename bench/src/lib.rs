//! What the measurements share: patients, and what plugins are asked about them.

pub mod case;
pub mod clinic;
pub mod dice;
pub mod population;
pub mod rule;
pub mod server;
pub mod times;

/// Any failure ends a measurement.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
