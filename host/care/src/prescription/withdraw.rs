use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    prescription::{Effective, Event},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{PrescriptionView, put_next, take};

/// Withdraws an approved prescription that is not ordered yet, by its prescriber.
///
/// # Errors
/// `RX_ALREADY_USED`, …
#[boxed]
pub async fn withdraw(platform: &Platform, caller: &Caller, id: PrescriptionId) -> AppResult<PrescriptionView> {
    let (row, effective) = take::<Effective>(platform, caller, id, (Event::Withdraw, Action::SignPrescription)).await?;
    let cancelled = effective.withdraw(&caller.actor, caller.now)?;
    put_next(platform, caller, row, cancelled.into(), async |_| Ok(())).await
}
