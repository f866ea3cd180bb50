use xinglin_domain::{access::Action, code::Code};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{
    DifferenceView,
    difference::{self, AGREED, EXPLAINED, OPEN},
};

/// Most rows of a page.
const MOST: u32 = 500;

/// Differences between channels and the caller's hospital, oldest first.
///
/// # Errors
/// `BODY_INVALID` for a state that there is not.
#[boxed]
pub async fn list_differences(
    platform: &Platform,
    caller: &Caller,
    state: Option<&str>,
) -> AppResult<Vec<DifferenceView>> {
    caller.may(Action::ReconcileCash)?;
    let state = state.unwrap_or(OPEN);
    if ![OPEN, AGREED, EXPLAINED].contains(&state) {
        return Err(AppError::new(Code::BodyInvalid, "state: `open`, `agreed` or `explained`").with("path", "state"));
    }
    let rows = platform.records(caller).list_cash_differences(state, ("", "9999-12-31"), MOST).await?;
    rows.iter().map(difference::view).collect()
}
