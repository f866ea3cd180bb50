//! Prescriptions from draft to approval. The rules are in `xinglin_domain::prescription`;
//! these use cases load their inputs and store their results.

mod approve;
mod confirm;
mod discard;
mod draft;
mod get;
mod lines;
mod local_rules;
mod notice;
mod put_local_rules;
mod recheck;
mod reject;
mod required_checkers;
mod review;
mod rewrite;
mod send_back;
mod sign;
mod withdraw;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{PatientId, PrescriptionId},
    prescription::{Event, Medicine, Prescription, Rx, RxStage, RxState},
    review::Found,
    time::Instant,
};
use xinglin_extensions::call::CallView;
use xinglin_fhir::project;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, boxed,
    document::{Stored, next},
};
use xinglin_records::{patient, resource};
use xinglin_store::{Document, Executor, Queue, TenantScope, TenantTx, Work};

use crate::encounter;

use self::lines::{check_products, facts, write_lines};

pub use self::approve::{Approve, approve};
pub use self::confirm::{ConfirmPrescription, confirm};
pub use self::discard::discard;
pub use self::draft::{NewPrescription, draft};
pub use self::get::get;
pub use self::lines::{NewCourse, NewLine};
pub use self::local_rules::{PrescribingRules, local_rules};
pub use self::notice::{Ending, tell_ended};
pub use self::put_local_rules::{NewPrescribingRules, put_local_rules};
pub use self::recheck::{still_checked, still_safe, still_safe_alone_in, still_safe_in};
pub use self::reject::reject;
pub use self::required_checkers::{RequiredCheckers, get_required_checkers, put_required_checkers};
pub use self::rewrite::{Rewrite, rewrite};
pub use self::send_back::send_back;
pub use self::sign::{Sign, sign};
pub use self::withdraw::withdraw;

/// The pharmacist's objection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// The hospital's code for the reason.
    pub code: String,
    /// In words.
    pub text: String,
}

/// A prescription.
#[derive(Serialize, ToSchema)]
pub struct PrescriptionView {
    /// `rx-…`
    #[schema(value_type = String)]
    pub id: PrescriptionId,
    /// State of the machine, for example `PENDING_REVIEW`.
    pub status: String,
    /// Number of amendments.
    pub version: u32,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// End of validity, once signed.
    pub valid_until: Option<String>,
    /// Findings that were acknowledged, or found by the review of this request.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Found>,
    /// The whole document.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

type Row = Stored<PrescriptionId, Prescription>;

/// The prescription in the state that an act requires. If it has expired meanwhile, the expiry
/// is stored first.
pub async fn take<S: RxStage>(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    (event, action): (Event, Action),
) -> AppResult<(Document<PrescriptionId>, Rx<S>)> {
    let (row, value) = take_any(platform, caller, id, action).await?;
    Ok((row, value.expecting::<S>(event)?))
}

/// As [`take`], in whatever state it is.
#[boxed]
pub async fn take_any(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    action: Action,
) -> AppResult<(Document<PrescriptionId>, Prescription)> {
    let records = platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.may_act_on(value.patient(), "prescription", id)?;
    caller.may(action)?;
    match value.expire(caller.now) {
        Err(still_valid) => Ok((row, *still_valid.value)),
        Ok(expired) => match keep_expired(platform, caller, row, expired.into()).await {
            // The job that ends prescriptions was first, or is at it.
            Err(error) if error.code == Code::VersionConflict => {
                let Stored { row, value } = load(&records, id).await?;
                let value = value.expire(caller.now).map_or_else(|still_valid| *still_valid.value, Into::into);
                Ok((row, value))
            }
            kept => kept,
        },
    }
}

async fn keep_expired(
    platform: &Platform,
    caller: &Caller,
    row: Document<PrescriptionId>,
    expired: Prescription,
) -> AppResult<(Document<PrescriptionId>, Prescription)> {
    let row = next(row, expired.state().as_str(), &expired, caller.now)?;
    let tx = platform.begin(caller).await?;
    tx.update_document(&row).await?;
    resource::project(&tx, requests(&expired), caller.now).await?;
    watch(&tx, &expired).await?;
    tell_ended(&tx, (expired.id(), expired.patient()), (Ending::Expired, None), caller.now).await?;
    tx.commit().await?;
    Ok((row, expired))
}

/// Writes the next state with its projection, and what else must become true
/// in the same transaction.
pub async fn put_next(
    platform: &Platform,
    caller: &Caller,
    row: Document<PrescriptionId>,
    rx: Prescription,
    also: impl AsyncFnOnce(&TenantTx) -> AppResult<()>,
) -> AppResult<PrescriptionView> {
    let tx = platform.begin(caller).await?;
    // The patient before the prescription, as everywhere.
    patient::lock(&tx, rx.patient()).await?;
    put(&tx, row, &rx, caller.now).await?;
    also(&tx).await?;
    tx.commit().await?;
    view(rx, Vec::new(), Vec::new())
}

/// Stores the next state of a prescription with its projection.
#[boxed]
pub async fn put(tx: &TenantTx, row: Document<PrescriptionId>, rx: &Prescription, now: Instant) -> AppResult<()> {
    tx.update_document(&next(row, rx.state().as_str(), rx, now)?).await?;
    let mut projections = requests(rx);
    projections.extend(dispenses(rx));
    resource::project(tx, projections, now).await?;
    watch(tx, rx).await
}

/// Schedules the end of the prescription's state, if it ends by itself.
pub(super) async fn watch(tx: &TenantTx, rx: &Prescription) -> AppResult<()> {
    match rx.ends() {
        Some(at) => tx.put_work(&[Work::new(Queue::Prescription, rx.id(), rx.id(), at)]).await?,
        None => tx.drop_work(Queue::Prescription, &rx.id().to_string()).await?,
    }
    Ok(())
}

/// Whether a prescription can never be used any more, though its time is not over: its visit was
/// stopped, or nothing more may be done for the patient.
///
/// # Errors
/// If the store fails.
pub async fn is_void<E: Executor>(records: &TenantScope<E>, rx: &Prescription) -> AppResult<bool> {
    let refused = match patient::treatable(records, rx.patient()).await {
        Ok(()) => encounter::not_stopped(records, rx.encounter()).await,
        refused => refused,
    };
    match refused {
        Ok(()) => Ok(false),
        Err(error) if error.code == Code::EncRedFlag || error.code.is_of_patient() => Ok(true),
        Err(error) => Err(error),
    }
}

/// A prescription with its row.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn load<E: Executor>(records: &TenantScope<E>, id: PrescriptionId) -> AppResult<Row> {
    records.get_document(id).await?.try_into()
}

fn requests(rx: &Prescription) -> Vec<Value> {
    use RxState as S;
    use project::RequestStatus as R;
    project::medication_requests(&project::Prescription {
        id: rx.id(),
        patient: &rx.patient().to_string(),
        encounter: rx.encounter(),
        prescriber: &rx.prescriber().to_string(),
        order: &rx.sheet().order(),
        status: match rx.state() {
            S::Draft => R::Draft,
            S::PendingReview | S::Returned => R::OnHold,
            S::Effective | S::Reserved => R::Active,
            S::Dispensed | S::Shipped | S::Delivered | S::Closed => R::Completed,
            S::Cancelled | S::Rejected => R::Cancelled,
            S::Expired | S::Refunded => R::Stopped,
        },
        authored: rx.signing().map_or(rx.created(), |signing| signing.signature.at),
        valid_until: rx.valid_until(),
    })
}

fn dispenses(rx: &Prescription) -> Vec<Value> {
    let Some(supplied) = rx.supplied() else { return Vec::new() };
    let days = |medicine: &Medicine| supplied.days(medicine);
    let lines: Vec<_> = rx.sheet().medicines.iter().map(|medicine| (&medicine.line, days(medicine))).collect();
    let lines: Vec<_> = lines.into_iter().filter(|(_, days)| *days > 0).collect();
    let (prepared, checked) = (supplied.dispensing.prepared_by.to_string(), supplied.dispensing.checked_by.to_string());
    project::medication_dispenses(&project::Dispense {
        prescription: rx.id(),
        patient: &rx.patient().to_string(),
        lines: &lines,
        pharmacists: &[&prepared, &checked],
        prepared: supplied.dispensing.at,
        handed_over: match rx {
            Prescription::Delivered(rx) => Some(rx.state().receipt.at),
            Prescription::Closed(rx) => Some(rx.state().receipt.at),
            _ => None,
        },
        returned: rx.state() == RxState::Refunded,
    })
}

fn view(rx: Prescription, findings: Vec<Found>, calls: Vec<CallView>) -> AppResult<PrescriptionView> {
    let mut view = PrescriptionView {
        id: rx.id(),
        status: rx.state().as_str().to_owned(),
        version: rx.version(),
        patient: rx.patient(),
        valid_until: rx.valid_until().map(|until| until.to_string()),
        findings,
        detail: serde_json::to_value(rx).map_err(AppError::internal)?,
        calls,
    };
    // Told to the patient, whom it proves to be the receiver.
    if let Some(code) = view.detail.pointer_mut("/shipped/state/shipment/code") {
        *code = Value::Null;
    }
    Ok(view)
}
