use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, boxed, settings::PLATFORM};

use super::{RecallView, report};

/// The report of a package, recalled or not.
///
/// # Errors
/// If there is no such package.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, digest: &str) -> AppResult<RecallView> {
    caller.may_in(PLATFORM, Action::InstallPlugins)?;
    report(platform, digest).await
}
