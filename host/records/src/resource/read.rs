use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::Resource;

use super::visible;

/// The current version of a resource.
///
/// # Errors
/// `NOT_FOUND` if there is none that the caller may see.
#[boxed]
pub async fn read(platform: &Platform, caller: &Caller, kind: &str, id: &str) -> AppResult<Resource> {
    caller.trail.asked();
    visible(platform, &platform.records(caller), caller, kind, id, None).await
}
