//! Holds: while one is active, nothing is prescribed online for the patient.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    enrolment::{Enrolment, HoldRecord},
    id::{HoldId, PatientId},
    pathway::Event,
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_fhir::project;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::{
    consent::{self, RESTRICTED},
    patient, resource,
};
use xinglin_store::{Executor, Hold, TenantScope, TenantTx};

use crate::{
    event,
    pathway::{self, Occasion},
};

/// A doctor's reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Why online prescribing may go on.
    pub reason: String,
}

/// A hold.
#[derive(Serialize, ToSchema)]
pub struct HoldView {
    /// `hold-…`
    #[schema(value_type = String)]
    pub id: HoldId,
    /// For example `critical-glucose`.
    pub code: String,
    /// Whether it is active.
    pub active: bool,
    /// What, why, and the source of the rule.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// A patient's holds.
///
/// # Errors
/// If the caller may not see the patient.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<HoldView>> {
    caller.may_see(patient, "patient", patient)?;
    let mut views = Vec::new();
    for record in of_patient(&platform.records(caller), patient).await? {
        views.push(shown(platform, caller, record).await?);
    }
    Ok(views)
}

/// As with alerts: the hold is visible to all, its reason to those who may read the
/// compartment.
#[boxed]
pub(crate) async fn shown(platform: &Platform, caller: &Caller, record: HoldRecord) -> AppResult<HoldView> {
    let open = consent::may_see_enrolment(platform, caller, record.patient, record.enrolment).await?;
    let mut view = view(record.clone());
    if !open {
        view.code = RESTRICTED.to_owned();
        view.detail = json!({ "id": record.id, "patient": record.patient, "placed": record.placed });
    }
    Ok(view)
}

/// Releases a hold, by a doctor with a written reason, and sends the event to the pathway.
///
/// # Errors
/// If the caller is not a doctor, gives no reason, or the hold was released before.
#[tracing::instrument(target = "xinglin::trace", name = "release_hold", skip_all)]
#[boxed]
pub async fn release(extensions: &Extensions, caller: &Caller, id: HoldId, release: Release) -> AppResult<HoldView> {
    caller.may(Action::ReleaseHold)?;
    let records = extensions.platform.records(caller);
    let of_whom = parse(records.get_hold(id).await?)?.patient;
    let tx = records.begin().await?;
    // It may be made wider, or lifted, by somebody else.
    patient::lock(&tx, of_whom).await?;
    let standing: HoldRecord = parse(tx.get_hold(id).await?)?;
    let lifted = standing.release_by(&caller.actor, release.reason, caller.now)?;
    let Stored::<_, Enrolment> { value: enrolment, .. } = tx.get_document(lifted.enrolment).await?.try_into()?;
    let flag = lift(&tx, &lifted, &caller.actor.account.to_string(), caller.now).await?;
    resource::project(&tx, vec![flag], caller.now).await?;
    let events = enrolment.is_active().then(|| Event::HoldReleased(lifted.hold.code.clone()));
    let kept = event::keep(&tx, lifted.enrolment, events.into_iter().collect(), caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    pathway::tell(extensions, &records, kept, &occasion).await;
    shown(&extensions.platform, caller, lifted).await
}

/// All holds of a patient, also released ones.
pub(crate) async fn of_patient<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
) -> AppResult<Vec<HoldRecord>> {
    records.list_holds(&patient.to_string()).await?.into_iter().map(parse).collect()
}

/// Stores a hold, or makes the active one of its code wider; returns its projection, if it changes. In a transaction
/// that holds the patient's lock.
#[boxed]
pub(crate) async fn place(tx: &TenantTx, hold: HoldRecord) -> AppResult<Option<Value>> {
    let same = |known: &HoldRecord| {
        known.enrolment == hold.enrolment && known.is_active() && known.hold.code == hold.hold.code
    };
    let Some(known) = of_patient(tx, hold.patient).await?.into_iter().find(same) else {
        tx.place_hold(&row(&hold)?).await?;
        return Ok(Some(flag(&hold)));
    };
    let Some(wider) = known.widened(&hold.hold) else { return Ok(None) };
    tx.change_hold(wider.id, &row(&wider)?.body).await?;
    Ok(Some(flag(&wider)))
}

/// Stores the release of a hold; returns its projection.
///
/// # Errors
/// `PATHWAY_STATE` if somebody else was faster.
#[boxed]
pub(crate) async fn lift(tx: &TenantTx, lifted: &HoldRecord, by: &str, now: Instant) -> AppResult<Value> {
    if !tx.release_hold(lifted.id, &row(lifted)?.body, by, now).await? {
        return Err(AppError::new(Code::PathwayState, "the hold was lifted before"));
    }
    Ok(flag(lifted))
}

pub(crate) fn row(record: &HoldRecord) -> AppResult<Hold> {
    Ok(Hold {
        id: record.id,
        patient_id: record.patient.to_string(),
        source: record.enrolment.to_string(),
        code: record.hold.code.clone(),
        body: serde_json::to_value(record).map_err(AppError::internal)?,
        placed_at: record.placed,
        released: None,
    })
}

pub(crate) fn flag(record: &HoldRecord) -> Value {
    project::flag(&project::Hold {
        id: record.id,
        patient: &record.patient.to_string(),
        pathway: &record.enrolment.to_string(),
        code: &record.hold.code,
        reason: &record.hold.reason,
        from: record.placed,
        until: record.released.as_ref().map(|release| release.at),
    })
}

fn parse(row: Hold) -> AppResult<HoldRecord> {
    serde_json::from_value(row.body).map_err(AppError::internal)
}

fn view(record: HoldRecord) -> HoldView {
    HoldView {
        id: record.id,
        code: record.hold.code.clone(),
        active: record.is_active(),
        detail: serde_json::to_value(&record).unwrap_or_default(),
    }
}
