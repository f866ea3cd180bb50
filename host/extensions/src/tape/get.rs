use xinglin_domain::{access::Action, id::CallId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_records::audit::Restricted;

use super::{TapeView, view};

/// Input and output of one call.
///
/// # Errors
/// If the caller may not read the audit trail, or there is no such call.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, call: CallId) -> AppResult<TapeView> {
    caller.may(Action::ReadAudit)?;
    caller.trail.asked();
    readable(platform, caller, call).await
}

/// A tape contains the data that the plugin received; restricted compartments in it are
/// readable by the regulator only.
///
/// # Errors
/// `NOT_FOUND`.
#[boxed]
pub(crate) async fn readable(platform: &Platform, caller: &Caller, call: CallId) -> AppResult<TapeView> {
    let records = platform.records(caller);
    let entry = records.get_tape_entry(call).await?;
    let plugin = entry.plugin_id.clone();
    let view = view(entry)?;
    let mut restricted = Restricted::for_the(caller);
    if restricted.shows(&view.tape) && !restricted.hides(&records, &plugin).await? {
        return Ok(view);
    }
    Err(AppError::not_found("call", call))
}
