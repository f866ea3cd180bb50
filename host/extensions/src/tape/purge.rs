use xinglin_domain::{access::Action, id::TenantId, retention::Kept, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, Platform};

use super::PurgeView;

/// Tapes purged in one transaction.
const PIECE: u32 = 1_000;

/// Purges the tapes of a tenant that are older than `before`, from the beginning of the chain,
/// whose start moves accordingly. Tapes are evidence of outpatient records and retained as
/// long. Calls `progress` with the number of purged tapes.
///
/// # Errors
/// `RETENTION_HOLD` if the retention period of some has not ended; nothing is purged then.
pub async fn purge_calls(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    before: Instant,
    mut progress: impl FnMut(u64),
) -> AppResult<PurgeView> {
    caller.may_in(tenant, Action::PurgeRecords)?;
    Kept::OutpatientRecord
        .may_purge(before, caller.now)
        .map_err(|hold| AppError::new(hold.code(), hold.to_string()))?;
    let (records, by, mut purged) = (platform.store().tenant(tenant), caller.actor.account.to_string(), 0);
    loop {
        let tx = records.begin().await?;
        let piece = tx.purge_tape(before, PIECE, &by, caller.now).await?;
        if piece == 0 {
            // Also what an interrupted purge left.
            tx.purge_tape_references().await?;
        }
        tx.commit().await?;
        if piece == 0 {
            break;
        }
        purged += piece;
        progress(purged);
    }
    tracing::info!(%tenant, purged, %before, by, "tapes purged");
    Ok(PurgeView { purged })
}
