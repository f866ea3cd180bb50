use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    prescription::{Draft, Event},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{PrescriptionView, put_next, take};

/// Discards a draft, by its prescriber.
///
/// # Errors
/// `RX_STATE` if it is signed already.
#[boxed]
pub async fn discard(platform: &Platform, caller: &Caller, id: PrescriptionId) -> AppResult<PrescriptionView> {
    let (row, draft) = take::<Draft>(platform, caller, id, (Event::Abandon, Action::DraftPrescription)).await?;
    let cancelled = draft.abandon(&caller.actor, caller.now)?;
    put_next(platform, caller, row, cancelled.into(), async |_| Ok(())).await
}
