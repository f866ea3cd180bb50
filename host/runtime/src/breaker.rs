//! A plugin that fails again and again is left alone for a while, so that it does
//! not hold the places of others until each of its calls has run out of time.

use xinglin_plugin::FailureCode;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How many failures in a row open it.
const FAILURES: u32 = 8;
/// How long it stays open the first time; twice as long after each probe that
/// fails, to [`LONGEST`].
const REST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The state of one plugin in one tenant. Closed, its calls run. Open, they fail at
/// once. After its rest one call, the probe, may pass: its success closes the
/// breaker, its failure opens it for longer.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In a row, up to now.
    failures: u32,
    /// Since when it is open, and for how long.
    open: Option<(Instant, Duration)>,
    probing: bool,
}

/// A call that may run. Whoever holds it says how it ended; dropped without a
/// word, as by a recall, a probe does not count.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    breaker: &'a Breaker,
    probe: bool,
    told: bool,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call may run; if not, how long to wait before another try.
    pub fn admit(&self, now: Instant) -> Result<Admission<'_>, Duration> {
        let mut state = self.state();
        let probe = match state.open {
            None => false,
            Some((since, rest)) => {
                let left = rest.saturating_sub(now.saturating_duration_since(since));
                if !left.is_zero() || state.probing {
                    return Err(left.max(Duration::from_millis(100)));
                }
                state.probing = true;
                true
            }
        };
        Ok(Admission { breaker: self, probe, told: false })
    }
}

impl Admission<'_> {
    /// How the call ended.
    pub fn tell(mut self, failure: Option<FailureCode>, now: Instant) {
        self.told = true;
        let mut state = self.breaker.state();
        if self.probe {
            state.probing = false;
        }
        match failure {
            None => *state = State::default(),
            // Nobody's fault, or nothing that resting would mend.
            Some(FailureCode::Busy | FailureCode::Resting | FailureCode::Recalled | FailureCode::Interface) => {}
            Some(_) => {
                state.failures = state.failures.saturating_add(1);
                if self.probe {
                    let rest = state.open.map_or(REST, |(_, rest)| rest.saturating_mul(2).min(LONGEST));
                    state.open = Some((now, rest));
                } else if state.failures >= FAILURES && state.open.is_none() {
                    state.open = Some((now, REST));
                }
            }
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if self.probe && !self.told {
            self.breaker.state().probing = false;
        }
    }
}
