use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    pathway::HeldAct,
    prescription::{Event, Returned},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, settings::settings};

use super::{
    PrescriptionView, check_products, facts, put_next,
    recheck::{still_safe, still_safe_in},
    take,
};
use crate::pathway::hold;

/// The confirmation of a prescription that was sent back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPrescription {
    /// Why.
    pub reason: String,
}

/// Confirms a prescription that was sent back, by the prescriber with a reason and a second
/// signature.
///
/// # Errors
/// `RX_SECOND_SIGN`, `RX_FORBIDDEN_DRUG`; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY` for what has changed; …
#[boxed]
pub async fn confirm(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    confirm: ConfirmPrescription,
) -> AppResult<PrescriptionView> {
    let (row, returned) = take::<Returned>(platform, caller, id, (Event::Confirm, Action::SignPrescription)).await?;
    let records = platform.records(caller);
    check_products(returned.sheet(), &settings(&records).await?)?;
    let digest = returned.confirmation_digest(&confirm.reason, caller.now).map_err(AppError::internal)?;
    let signature = platform.sign(caller, &digest);
    still_safe(platform, caller, &records, (HeldAct::Prescribe, &returned)).await?;
    let holds = hold::of_patient(&records, returned.patient()).await?;
    let allergies = facts(platform, &records, returned.patient(), caller.now).await?.allergies;
    let patient = (holds.as_slice(), allergies.as_slice());
    let pending = returned.confirm(&caller.actor, confirm.reason, signature, patient, platform, caller.now)?;
    let safe = pending.clone();
    put_next(platform, caller, row, pending.into(), async |tx| {
        still_safe_in(platform, caller, tx, (HeldAct::Prescribe, &safe)).await
    })
    .await
}
