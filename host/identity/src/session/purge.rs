use std::sync::atomic::Ordering;

use xinglin_domain::time::Instant;
use xinglin_platform::{AppResult, boxed};

use crate::Identity;

/// How often what has ended is forgotten, in minutes.
const PURGE_MINUTES: i64 = 10;

/// Forgets what has ended of sign-ins: sessions, what was shown once, assertions. Every
/// few minutes; what happened in them stands in the audit trail.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn purge(identity: &Identity, now: Instant) -> AppResult<()> {
    let last = identity.purged().load(Ordering::Acquire);
    let due = now >= Instant::from_micros(last).plus_minutes(PURGE_MINUTES);
    if !due || identity.purged().compare_exchange(last, now.micros(), Ordering::AcqRel, Ordering::Acquire).is_err() {
        return Ok(());
    }
    let limits = &identity.platform.config().sessions;
    let longest = limits.offline_days.max(limits.longest_days).max(limits.idle_hours / 24 + 1);
    // Its last access token may outlive a session that nobody refreshes.
    let rested = now.plus_days(-longest).plus_seconds(-limits.token_seconds);
    let yesterday = now.plus_days(-1);
    let tx = identity.platform.store().operator().begin().await?;
    let sessions = tx.purge_sessions(yesterday, rested).await?;
    let handles = tx.purge_one_time(yesterday).await?;
    let requests = tx.purge_requests(yesterday).await?;
    tx.commit().await?;
    tracing::debug!(sessions, handles, requests, "sign-ins that ended are forgotten");
    Ok(())
}
