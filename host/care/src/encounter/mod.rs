//! Online visits: request with evidence, the doctor's decision, closing.

mod accept;
mod close;
mod decline;
mod get;
mod request;
mod stop;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    coding::Coding,
    encounter::{Attended, Encounter, FollowUp, Request},
    id::{AccountId, EncounterId, PatientId},
    relation::Guardianship,
    time::Instant,
};
use xinglin_fhir::project;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, acting, boxed,
    document::{Stored, next},
};
use xinglin_records::{patient, resource};
use xinglin_store::{Document, Executor, TenantScope, TenantTx};

use crate::safety;

pub(crate) use self::accept::human;
pub use self::accept::{AcceptVisit, accept};
pub use self::close::{CloseVisit, close};
pub use self::decline::{DeclineVisit, decline};
pub use self::get::get;
pub use self::request::{NewEvidence, RequestVisit, request};
pub(crate) use self::stop::stop_by_pathway;
pub use self::stop::{StopVisit, stop};

/// A visit.
#[derive(Serialize, ToSchema)]
pub struct VisitView {
    /// `enc-…`
    #[schema(value_type = String)]
    pub id: EncounterId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// `REQUESTED`, `ACCEPTED`, `STOPPED` or `CLOSED`.
    pub status: String,
    /// Diagnoses, once a doctor decided.
    #[schema(value_type = Vec<Object>)]
    pub diagnoses: Vec<Coding>,
    /// The whole document.
    #[schema(value_type = Object)]
    pub detail: Value,
}

async fn put(
    platform: &Platform,
    caller: &Caller,
    row: Document<EncounterId>,
    visit: Encounter,
) -> AppResult<VisitView> {
    put_with(platform, caller, row, visit, async |_| Ok(())).await
}

/// As [`put`], with what else must become true in the same transaction.
async fn put_with(
    platform: &Platform,
    caller: &Caller,
    row: Document<EncounterId>,
    visit: Encounter,
    also: impl AsyncFnOnce(&TenantTx) -> AppResult<()>,
) -> AppResult<VisitView> {
    let row = next(row, visit.state().as_str(), &visit, caller.now)?;
    let tx = platform.begin(caller).await?;
    lock(&tx, row.id).await?;
    tx.update_document(&row).await?;
    resource::project(&tx, vec![projection(&visit)], caller.now).await?;
    also(&tx).await?;
    tx.commit().await?;
    view(visit)
}

/// Locks the visit against changes and new messages until the transaction ends.
#[boxed]
pub(crate) async fn lock(tx: &TenantTx, id: EncounterId) -> AppResult<()> {
    Ok(tx.lock(&format!("visit/{id}")).await?)
}

pub(crate) async fn load<E: Executor>(
    records: &TenantScope<E>,
    id: EncounterId,
) -> AppResult<Stored<EncounterId, Encounter>> {
    records.get_document(id).await?.try_into()
}

/// Checks that a visit was not stopped by a danger sign.
///
/// # Errors
/// `ENC_RED_FLAG`.
pub(crate) async fn not_stopped<E: Executor>(records: &TenantScope<E>, id: EncounterId) -> AppResult<()> {
    Ok(load(records, id).await?.value.not_stopped()?)
}

/// Proof that the fee of a visit may be charged to a patient of whom something may still be done.
///
/// # Errors
/// `ENC_FOLLOWUP_UNDECIDED`, `ENC_RED_FLAG`, `ENC_RED_FLAG_OPEN` while a patient in danger waits for a person,
/// `ENC_STATE`; `PATIENT_…`.
pub async fn attended<E: Executor>(records: &TenantScope<E>, id: EncounterId) -> AppResult<Attended> {
    let attended = load(records, id).await?.value.attended()?;
    patient::treatable(records, attended.patient()).await?;
    safety::none_locks(records, attended.patient()).await?;
    Ok(attended)
}

/// As [`attended`], in the transaction that begins to charge it: nobody stops the visit until it ends.
///
/// # Errors
/// As [`attended`].
pub async fn attended_in(tx: &TenantTx, id: EncounterId, of: PatientId) -> AppResult<Attended> {
    patient::lock(tx, of).await?;
    attended(tx, id).await
}

/// The patient of a visit.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn patient_of<E: Executor>(records: &TenantScope<E>, id: EncounterId) -> AppResult<PatientId> {
    Ok(load(records, id).await?.value.patient())
}

/// The treating doctor of a visit, once it was accepted.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn doctor_of<E: Executor>(records: &TenantScope<E>, id: EncounterId) -> AppResult<Option<AccountId>> {
    Ok(load(records, id).await?.value.doctor())
}

/// Proof that a follow-up visit of a patient who may be treated is in progress.
pub(crate) async fn follow_up<E: Executor>(
    records: &TenantScope<E>,
    id: EncounterId,
    now: Instant,
) -> AppResult<FollowUp> {
    let visit = load(records, id).await?.value;
    patient::treatable(records, visit.patient()).await?;
    safety::none_locks(records, visit.patient()).await?;
    let guardian = guardian(records, visit.request(), now).await?;
    Ok(visit.follow_up(guardian, now)?)
}

/// Proof that a patient who needs a guardian has one.
async fn guardian<E: Executor>(
    records: &TenantScope<E>,
    request: &Request,
    now: Instant,
) -> AppResult<Option<Guardianship>> {
    match request.wants_guardian(now) {
        true => acting::guardian_of(records, request.patient, now).await,
        false => Ok(None),
    }
}

fn projection(visit: &Encounter) -> Value {
    use project::EncounterStatus as S;
    let doctor = visit.doctor().map(|doctor| doctor.to_string());
    project::encounter(&project::Encounter {
        id: visit.id(),
        patient: &visit.patient().to_string(),
        doctor: doctor.as_deref(),
        status: match visit {
            Encounter::Requested(_) => S::Waiting,
            Encounter::Accepted(_) => S::InProgress,
            Encounter::Stopped(_) => S::Cancelled,
            Encounter::Closed(_) => S::Finished,
        },
        reasons: visit.accepted().map_or(&[], |accepted| &accepted.decision.diagnoses),
        started: visit.requested_at(),
        ended: match visit {
            Encounter::Closed(visit) => Some(visit.state().at),
            _ => None,
        },
    })
}

fn view(visit: Encounter) -> AppResult<VisitView> {
    Ok(VisitView {
        id: visit.id(),
        patient: visit.patient(),
        status: visit.state().as_str().to_owned(),
        diagnoses: visit.accepted().map(|accepted| accepted.decision.diagnoses.clone()).unwrap_or_default(),
        detail: serde_json::to_value(visit).map_err(AppError::internal)?,
    })
}
