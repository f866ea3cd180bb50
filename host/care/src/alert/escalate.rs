use xinglin_domain::time::Instant;
use xinglin_platform::{AppError, AppResult, boxed, settings::settings, work};
use xinglin_store::{StoreError, Tenant, Work};

use super::{record, update};

/// Nobody acknowledged an alert in time: it climbs to the next role of the tenant's ladder, and
/// again after as many minutes. Who is told finds it among their notifications; the projection is
/// written again, so that subscribers are told too.
///
/// # Errors
/// If the store fails.
#[tracing::instrument(target = "xinglin::trace", name = "escalate_alert", skip_all)]
#[boxed]
pub async fn escalate(records: &Tenant, work: &Work, now: Instant) -> AppResult<()> {
    let row = match records.get_alert(work.id.parse().map_err(AppError::internal)?).await {
        Ok(row) => row,
        Err(StoreError::NotFound { .. }) => return work::finish(records, work).await,
        Err(error) => return Err(error.into()),
    };
    let standing = record(row.clone())?;
    let ladder = settings(records).await?.escalation;
    let climbs_at = standing.climbs_at();
    let climbed = match standing.clone().escalate(&ladder, now) {
        Ok(climbed) => climbed,
        // Its deadline moved, or somebody acknowledged it.
        Err(_) if standing.acknowledged.is_none() => return work::postpone(records, work, climbs_at).await,
        Err(_) => return work::finish(records, work).await,
    };
    let tx = records.begin().await?;
    if !tx.put_off_work(work, climbed.climbs_at()).await? {
        return Ok(());
    }
    update(&tx, (row, &climbed), now).await?;
    tx.commit().await?;
    let told = climbed.escalated.last().map(|last| last.to.as_str());
    tracing::warn!(alert = %climbed.id, code = climbed.alert.code, told, times = climbed.escalated.len(), "alert escalated");
    Ok(())
}
