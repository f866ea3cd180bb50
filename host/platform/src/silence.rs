//! Services outside of the host that do not answer: they are left alone for a while, so that what waits for one tenant's
//! holds up nobody else's. Kept in the process; each host finds out for itself.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use xinglin_domain::{id::TenantId, time::Instant};

/// The longest time that a service is left alone, in minutes: a project default.
const LONGEST_MINUTES: i64 = 15;
/// How long others wait for the outcome of the one attempt after that, in seconds: longer than it may take.
const ATTEMPT_SECONDS: i64 = 60;

/// A service that did not answer.
#[derive(Debug, Clone, Copy)]
struct Silence {
    /// How often in a row; what was under way at the same time counts once.
    times: u32,
    /// Until when it is left alone.
    until: Instant,
    /// Whether somebody asks it at this moment, for all.
    asked: bool,
}

/// Which services do not answer, by tenant and name.
#[derive(Debug, Default)]
pub struct Silences {
    known: Mutex<BTreeMap<(TenantId, &'static str), Silence>>,
}

impl Silences {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(TenantId, &'static str), Silence>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when a service is left alone; `None` if the caller may ask it now. Of one that was silent only one caller may,
    /// until it is known what became of that.
    pub fn ask(&self, tenant: TenantId, service: &'static str, now: Instant) -> Option<Instant> {
        let mut known = self.lock();
        let silence = known.get_mut(&(tenant, service))?;
        if now < silence.until {
            return Some(silence.until);
        }
        silence.until = now.plus_seconds(ATTEMPT_SECONDS);
        silence.asked = true;
        None
    }

    /// It has answered, whatever it said.
    pub fn heard(&self, tenant: TenantId, service: &'static str) {
        self.lock().remove(&(tenant, service));
    }

    /// It has not answered: it is left alone for 1, 2, 4, … minutes.
    pub fn unheard(&self, tenant: TenantId, service: &'static str, now: Instant) {
        let mut known = self.lock();
        let silence = known.entry((tenant, service)).or_insert(Silence { times: 0, until: now, asked: true });
        if !silence.asked && now < silence.until {
            return;
        }
        let minutes = 1_i64 << silence.times.min(10);
        silence.times = silence.times.saturating_add(1);
        silence.until = now.plus_minutes(minutes.min(LONGEST_MINUTES));
        silence.asked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: TenantId = TenantId::from_u128(1);
    const NOW: Instant = Instant::from_micros(1_796_040_000_000_000);

    #[test]
    fn who_does_not_answer_is_left_alone_for_longer_and_longer() {
        let silences = Silences::default();
        let mut now = NOW;
        for minutes in [1, 2, 4, 8, 15, 15] {
            assert_eq!(silences.ask(HERE, "sms", now), None, "one may ask");
            silences.unheard(HERE, "sms", now);
            let until = now.plus_minutes(minutes);
            assert_eq!(silences.ask(HERE, "sms", until.plus_seconds(-1)), Some(until));
            now = until;
        }
        assert_eq!(silences.ask(HERE, "sms", now), None);
        silences.heard(HERE, "sms");
        assert_eq!(silences.ask(HERE, "sms", now), None);
        silences.unheard(HERE, "sms", now);
        assert_eq!(silences.ask(HERE, "sms", now), Some(now.plus_minutes(1)), "it begins anew");
    }

    #[test]
    fn what_was_under_way_counts_once_and_one_asks_for_all() {
        let silences = Silences::default();
        for _ in 0..8 {
            silences.unheard(HERE, "sms", NOW);
        }
        let until = NOW.plus_minutes(1);
        assert_eq!(silences.ask(HERE, "sms", NOW), Some(until));
        assert_eq!(silences.ask(HERE, "sms", until), None);
        assert_eq!(silences.ask(HERE, "sms", until), Some(until.plus_seconds(ATTEMPT_SECONDS)), "another waits");
        silences.unheard(HERE, "sms", until.plus_seconds(10));
        assert_eq!(silences.ask(HERE, "sms", until.plus_seconds(11)), Some(until.plus_seconds(10).plus_minutes(2)));
    }

    #[test]
    fn nobody_else_waits() {
        let silences = Silences::default();
        silences.unheard(HERE, "sms", NOW);
        assert_eq!(silences.ask(HERE, "wechat", NOW), None);
        assert_eq!(silences.ask(TenantId::from_u128(2), "sms", NOW), None);
    }
}
