//! What must hold at every act on a signed prescription, whatever was true when it was signed.

use xinglin_domain::{
    code::Code,
    id::{EncounterId, PatientId},
    prescription::{Issue, Prescription, Rx, RxError, Sheet},
    time::Instant,
};
use xinglin_extensions::{Extensions, call::CallView};
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_records::patient;
use xinglin_store::{Executor, TenantScope};

use super::{facts, review::review};
use crate::{encounter, pathway::hold};

/// What is checked again of a prescription in any state.
#[derive(Debug, Clone, Copy)]
pub struct Prescribed<'a> {
    patient: PatientId,
    encounter: EncounterId,
    sheet: &'a Sheet,
}

impl<'a, S> From<&'a Rx<S>> for Prescribed<'a> {
    fn from(rx: &'a Rx<S>) -> Self {
        Self { patient: rx.patient(), encounter: rx.encounter(), sheet: rx.sheet() }
    }
}

impl<'a> From<&'a Prescription> for Prescribed<'a> {
    fn from(rx: &'a Prescription) -> Self {
        Self { patient: rx.patient(), encounter: rx.encounter(), sheet: rx.sheet() }
    }
}

/// Checks that patient, visit, holds and allergies still allow a prescription to be used. Called at
/// every act: before its state, which follows from these a moment later, and in its transaction.
///
/// # Errors
/// `PATIENT_…` if nothing more may be done for the patient; `ENC_RED_FLAG` if the visit was stopped
/// or a hold is active; `RX_ALLERGY`.
pub async fn still_safe<E: Executor>(
    platform: &Platform,
    caller: &Caller,
    records: &TenantScope<E>,
    rx: impl Into<Prescribed<'_>>,
) -> AppResult<()> {
    let Prescribed { patient, encounter, sheet } = rx.into();
    patient::treatable(records, patient).await?;
    encounter::not_stopped(records, encounter).await?;
    not_on_hold(platform, caller, records, patient).await?;
    Ok(sheet.tolerated(&facts(platform, records, patient, caller.now).await?.allergies)?)
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
