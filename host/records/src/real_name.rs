//! The decision on a patient's real name.

use serde_json::Value;
use xinglin_domain::{
    id::{PatientId, TenantId},
    identity::RealName,
    time::Instant,
};
use xinglin_fhir::person;
use xinglin_platform::{AppError, AppResult, Platform, boxed, document};
use xinglin_store::TenantTx;

/// The decision on a patient's real name.
#[boxed]
pub async fn real_name(platform: &Platform, tenant: TenantId, patient: PatientId) -> AppResult<(RealName, i64)> {
    match platform.store().tenant(tenant).find_real_name(patient).await? {
        Some(row) => Ok((serde_json::from_value(row.body).map_err(AppError::internal)?, row.version)),
        None => Ok((RealName::Unverified, 0)),
    }
}

/// Locks the real name of a patient, so decisions and corrections are serialised.
#[boxed]
pub async fn lock(tx: &TenantTx, patient: PatientId) -> AppResult<()> {
    Ok(tx.lock(&format!("real-name/{patient}")).await?)
}

/// Before a write of a patient: a change of identity data resets the verification.
#[boxed]
pub(crate) async fn corrected(tx: &TenantTx, id: &str, told: &Value, now: Instant) -> AppResult<()> {
    let Ok(patient) = id.parse::<PatientId>() else { return Ok(()) };
    lock(tx, patient).await?;
    let Some(row) = tx.find_real_name(patient).await? else { return Ok(()) };
    let before = document::value(&tx.get_resource("Patient", id).await?)?;
    if person::is_same(&before, told) {
        return Ok(());
    }
    let body = serde_json::to_value(RealName::Unverified).map_err(AppError::internal)?;
    tx.put_real_name(&xinglin_store::RealName { body, updated_at: now, ..row }).await?;
    tracing::info!(tenant = %tx.id(), %patient, "the patient was corrected: the real name is not verified any more");
    Ok(())
}
