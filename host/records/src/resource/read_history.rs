use std::collections::HashSet;

use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::Resource;

use crate::consent;

/// All versions, newest first, with deletions.
///
/// # Errors
/// `NOT_FOUND` if there are none that the caller may see.
#[boxed]
pub async fn read_history(platform: &Platform, caller: &Caller, kind: &str, id: &str) -> AppResult<Vec<Resource>> {
    caller.trail.asked();
    let records = platform.records(caller);
    let history = records.list_resource_history(kind, id, None, 1000).await?;
    let labels = records.resource_compartments(kind, id).await?;
    // One answer for all: what is in a compartment is there in each version, of
    // whomever it was.
    let mut patients = HashSet::new();
    for resource in &history {
        if patients.insert(&resource.patient_id) && !consent::may_read(platform, caller, resource, labels).await? {
            return Err(AppError::not_found("resource", format!("{kind}/{id}")));
        }
    }
    if history.is_empty() { Err(AppError::not_found("resource", format!("{kind}/{id}"))) } else { Ok(history) }
}
