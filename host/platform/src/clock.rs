//! The movable clock of demonstrations.

use crate::boxed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code};

use crate::{AppError, AppResult, Caller, Platform, open::CLOCK, settings::PLATFORM};

/// How far to move.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    /// Forward only.
    pub seconds: u32,
}

/// The new time.
#[derive(Serialize, ToSchema)]
pub struct ClockView {
    /// RFC 3339.
    pub now: String,
}

/// Moves the clock of a demonstration forward. The offset is kept across restarts.
///
/// # Errors
/// If the caller does not operate the platform, or the clock is not movable.
#[boxed]
pub async fn advance(platform: &Platform, caller: &Caller, advance: Advance) -> AppResult<ClockView> {
    caller.may_in(PLATFORM, Action::ManageTenants)?;
    if !platform.config().movable_clock {
        return Err(AppError::new(Code::AuthForbidden, "this hospital's clock is real (`movable_clock` is not set)"));
    }
    let tx = platform.store().operator().begin().await?;
    let ahead: i64 = tx.take_meta(CLOCK).await?.unwrap_or(0);
    tx.put_meta(CLOCK, &(ahead + i64::from(advance.seconds) * 1_000_000)).await?;
    tx.commit().await?;
    platform.clock().advance(i64::from(advance.seconds) * 1_000_000);
    Ok(ClockView { now: platform.now().to_string() })
}
