//! Whether a patient may be treated.

use std::fmt::Display;

use xinglin_domain::{code::Code, id::PatientId, time::Instant};
use xinglin_fhir::person;
use xinglin_platform::{AppResult, document};
use xinglin_store::{Executor, PatientQuery, TenantScope, TenantTx};

/// Checks that something may still be done for a patient. Asked at every act, in its transaction.
///
/// # Errors
/// `PATIENT_DECEASED`, `PATIENT_REPLACED`, `PATIENT_INACTIVE`; `NOT_FOUND` if there is no such
/// patient.
pub async fn treatable<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<()> {
    let person = document::value(&records.get_resource("Patient", &patient.to_string()).await?)?;
    Ok(person::treatable(&person)?)
}

/// Whether a patient has died: nobody reminds them of anything then. No if there is no record of them.
///
/// # Errors
/// If the store fails.
pub async fn has_died<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<bool> {
    match treatable(records, patient).await {
        Err(error) if error.code == Code::PatientDeceased => Ok(true),
        Err(error) if error.code == Code::NotFound || error.code.is_of_patient() => Ok(false),
        living => living.map(|()| false),
    }
}

/// Locks what an act on the patient rests on until the transaction ends: holds, allergies, visits that
/// are stopped, and whether the patient lives.
///
/// # Errors
/// If the store fails.
pub async fn lock(tx: &TenantTx, patient: impl Display + Send) -> AppResult<()> {
    Ok(tx.lock(&format!("safety/{patient}")).await?)
}

/// Whether an allergy of the patient was recorded or changed after a moment.
///
/// # Errors
/// If the store fails.
pub async fn has_new_allergies<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
    since: Instant,
) -> AppResult<bool> {
    const MOST: u32 = 1000;
    let query = PatientQuery {
        patient_id: patient.to_string(),
        kinds: vec!["AllergyIntolerance".to_owned()],
        codes: Vec::new(),
        since: None,
        before: None,
    };
    let allergies = records.list_patient_resources(&query, MOST).await?;
    Ok(allergies.iter().any(|allergy| allergy.last_updated >= since))
}
