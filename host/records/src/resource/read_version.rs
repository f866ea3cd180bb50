use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::Resource;

use super::visible;

/// One version of a resource.
///
/// # Errors
/// As [`read`](super::read).
#[boxed]
pub async fn read_version(
    platform: &Platform,
    caller: &Caller,
    kind: &str,
    id: &str,
    version: i64,
) -> AppResult<Resource> {
    caller.trail.asked();
    visible(platform, &platform.records(caller), caller, kind, id, Some(version)).await
}
