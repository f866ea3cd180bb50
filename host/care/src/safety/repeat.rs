use xinglin_domain::{code::Code, id::ContactId, safety::SUICIDE_RISK_AGAIN, time::Instant};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_records::patient;
use xinglin_store::{Tenant, Work};

use super::{
    load,
    open::{begin, ids},
    open_one,
};

/// It is time to contact a patient again who was in acute danger. Not if it was a mistake, the patient
/// has died, or somebody is about to: the first contact or another repetition is open.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "repeat_contact", skip_all)]
#[boxed]
pub async fn repeat(records: &Tenant, work: &Work, now: Instant) -> AppResult<()> {
    let first: ContactId = work.lane.parse().map_err(AppError::internal)?;
    let tx = records.begin().await?;
    if !tx.finish_work(work).await? {
        return Ok(());
    }
    let contact = match load(&tx, first).await {
        Ok(stored) => stored.value,
        // Erased.
        Err(error) if error.code == Code::NotFound => return Ok(tx.commit().await?),
        Err(error) => return Err(error),
    };
    patient::lock(&tx, contact.patient).await?;
    let waits = contact.is_open() || open_one(&tx, SUICIDE_RISK_AGAIN, contact.patient).await?.is_some();
    if !waits && !contact.was_mistaken() && !patient::has_died(&tx, contact.patient).await? {
        begin(&tx, &contact.repeated(ids(), now), now).await?;
    }
    Ok(tx.commit().await?)
}
