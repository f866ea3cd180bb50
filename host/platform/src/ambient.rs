//! The one room with a clock and dice. Everything else is given the time and
//! its random values, so that it can be tested and replayed.
#![expect(clippy::disallowed_methods, reason = "this is the room that the bans point to")]

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::SystemTime,
};

use rand::Rng;
use xinglin_domain::time::Instant;

/// The clock of this server. A demo hospital may run ahead of the world.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_micros: AtomicI64,
}

impl Clock {
    /// A clock that runs ahead of the world by so many microseconds.
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

    /// Moves the clock forward and returns how far ahead it now is.
    pub fn advance(&self, micros: i64) -> i64 {
        self.ahead_micros.fetch_add(micros, Ordering::AcqRel).saturating_add(micros)
    }
}

/// A value for a new id, later than all earlier ones of this process.
pub fn fresh_id() -> u128 {
    uuid::Uuid::now_v7().as_u128()
}

/// Bytes nobody can guess.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
