use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{GlassView, parse, view};

/// Longest list.
const MOST: u32 = 500;

/// What waits to be judged, oldest first, or what was.
///
/// # Errors
/// If the caller may not judge.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, judged: bool) -> AppResult<Vec<GlassView>> {
    caller.may(Action::ReviewBrokenGlass)?;
    let rows = platform.records(caller).list_glass(judged, MOST).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let glass = parse(row)?;
        caller.trail.saw(glass.patient);
        views.push(view(glass, caller));
    }
    Ok(views)
}
