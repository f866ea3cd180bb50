//! Whether a patient may be treated.

use std::fmt::Display;

use serde_json::Value;
use xinglin_domain::{code::Code, id::PatientId, time::Instant};
use xinglin_fhir::person;
use xinglin_platform::{AppResult, document};
use xinglin_store::{Executor, PatientQuery, StoreError, TenantScope, TenantTx};

/// Checks that something may still be done for a patient. Asked at every act, in its transaction.
///
/// # Errors
/// `PATIENT_DECEASED`, `PATIENT_REPLACED`, `PATIENT_INACTIVE`; `NOT_FOUND` if there is no such
/// patient.
pub async fn treatable<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<()> {
    let person = document::value(&records.get_resource("Patient", &patient.to_string()).await?)?;
    Ok(person::treatable(&person)?)
}

/// Whether something may still be done for a patient; not if there is no record of them.
///
/// # Errors
/// If the store fails, which says nothing about the patient.
pub async fn is_treatable<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<bool> {
    match treatable(records, patient).await {
        Err(error) if error.code == Code::NotFound || error.code.is_of_patient() => Ok(false),
        living => living.map(|()| true),
    }
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

/// The record that stands for a patient now: what theirs was replaced by, if it was.
///
/// # Errors
/// If the store fails.
pub async fn current<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<PatientId> {
    Ok(follow(records, patient).await?.0)
}

/// The same, with its resource, if there is one.
async fn follow<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<(PatientId, Option<Value>)> {
    let (mut current, mut person) = (patient, resource_of(records, patient).await?);
    // Each was replaced by the next; a ring ends somewhere.
    for _ in 0..MOST_MERGES {
        let next = person.iter().flat_map(|person| person::linked(person, "replaced-by"));
        let Some(next) = next.filter_map(|id| id.parse().ok()).next() else { break };
        let Some(replacing) = resource_of(records, next).await? else { break };
        (current, person) = (next, Some(replacing));
    }
    Ok((current, person))
}

/// All records of one person, as far as they name each other: this one, what it was replaced by, and what that
/// replaces.
///
/// # Errors
/// If the store fails.
pub async fn records_of<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<Vec<PatientId>> {
    let (current, person) = follow(records, patient).await?;
    let replaced = person.iter().flat_map(|person| person::linked(person, "replaces"));
    let mut all: Vec<PatientId> = replaced.filter_map(|id| id.parse().ok()).take(MOST_MERGES).collect();
    all.extend([patient, current]);
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Most records that are followed from one to the next.
const MOST_MERGES: usize = 8;

async fn resource_of<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<Option<Value>> {
    match records.get_resource("Patient", &patient.to_string()).await {
        Ok(person) => Ok(Some(document::value(&person)?)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
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
