//! Prescriptions that can never be used any more, though their time is not over.

use xinglin_domain::{id::PrescriptionId, prescription::RxState, time::Instant};
use xinglin_platform::AppResult;
use xinglin_store::{DocumentQuery, Queue, TenantTx, Work};

/// Has the prescriptions of a query looked at by the job that ends them, now: their visit was
/// stopped, or nothing more may be done for the patient. Unpaid bills are closed, and orders that
/// were not dispensed are refunded.
pub(crate) async fn look_again(tx: &TenantTx, of: DocumentQuery, now: Instant) -> AppResult<()> {
    const MOST: u32 = 256;
    let statuses = [RxState::Draft, RxState::PendingReview, RxState::Returned, RxState::Effective, RxState::Reserved];
    let query = DocumentQuery { statuses: statuses.map(|state| state.as_str().to_owned()).into(), ..of };
    let rows = tx.list_documents::<PrescriptionId>(&query, None, MOST).await?;
    let works: Vec<Work> = rows.iter().map(|row| Work::new(Queue::Prescription, row.id, row.id, now)).collect();
    Ok(tx.put_work(&works).await?)
}
