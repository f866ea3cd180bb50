use xinglin_domain::{access::Action, compartment::Compartments, id::PrescriptionId, prescription::Prescription};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::consent;

use super::{PrescriptionView, load, view};

/// One prescription.
///
/// # Errors
/// If there is none that the caller may see.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: PrescriptionId) -> AppResult<PrescriptionView> {
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    // Who is to review, prepare or hand it over must see it.
    let pharmacy = matches!(
        value,
        Prescription::PendingReview(_)
            | Prescription::Returned(_)
            | Prescription::Effective(_)
            | Prescription::Reserved(_)
            | Prescription::Dispensed(_)
    ) && caller.may(Action::PreparePrescription).is_ok();
    let known = pharmacy || value.prescriber() == caller.actor.account;
    consent::may_open(platform, caller, value.patient(), (Compartments::of(&row.body), known), "prescription", id)
        .await?;
    view(value, Vec::new(), Vec::new())
}
