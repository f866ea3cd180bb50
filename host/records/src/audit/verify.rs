use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::ChainView;

/// Verifies the hash chain of the audit trail.
///
/// # Errors
/// If the caller may not read it.
#[boxed]
pub async fn verify(platform: &Platform, caller: &Caller) -> AppResult<ChainView> {
    caller.may(Action::ReadAudit)?;
    Ok(platform.records(caller).verify_audit().await?.into())
}
