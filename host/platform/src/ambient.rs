//! The only module with a clock and a random generator. Everything else takes time and random
//! values as arguments, so that it can be tested and replayed.
#![expect(clippy::disallowed_methods, reason = "this is the room that the bans point to")]

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::SystemTime,
};

use rand::Rng;
use xinglin_domain::time::Instant;

/// The clock of this server. In a demonstration it may be ahead of real time.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_micros: AtomicI64,
}

impl Clock {
    /// A clock that is ahead of real time by this many microseconds.
    pub fn ahead_by(micros: i64) -> Self {
        Self { ahead_micros: AtomicI64::new(micros) }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        let world = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(_) => 0,
        };
        Instant::from_micros(world.saturating_add(self.ahead_micros.load(Ordering::Acquire)))
    }

    /// Moves the clock forward; returns how far ahead it now is, in microseconds.
    pub fn advance(&self, micros: i64) -> i64 {
        self.ahead_micros.fetch_add(micros, Ordering::AcqRel).saturating_add(micros)
    }
}

/// A value for a new id, greater than all earlier ones of this process.
pub fn fresh_id() -> u128 {
    uuid::Uuid::now_v7().as_u128()
}

/// Cryptographically secure random bytes.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
