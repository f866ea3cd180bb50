//! Time arithmetic. Time is an argument; there is no clock.

pub mod china;

pub use crate::bindings::xinglin::types::types::Instant;

/// Microseconds in a minute.
pub const MINUTE: Instant = 60_000_000;
/// Microseconds in 24 hours.
pub const DAY: Instant = 24 * 60 * MINUTE;

/// Adds periods of 24 hours; negative values subtract. Saturates.
pub const fn plus_days(at: Instant, days: i64) -> Instant {
    at.saturating_add(days.saturating_mul(DAY))
}

/// Adds minutes.
pub const fn plus_minutes(at: Instant, minutes: i64) -> Instant {
    at.saturating_add(minutes.saturating_mul(MINUTE))
}

/// Whole periods of 24 hours from `earlier` to `later`; negative in the reverse
/// order.
pub const fn days_between(earlier: Instant, later: Instant) -> i64 {
    later.saturating_sub(earlier).div_euclid(DAY)
}
