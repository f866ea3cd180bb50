//! How long requests took.

use std::time::Duration;

/// Median and 99th percentile, in milliseconds.
pub struct Times {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Times {
    /// Of all that were measured; no number if there are none.
    pub fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let at = |hundredth: usize| {
            let last = took.len().saturating_sub(1);
            took.get(last * hundredth / 100).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
        };
        Self { p50: at(50), p99: at(99) }
    }
}
