//! How often something was done of late, by a keyed hash of what it was done to. Kept in memory; a restart forgives.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use xinglin_domain::time::Instant;

/// What is remembered at once, some 100 bytes each. When there is more, all is forgotten: a crowd of made-up names must not
/// eat the memory.
const REMEMBERED: usize = 100_000;

/// For how long, in hours.
const HOURS: i64 = 24;

/// When it was done in the last 24 hours.
#[derive(Debug, Default)]
pub struct Tally {
    times: Mutex<HashMap<[u8; 32], Vec<Instant>>>,
}

impl Tally {
    /// Counts one more, if there is room for it beside those of the last 24 hours; whether there was.
    pub fn take(&self, key: [u8; 32], has_room: impl FnOnce(&[Instant]) -> bool, now: Instant) -> bool {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.plus_hours(-HOURS);
        if times.len() >= REMEMBERED {
            times.retain(|_, of| of.iter().any(|at| *at > since));
        }
        if times.len() >= REMEMBERED {
            times.clear();
        }
        let of = times.entry(key).or_default();
        of.retain(|at| *at > since);
        let free = has_room(of.as_slice());
        if free {
            of.push(now);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_forgotten_after_a_day() {
        let tally = Tally::default();
        let now = Instant::from_micros(1_796_040_000_000_000);
        let take = |key: u8, at: Instant| tally.take([key; 32], |times| times.len() < 2, at);
        assert!(take(1, now) && take(1, now.plus_hours(1)));
        assert!(!take(1, now.plus_hours(2)));
        assert!(take(2, now.plus_hours(2)), "another is counted by itself");
        assert!(!take(1, now.plus_hours(24).plus_seconds(-1)));
        assert!(take(1, now.plus_hours(24)), "what was refused does not count");
    }
}
