use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    prescription::{Event, PendingReview},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{Object, PrescriptionView, put_next, take};

/// Rejects a prescription finally, by a pharmacist.
///
/// # Errors
/// `RX_REASON_REQUIRED`, …
#[boxed]
pub async fn reject(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    why: Object,
) -> AppResult<PrescriptionView> {
    let (row, pending) =
        take::<PendingReview>(platform, caller, id, (Event::Reject, Action::ReviewPrescription)).await?;
    let rejected = pending.reject(&caller.actor, why.code, why.text, caller.now)?;
    put_next(platform, caller, row, rejected.into(), async |_| Ok(())).await
}
