use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    prescription::{Event, PendingReview},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{Object, PrescriptionView, put_next, take};

/// Sends a prescription back to the prescriber, by a pharmacist.
///
/// # Errors
/// `RX_REASON_REQUIRED`, …
#[boxed]
pub async fn send_back(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    why: Object,
) -> AppResult<PrescriptionView> {
    let (row, pending) =
        take::<PendingReview>(platform, caller, id, (Event::Return, Action::ReviewPrescription)).await?;
    let returned = pending.send_back(&caller.actor, why.code, why.text, caller.now)?;
    put_next(platform, caller, row, returned.into(), async |_| Ok(())).await
}
