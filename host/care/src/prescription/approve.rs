use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    pathway::HeldAct,
    prescription::{ApproveWith, Checklist, Event, PendingReview, Prescription},
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, Caller, boxed, settings::settings, standing};

use super::{
    PrescriptionView, check_products, facts, put,
    recheck::{still_safe, still_safe_in},
    review::review,
    take, view,
};
use crate::pathway::hold;

/// The pharmacist's approval, with the checklist (四查十对).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Each must be true.
    #[schema(value_type = Object)]
    pub checklist: Checklist,
}

/// Approves and signs a prescription, by a pharmacist who is not the prescriber. What may have
/// changed since the signature is checked again: patient, visit, holds, allergies, the
/// prescriber's licence; and every checker is called again.
///
/// # Errors
/// `RX_SELF_REVIEW`, `RX_REVIEWER_UNQUALIFIED`, `RX_CHECKLIST_INCOMPLETE`; `PATIENT_…`,
/// `ENC_RED_FLAG`, `RX_ALLERGY`, `CRED_INVALID`, `RX_FORBIDDEN_DRUG` for what has changed; `RX_VETOED`, `RX_NOT_CHECKED`,
/// or `RX_WARNING_UNACKNOWLEDGED` for a warning that the prescriber has not seen: send it back, to be
/// written and signed anew.
#[tracing::instrument(target = "xinglin::trace", name = "approve_prescription", skip_all)]
#[boxed]
pub async fn approve(
    extensions: &Extensions,
    caller: &Caller,
    id: PrescriptionId,
    approve: Approve,
) -> AppResult<PrescriptionView> {
    let platform = &extensions.platform;
    let (row, pending) =
        take::<PendingReview>(platform, caller, id, (Event::Approve, Action::ReviewPrescription)).await?;
    let records = platform.records(caller);
    // Before any plugin is called: nothing they answer could lift it.
    pending.may_be_examined_by(&caller.actor, caller.now)?;
    still_safe(platform, caller, &records, (HeldAct::Approve, &pending)).await?;
    check_products(pending.sheet(), &settings(&records).await?)?;
    let prescriber = standing::active(&records.get_account(pending.prescriber()).await?)?;
    let review = review(extensions, caller, &records, &pending).await?;
    let reviewed = review.acknowledged_before(&pending.state().signing)?;
    let digest = pending.approval_digest(caller.actor.account, caller.now).map_err(AppError::internal)?;
    let with = ApproveWith {
        checklist: approve.checklist,
        prescriber: &prescriber,
        reviewed: &reviewed,
        holds: &hold::of_patient(&records, pending.patient()).await?,
        allergies: &facts(platform, &records, pending.patient(), caller.now).await?.allergies,
        signature: platform.sign(caller, &digest),
    };
    let effective = match pending.approve(&caller.actor, with, platform, caller.now) {
        Ok(effective) => effective,
        Err(refused) => return Err(AppError::from(refused).with("calls", review.views())),
    };
    let tx = platform.begin(caller).await?;
    // What may have come while the checkers thought.
    still_safe_in(platform, caller, &tx, (HeldAct::Approve, &effective)).await?;
    let rx = Prescription::from(effective);
    put(&tx, row, &rx, caller.now).await?;
    let calls = review.calls.write(&tx).await?;
    tx.commit().await?;
    view(rx, review.findings, calls)
}
