use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    prescription::{Effective, Event, Prescription},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{PrescriptionView, put_next, take_any};

/// Withdraws what is signed and not ordered yet, approved or not, by its prescriber.
///
/// # Errors
/// `RX_ALREADY_USED`, …
#[boxed]
pub async fn withdraw(platform: &Platform, caller: &Caller, id: PrescriptionId) -> AppResult<PrescriptionView> {
    let (row, rx) = take_any(platform, caller, id, Action::SignPrescription).await?;
    let (by, now) = (&caller.actor, caller.now);
    let cancelled = match rx {
        Prescription::PendingReview(pending) => pending.withdraw(by, now)?,
        Prescription::Returned(returned) => returned.withdraw(by, now)?,
        other => other.expecting::<Effective>(Event::Withdraw)?.withdraw(by, now)?,
    };
    put_next(platform, caller, row, cancelled.into(), async |_| Ok(())).await
}
