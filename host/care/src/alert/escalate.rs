use xinglin_domain::time::Instant;
use xinglin_platform::{AppError, AppResult, boxed, settings::settings, work};
use xinglin_records::patient;
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
    let id = work.id.parse().map_err(AppError::internal)?;
    let of_whom = match records.get_alert(id).await {
        Ok(row) => record(row)?.patient,
        Err(StoreError::NotFound { .. }) => return work::finish(records, work).await,
        Err(error) => return Err(error.into()),
    };
    let ladder = settings(records).await?.escalation;
    let tx = records.begin().await?;
    // What is found, tried and ended meanwhile holds this lock too.
    patient::lock(&tx, of_whom).await?;
    let row = tx.get_alert(id).await?;
    let standing = record(row.clone())?;
    let climbs_at = standing.climbs_at();
    let climbed = match standing.clone().escalate(&ladder, now) {
        Ok(climbed) => climbed,
        Err(_) => {
            // Its deadline moved, or somebody acknowledged it.
            match standing.acknowledged {
                None => tx.put_off_work(work, climbs_at).await?,
                Some(_) => tx.finish_work(work).await?,
            };
            return Ok(tx.commit().await?);
        }
    };
    if !tx.put_off_work(work, climbed.climbs_at()).await? {
        return Ok(());
    }
    update(&tx, (row, &climbed), now).await?;
    tx.commit().await?;
    let told = climbed.escalated.last().map(|last| last.to.as_str());
    tracing::warn!(alert = %climbed.id, code = climbed.alert.code, told, times = climbed.escalated.len(), "alert escalated");
    Ok(())
}
