use xinglin_domain::{code::Code, id::ContactId, safety::Repeat, time::Instant};
use xinglin_platform::{AppResult, boxed, work};
use xinglin_records::patient;
use xinglin_store::{Tenant, Work};

use super::{
    load, of_patient,
    open::{begin, ids},
};

/// After how many minutes it is looked again whether somebody is still about to speak with the patient.
const WAIT_MINUTES: i64 = 60;

/// It is time to contact a patient again who was in acute danger. While somebody is about to speak with them it is put
/// off; not if it was a mistake, the patient has died, or somebody has spoken with them since it was time.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "repeat_contact", skip_all)]
#[boxed]
pub async fn repeat(records: &Tenant, work: &Work, now: Instant) -> AppResult<()> {
    let first: ContactId = work.lane.parse().map_err(xinglin_platform::AppError::internal)?;
    let of_whom = match load(records, first).await {
        Ok(stored) => stored.value.patient,
        // Erased.
        Err(error) if error.code == Code::NotFound => return work::finish(records, work).await,
        Err(error) => return Err(error),
    };
    let tx = records.begin().await?;
    patient::lock(&tx, of_whom).await?;
    let contact = load(&tx, first).await?.value;
    let to_do = match patient::has_died(&tx, of_whom).await? {
        true => Repeat::Never,
        false => contact.repeat(&of_patient(&tx, of_whom).await?, work.since),
    };
    let is_ours = match to_do {
        Repeat::Wait => tx.put_off_work(work, now.plus_minutes(WAIT_MINUTES)).await?,
        Repeat::Never | Repeat::Now => tx.finish_work(work).await?,
    };
    if is_ours && to_do == Repeat::Now {
        begin(&tx, &contact.repeated(ids(), now), now).await?;
    }
    Ok(tx.commit().await?)
}
