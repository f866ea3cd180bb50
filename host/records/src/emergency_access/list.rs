use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{EmergencyAccessView, parse, view};

/// Longest list.
const MOST: u32 = 500;

/// Emergency accesses that await review, oldest first, or reviewed ones.
///
/// # Errors
/// If the caller may not judge.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, judged: bool) -> AppResult<Vec<EmergencyAccessView>> {
    caller.may(Action::ReviewEmergencyAccess)?;
    let rows = platform.records(caller).list_emergency_accesses(judged, MOST).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let access = parse(row)?;
        caller.trail.saw(access.patient);
        views.push(view(access, caller));
    }
    Ok(views)
}
