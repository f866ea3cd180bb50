use xinglin_domain::{access::Action, id::TenantId, retention::Kept, time::Instant};
use xinglin_extensions::tape::PurgeView;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

/// Purges messages older than a given time, in the caller's tenant.
///
/// # Errors
/// `RETENTION_HOLD` if the retention period of some has not ended; nothing is purged then.
#[boxed]
pub async fn purge(platform: &Platform, caller: &Caller, tenant: TenantId, before: Instant) -> AppResult<PurgeView> {
    caller.may_in(tenant, Action::PurgeRecords)?;
    Kept::Conversation.may_purge(before, caller.now).map_err(|hold| AppError::new(hold.code(), hold.to_string()))?;
    let by = caller.actor.account.to_string();
    let tx = platform.store().tenant(tenant).begin().await?;
    let purged = tx.purge_visit_messages(before, &by, caller.now).await?;
    tx.commit().await?;
    tracing::info!(%tenant, purged, %before, by, "conversations purged");
    Ok(PurgeView { purged })
}
