use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_records::audit::ChainView;

/// Verifies the hash chain of tapes.
///
/// # Errors
/// If the caller may not read the audit trail.
#[boxed]
pub async fn verify(platform: &Platform, caller: &Caller) -> AppResult<ChainView> {
    caller.may(Action::ReadAudit)?;
    Ok(platform.records(caller).verify_chain().await?.into())
}
