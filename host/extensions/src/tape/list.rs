use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_records::audit::Restricted;
use xinglin_store::TapeQuery;

use super::{TapeView, view};

/// The newest calls of the caller's hospital.
///
/// # Errors
/// If the caller may not read the audit trail.
#[boxed]
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    plugin: Option<String>,
    about: Option<String>,
    limit: u32,
) -> AppResult<Vec<TapeView>> {
    caller.may(Action::ReadAudit)?;
    caller.trail.asked();
    about.iter().filter_map(|about| about.parse().ok()).for_each(|patient| caller.trail.saw(patient));
    let query = TapeQuery { plugin_id: plugin, digest: None, reference: about };
    let records = platform.records(caller);
    let mut restricted = Restricted::for_the(caller);
    let mut views = Vec::new();
    for entry in records.list_tape(&query, None, limit.min(500)).await? {
        let plugin = entry.plugin_id.clone();
        let view = view(entry)?;
        if restricted.shows(&view.tape) && !restricted.hides(&records, &plugin).await? {
            views.push(view);
        }
    }
    Ok(views)
}
