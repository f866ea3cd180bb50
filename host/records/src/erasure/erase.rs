use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    id::{PatientId, TenantId},
    retention::{Kept, LastKept},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, standing};
use xinglin_store::{Executor, TenantScope};

use super::remove_files;
use crate::reminder;

/// Result of an erasure.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureView {
    /// The patient's former id.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// When (RFC 3339).
    pub at: String,
    /// Number of deleted rows by kind.
    pub rows: BTreeMap<String, i64>,
    /// Number of closed accounts.
    pub accounts: u64,
    /// Number of attachments deleted from disk.
    pub files: u64,
}

/// Erases a patient: destroys their keys, which makes identity data unreadable in every
/// version and backup; deletes their rows, index entries and attachments; closes accounts that
/// belonged to them only.
///
/// # Errors
/// `RETENTION_HOLD` if a retention period has not ended, with its end; `PRECONDITION_FAILED`
/// if there are still tapes about them; `NOT_FOUND`
/// if there is nobody to erase.
#[boxed]
pub async fn erase(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<ErasureView> {
    caller.may_in(tenant, Action::PurgeRecords)?;
    caller.trail.saw(patient);
    let (records, id) = (platform.store().tenant(tenant), patient.to_string());
    let tx = records.begin().await?;
    // As it is now that nobody erases them beside.
    tx.lock(&format!("erasure/{id}")).await?;
    // Before their rows, as who reminds them: both would lock them in opposite orders.
    reminder::lock(&tx, &id).await?;
    may_go(&tx, &id, tx.last_kept(&id).await?, caller).await?;
    let mut accounts = 0;
    for row in tx.list_accounts_of(&id).await? {
        if standing::actor(&row)?.roles.iter().all(|role| *role == Role::Patient) {
            tx.forget_account(row.id, caller.now).await?;
            accounts += 1;
        } else {
            // Somebody who works here, too.
            let mut standing = standing::standing(&row)?;
            standing.patients.clear();
            let credential = Some(serde_json::to_value(standing).map_err(AppError::internal)?);
            let row = xinglin_store::Account { person_ref: None, credential, updated_at: caller.now, ..row };
            tx.update_account(&row).await?;
        }
    }
    let erasure = tx.erase_patient(&id, &caller.actor.account.to_string(), caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    let files = remove_files(platform, &records).await?;
    tracing::info!(%tenant, %patient, accounts, files, "a patient was erased");
    Ok(ErasureView { patient, at: erasure.at.to_string(), rows: erasure.rows, accounts, files })
}

async fn may_go<E: Executor>(records: &TenantScope<E>, id: &str, last: LastKept, caller: &Caller) -> AppResult<()> {
    last.may_erase(caller.now)
        .map_err(|hold| AppError::new(hold.code(), hold.to_string()).with("allowed_from", hold.from.to_string()))?;
    let tapes = records.count_tapes_about(id).await?;
    if tapes > 0 {
        let before = caller.now.minus_years(Kept::OutpatientRecord.years());
        let detail = format!("{tapes} calls about them are on tape: purge what is older than {before} first");
        return Err(AppError::new(Code::PreconditionFailed, detail).with("tapes", tapes));
    }
    if records.count_of_patient(id).await?.is_empty() {
        return Err(AppError::not_found("patient", id));
    }
    Ok(())
}
