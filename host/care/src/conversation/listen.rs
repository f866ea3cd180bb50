use std::time::Duration;

use xinglin_domain::{code::Code, id::EncounterId};
use xinglin_platform::{AppError, AppResult, Caller, boxed};

use super::{Listener, may_converse};
use crate::Care;

/// Starts listening to a visit, after this message number.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see; `RATE_LIMITED` if
/// there are too many listeners.
#[boxed]
pub async fn listen(care: &Care, caller: Caller, visit: EncounterId, after: i64) -> AppResult<Listener> {
    /// Maximum length of a stream; then the listener reconnects with a valid token.
    const LONGEST: Duration = Duration::from_secs(600);
    may_converse(&care.platform, &caller, visit).await?;
    let crowded = || AppError::new(Code::RateLimited, "too many listen to this host; ask again shortly");
    let place = care.listeners().clone().try_acquire_owned().map_err(|_| crowded())?;
    let (written, now) = (care.said().subscribe(), tokio::time::Instant::now());
    Ok(Listener { caller, visit, after, written, asked: now, until: now + LONGEST, _place: place })
}
