use xinglin_domain::{id::PatientId, time::Instant};
use xinglin_platform::{AppResult, boxed, document::Stored};
use xinglin_records::patient;
use xinglin_store::TenantTx;

use super::{load, of_patient, put, settle};

/// Ends the open contacts of a patient who has died, unless something was found after the record said so.
///
/// # Errors
/// If the store fails.
#[boxed]
pub(crate) async fn end_of_patient(tx: &TenantTx, patient: PatientId, now: Instant) -> AppResult<()> {
    patient::lock(tx, patient).await?;
    if !patient::has_died(tx, patient).await? {
        return Ok(());
    }
    for known in of_patient(tx, patient).await?.iter().filter_map(|known| known.died(now)) {
        let Stored { row, .. } = load(tx, known.id).await?;
        put(tx, row, &known, now).await?;
        settle(tx, &known, None, now).await?;
    }
    Ok(())
}
