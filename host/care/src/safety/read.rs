use xinglin_domain::{id::PatientId, safety::Danger, time::Instant};
use xinglin_fhir::{safety, snapshot};
use xinglin_platform::{AppResult, boxed, document::value};
use xinglin_records::{
    news::{Reading, is_recent, may_be_of_danger},
    patient::current,
};
use xinglin_store::{CodeFilter, PatientQuery, Resource, StoreError, TenantTx};

use super::{Found, of_patient, open};

/// Maximum number of observations that are compared with a new one.
const COMPARED: u32 = 100;

/// Reads an observation, or a response to a questionnaire, that was written: if it says for the first time that the
/// patient is in danger, the contact is opened. What is older than a week is for a clinician to assess, however bad;
/// what is older than some months is history. The same version is read once.
///
/// # Errors
/// If the store fails.
#[boxed]
pub(crate) async fn read(tx: &TenantTx, patient: PatientId, reading: &Reading, now: Instant) -> AppResult<()> {
    if !reading.safety {
        return Ok(());
    }
    let present = match tx.get_resource(&reading.kind, &reading.id).await {
        Ok(present) => present,
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if present.deleted || !safety::is_valid(&value(&present)?) {
        // Entered in error, before anybody was told.
        return Ok(());
    }
    let row = match present.version == reading.version {
        true => present,
        false => tx.get_resource_version(&reading.kind, &reading.id, reading.version).await?,
    };
    let Some(danger) = said(&row)? else { return Ok(()) };
    if row.version > 1 {
        let before = tx.get_resource_version(&reading.kind, &reading.id, row.version - 1).await?;
        if before.patient_id == row.patient_id && !before.deleted && said(&before)? >= Some(danger) {
            return Ok(());
        }
    }
    if is_known(tx, patient, &row, danger).await? {
        tracing::info!(id = row.id, "the record holds this already");
        return Ok(());
    }
    let found_in = format!("{}/{}/_history/{}", reading.kind, row.id, row.version);
    open(tx, patient, Found::danger(danger, found_in), now).await.map(drop)
}

/// The danger that a version told of when it was written.
fn said(row: &Resource) -> AppResult<Option<Danger>> {
    let resource = value(row)?;
    let danger = safety::danger(&resource).filter(|_| may_be_of_danger(&resource, row.last_updated));
    Ok(danger.map(|danger| if is_recent(&resource, row.last_updated) { danger } else { danger.min(Danger::Assess) }))
}

/// Whether the record holds it already under another id: same code and time, no less danger. Of what is recent that
/// counts only while a contact is open because of the other, and if they were written together where only the day is
/// known: one may answer twice on it.
async fn is_known(tx: &TenantTx, whom: PatientId, row: &Resource, danger: Danger) -> AppResult<bool> {
    let resource = value(row)?;
    let Some(observed) = snapshot::observed(&serde_json::Value::Null, &resource) else { return Ok(false) };
    let (Some(effective), Some(patient)) = (observed.observation.effective, &row.patient_id) else {
        return Ok(false);
    };
    let codes = observed.observation.code.iter().flat_map(xinglin_domain::measure::spellings);
    let query = PatientQuery {
        patient_id: patient.clone(),
        kinds: vec!["Observation".into()],
        codes: codes.map(|code| CodeFilter { system: Some(code.system), code: code.code }).collect(),
        since: Some(effective),
        before: Some(Instant::from_micros(effective.micros().saturating_add(1))),
    };
    let recent = is_recent(&resource, row.last_updated);
    let is_day = resource["effectiveDateTime"].as_str().is_some_and(|text| text.len() == "0000-00-00".len());
    let contacts = of_patient(tx, current(tx, whom).await?).await?;
    for other in tx.list_patient_resources(&query, COMPARED).await? {
        let reference = format!("Observation/{}/", other.id);
        let is_followed = contacts.iter().any(|contact| {
            contact.is_open() && contact.findings.iter().any(|finding| finding.found_in.starts_with(&reference))
        });
        let is_same = is_followed && (!is_day || other.last_updated == row.last_updated);
        let is_before = (other.last_updated, &other.id) < (row.last_updated, &row.id);
        if other.id != row.id && (is_same || !recent && is_before) && said(&other)? >= Some(danger) {
            return Ok(true);
        }
    }
    Ok(false)
}
