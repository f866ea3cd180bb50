use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    prescription::{Checklist, Event, PendingReview},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{PrescriptionView, put_next, take};

/// The pharmacist's approval, with the checklist (四查十对).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Each must be true.
    #[schema(value_type = Object)]
    pub checklist: Checklist,
}

/// Approves and signs a prescription, by a pharmacist who is not the prescriber.
///
/// # Errors
/// `RX_SELF_REVIEW`, `RX_REVIEWER_UNQUALIFIED`, `RX_CHECKLIST_INCOMPLETE`, …
#[tracing::instrument(target = "xinglin::trace", name = "approve_prescription", skip_all)]
#[boxed]
pub async fn approve(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    approve: Approve,
) -> AppResult<PrescriptionView> {
    let (row, pending) =
        take::<PendingReview>(platform, caller, id, (Event::Approve, Action::ReviewPrescription)).await?;
    let digest = pending.approval_digest(caller.actor.account, caller.now).map_err(AppError::internal)?;
    let signature = platform.sign(caller, &digest);
    let effective = pending.approve(&caller.actor, approve.checklist, signature, platform, caller.now)?;
    put_next(platform, caller, row, effective.into(), async |_| Ok(())).await
}
