use xinglin_domain::id::EncounterId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{MOST, SaidView, may_converse, readable};

/// Messages of a visit after this number that the caller may read.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see.
#[boxed]
pub async fn list(
    platform: &Platform,
    caller: &Caller,
    visit: EncounterId,
    after: i64,
    limit: u32,
) -> AppResult<Vec<SaidView>> {
    let value = may_converse(platform, caller, visit).await?;
    let rows = platform.records(caller).list_visit_messages(visit, after, limit.clamp(1, MOST)).await?;
    readable(platform, caller, &value, rows).await
}
