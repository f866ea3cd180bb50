//! Circuit breaker: a plugin that fails repeatedly is not called for a while, so that its calls
//! do not occupy places until they time out.

use xinglin_plugin::FailureCode;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Number of consecutive failures that open it.
const FAILURES: u32 = 8;
/// Duration of the open state the first time; doubled after each failed probe, up to [`LONGEST`].
const REST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The state of one plugin in one tenant. Closed: calls run. Open: calls fail immediately. After
/// the rest period one call, the probe, is admitted: its success closes the breaker, its failure
/// opens it for longer.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Consecutive failures so far.
    failures: u32,
    /// When it was opened, and for how long.
    open: Option<(Instant, Duration)>,
    probing: bool,
}

/// An admitted call. The holder reports the outcome; if dropped without a report, as by a recall,
/// a probe does not count.
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

    /// Admits a call, or returns the time to wait before the next attempt.
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
    /// Reports the outcome of the call.
    pub fn tell(mut self, failure: Option<FailureCode>, now: Instant) {
        self.told = true;
        let mut state = self.breaker.state();
        if self.probe {
            state.probing = false;
        }
        match failure {
            None => *state = State::default(),
            // Not the plugin's failure, or not cured by waiting.
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
