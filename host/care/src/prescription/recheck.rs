//! What must hold at every act on a signed prescription, whatever was true when it was signed.

use xinglin_domain::{
    code::Code,
    enrolment::HoldRecord,
    id::{EncounterId, PatientId},
    pathway::HeldAct,
    prescription::{Issue, Prescription, Rx, RxError, Sheet},
    time::Instant,
};
use xinglin_extensions::{Extensions, call::CallView};
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_records::patient;
use xinglin_store::{Executor, TenantScope, TenantTx};

use super::{facts, review::review};
use crate::{checker::Subject, encounter, pathway::hold, safety};

/// How long before the approval a request may have begun that wrote an allergy after it.
const UNDER_WAY_MINUTES: i64 = 5;

/// What is checked again of a prescription in any state.
#[derive(Debug, Clone, Copy)]
pub struct Prescribed<'a> {
    patient: PatientId,
    encounter: EncounterId,
    sheet: &'a Sheet,
}

impl Prescribed<'_> {
    async fn hold<E: Executor>(self, records: &TenantScope<E>, act: HeldAct) -> AppResult<Option<HoldRecord>> {
        let holds = hold::of_patient(records, self.patient).await?;
        Ok(holds.into_iter().find(|hold| hold.stops(act, self.sheet.codes())))
    }
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
/// or a hold stops the act; `ENC_RED_FLAG_OPEN` while the patient is in danger; `RX_ALLERGY`.
pub async fn still_safe<E: Executor>(
    platform: &Platform,
    caller: &Caller,
    records: &TenantScope<E>,
    (act, rx): (HeldAct, impl Into<Prescribed<'_>>),
) -> AppResult<()> {
    let rx = rx.into();
    match obstacle(platform, records, (act, rx), caller.now).await? {
        None => Ok(()),
        Some(Obstacle::Hold(active)) => Err(on_hold(platform, caller, *active).await?),
        Some(Obstacle::Allergy(refused)) => Err(masked(platform, caller, records, rx.patient, refused.into()).await?),
    }
}

/// What stands against a prescription, whole: who is told of it depends on what they may read.
enum Obstacle {
    Hold(Box<HoldRecord>),
    Allergy(RxError),
}

/// The first obstacle; errors of patient and visit are told to everybody.
async fn obstacle<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    (act, rx): (HeldAct, Prescribed<'_>),
    now: Instant,
) -> AppResult<Option<Obstacle>> {
    let Prescribed { patient, encounter, sheet } = rx;
    patient::treatable(records, patient).await?;
    encounter::not_stopped(records, encounter).await?;
    safety::none_locks(records, patient).await?;
    if let Some(active) = rx.hold(records, act).await? {
        return Ok(Some(Obstacle::Hold(Box::new(active))));
    }
    let facts = facts(platform, records, patient, now).await?;
    Ok(sheet.tolerated(&facts.allergies).err().map(Obstacle::Allergy))
}

/// The refusal for a hold, with as much of its reason as the caller may know.
async fn on_hold(platform: &Platform, caller: &Caller, active: HoldRecord) -> AppResult<AppError> {
    Ok(RxError::OnHold(hold::shown(platform, caller, active).await?.code).into())
}

/// As [`still_safe`], in the transaction that writes the act: nobody places a hold, stops a visit,
/// or records an allergy or a death of the patient until it ends.
///
/// # Errors
/// As [`still_safe`].
pub async fn still_safe_in(
    platform: &Platform,
    caller: &Caller,
    tx: &TenantTx,
    (act, rx): (HeldAct, impl Into<Prescribed<'_>>),
) -> AppResult<()> {
    let rx = rx.into();
    patient::lock(tx, rx.patient).await?;
    still_safe(platform, caller, tx, (act, rx)).await
}

/// As [`still_checked`] and [`still_safe_in`] together, where the host goes on by itself and nobody is
/// there to ask the checkers: an allergy that was recorded since the approval is for a person to look
/// at.
///
/// # Errors
/// As [`still_safe`], for nobody to read; `RX_NOT_CHECKED`.
pub async fn still_safe_alone_in<S>(
    platform: &Platform,
    tx: &TenantTx,
    (rx, issue): (&Rx<S>, &Issue),
    now: Instant,
) -> AppResult<()> {
    patient::lock(tx, rx.patient()).await?;
    match obstacle(platform, tx, (HeldAct::Charge, rx.into()), now).await? {
        None => {}
        Some(Obstacle::Hold(active)) => return Err(RxError::OnHold(active.hold.code).into()),
        Some(Obstacle::Allergy(refused)) => return Err(refused.into()),
    }
    if patient::has_new_allergies(tx, rx.patient(), since_approval(issue)).await? {
        return Err(AppError::new(Code::RxNotChecked, "an allergy was recorded since the approval"));
    }
    Ok(())
}

/// A refusal for an allergy, without the substance for who may not read all of the patient's
/// allergies.
pub(super) async fn masked<E: Executor>(
    platform: &Platform,
    caller: &Caller,
    records: &TenantScope<E>,
    patient: PatientId,
    refused: AppError,
) -> AppResult<AppError> {
    if refused.code != Code::RxAllergy
        || Subject::of(records, patient, None).await?.is_open_to(platform, caller).await?
    {
        return Ok(refused);
    }
    let detail = "an allergy in a restricted part of the record speaks against a medicine; ask the doctor who treats \
                  the patient there";
    Ok(AppError::new(Code::RxAllergy, detail))
}

/// As [`still_safe`]; where an allergy was recorded since the approval, the checkers are called
/// again.
///
/// # Errors
/// As [`still_safe`]; `RX_ALLERGY` with the findings if a checker now vetoes; `RX_NOT_CHECKED`.
pub async fn still_checked<E: Executor, S>(
    extensions: &Extensions,
    caller: &Caller,
    records: &TenantScope<E>,
    (act, rx, issue): (HeldAct, &Rx<S>, &Issue),
) -> AppResult<Vec<CallView>> {
    still_safe(&extensions.platform, caller, records, (act, rx)).await?;
    if !patient::has_new_allergies(records, rx.patient(), since_approval(issue)).await? {
        return Ok(Vec::new());
    }
    let review = review(extensions, caller, records, rx).await?;
    match review.acknowledged_before(&issue.signing) {
        Ok(_) => Ok(review.views()),
        // Remarks, and other warnings, were for the prescriber; what must not be given is not.
        Err(refused) if refused.code == Code::RxWarningUnacknowledged => Ok(review.views()),
        Err(refused) if refused.code == Code::RxVetoed => {
            let detail = format!("an allergy was recorded since the approval: {}", refused.detail);
            Err(AppError { code: Code::RxAllergy, detail, ..refused })
        }
        Err(refused) => Err(refused),
    }
}

/// Since when allergies are newer than the approval: some were under way while it was approved, and
/// their time is that of their request.
fn since_approval(issue: &Issue) -> Instant {
    issue.approval.signature.at.plus_minutes(-UNDER_WAY_MINUTES)
}

/// Checks that no hold stops a prescription from being signed.
///
/// # Errors
/// `ENC_RED_FLAG`, with as much of its reason as the caller may know.
pub(super) async fn not_on_hold<E: Executor>(
    platform: &Platform,
    caller: &Caller,
    records: &TenantScope<E>,
    rx: impl Into<Prescribed<'_>>,
) -> AppResult<()> {
    match rx.into().hold(records, HeldAct::Prescribe).await? {
        Some(active) => Err(on_hold(platform, caller, active).await?),
        None => Ok(()),
    }
}
