//! What must hold at every act on a signed prescription, whatever was true when it was signed.

use xinglin_domain::{
    code::Code,
    id::PatientId,
    prescription::{Issue, Rx, RxError},
    time::Instant,
};
use xinglin_extensions::{Extensions, call::CallView};
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_records::patient;
use xinglin_store::{Executor, TenantScope};

use super::{facts, review::review};
use crate::{encounter, pathway::hold};

/// Checks that patient, visit, holds and allergies still allow a prescription to be used. Called at
/// every act, in its transaction.
///
/// # Errors
/// `PATIENT_…` if nothing more may be done for the patient; `ENC_RED_FLAG` if the visit was stopped
/// or a hold is active; `RX_ALLERGY`.
pub async fn still_safe<E: Executor, S>(
    platform: &Platform,
    caller: &Caller,
    records: &TenantScope<E>,
    rx: &Rx<S>,
) -> AppResult<()> {
    patient::treatable(records, rx.patient()).await?;
    encounter::not_stopped(records, rx.encounter()).await?;
    not_on_hold(platform, caller, records, rx.patient()).await?;
    Ok(rx.tolerated(&facts(platform, records, rx.patient(), caller.now).await?.allergies)?)
}

/// As [`still_safe`]; where an allergy was recorded since the approval, the checkers are called
/// again.
///
/// # Errors
/// As [`still_safe`]; `RX_ALLERGY` with the findings if a checker now objects; `RX_NOT_CHECKED`.
pub async fn still_checked<E: Executor, S>(
    extensions: &Extensions,
    caller: &Caller,
    records: &TenantScope<E>,
    (rx, issue): (&Rx<S>, &Issue),
) -> AppResult<Vec<CallView>> {
    still_safe(&extensions.platform, caller, records, rx).await?;
    let approved: Instant = issue.approval.signature.at;
    if !patient::has_new_allergies(records, rx.patient(), approved).await? {
        return Ok(Vec::new());
    }
    let review = review(extensions, caller, records, rx).await?;
    match review.acknowledge(&issue.signing.acknowledged) {
        Ok(_) => Ok(review.views()),
        Err(refused) if refused.code == Code::RxNotChecked => Err(refused),
        Err(refused) => {
            let detail = format!("an allergy was recorded after the approval: {}", refused.detail);
            Err(AppError { code: Code::RxAllergy, detail, ..refused })
        }
    }
}

/// Checks that no hold is active.
///
/// # Errors
/// `ENC_RED_FLAG`, with as much of its reason as the caller may know.
pub(super) async fn not_on_hold<E: Executor>(
    platform: &Platform,
    caller: &Caller,
    records: &TenantScope<E>,
    patient: PatientId,
) -> AppResult<()> {
    match hold::of_patient(records, patient).await?.into_iter().find(|hold| hold.is_active()) {
        Some(active) => Err(RxError::OnHold(hold::shown(platform, caller, active).await?.code).into()),
        None => Ok(()),
    }
}
