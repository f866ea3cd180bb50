//! Guessing passwords takes for ever: after some wrong ones for a login, it is
//! closed for a while. Kept in memory; a restart forgives.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use xinglin_domain::{canonical::Digest, code::Code, id::TenantId, time::Instant};
use xinglin_platform::AppError;

/// Wrong passwords until a login is closed.
const MOST: u32 = 10;

/// For how long, and how long a wrong one is remembered.
const MINUTES: i64 = 15;

/// Logins that are remembered at once, some 60 bytes each. When there are more,
/// all is forgotten: a crowd of made-up names must not eat the memory.
const REMEMBERED: usize = 10_000;

/// Wrong passwords of late, by login.
#[derive(Debug, Default)]
pub struct Attempts {
    wrong: Mutex<HashMap<Digest, (u32, Instant)>>,
}

impl Attempts {
    /// Whether another password may be tried for this login.
    pub fn may_try(&self, tenant: TenantId, login: &str, now: Instant) -> bool {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get(&key(tenant, login)).is_none_or(|&(count, last)| count < MOST || is_old(last, now))
    }

    /// As [`Attempts::may_try`], for who is told.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub fn check(&self, tenant: TenantId, login: &str, now: Instant) -> Result<(), AppError> {
        let detail = "too many wrong passwords or codes; try again in a quarter of an hour";
        self.may_try(tenant, login, now).then_some(()).ok_or_else(|| AppError::new(Code::RateLimited, detail))
    }

    /// A wrong one.
    pub fn note_wrong(&self, tenant: TenantId, login: &str, now: Instant) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= REMEMBERED {
            wrong.retain(|_, &mut (_, last)| !is_old(last, now));
        }
        if wrong.len() >= REMEMBERED {
            wrong.clear();
        }
        let (count, last) = wrong.entry(key(tenant, login)).or_insert((0, now));
        *count = if is_old(*last, now) { 1 } else { count.saturating_add(1) };
        *last = now;
    }

    /// The right one: all is forgotten.
    pub fn note_right(&self, tenant: TenantId, login: &str) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(tenant, login));
    }
}

/// Of a fixed size, however long the login is.
fn key(tenant: TenantId, login: &str) -> Digest {
    Digest::of_bytes(format!("{tenant}/{login}").as_bytes())
}

fn is_old(last: Instant, now: Instant) -> bool {
    now >= last.plus_minutes(MINUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_closes_for_a_while_and_for_itself_only() {
        let attempts = Attempts::default();
        let (here, there) = (TenantId::from_u128(1), TenantId::from_u128(2));
        let now = Instant::from_micros(0);
        for _ in 0..MOST {
            assert!(attempts.may_try(here, "doctor", now));
            attempts.note_wrong(here, "doctor", now);
        }
        assert!(!attempts.may_try(here, "doctor", now.plus_minutes(14)));
        assert!(attempts.may_try(here, "doctor", now.plus_minutes(15)));
        assert!(attempts.may_try(there, "doctor", now) && attempts.may_try(here, "nurse", now));
        attempts.note_right(here, "doctor");
        assert!(attempts.may_try(here, "doctor", now));
        for made_up in 0..=REMEMBERED {
            attempts.note_wrong(here, &made_up.to_string(), now);
        }
        assert!(attempts.wrong.lock().unwrap().len() <= REMEMBERED);
    }
}
