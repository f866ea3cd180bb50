//! A patient is erased, once nothing of theirs must be kept any longer. What is left is
//! the trail, with an id that leads nowhere, the books of account, which name nobody, and
//! the note that it was done.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    id::{PatientId, TenantId},
    retention::{Kept, LastKept},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, standing};
use xinglin_store::{Executor, Tenant, TenantScope};

use crate::blob;

/// What keeps a patient's record, and what would go with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetentionView {
    /// Whose.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// What must be kept until when, the last first; what has had its time, too.
    pub kept: Vec<KeptView>,
    /// From when on the patient may be erased (RFC 3339); at once if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_from: Option<String>,
    /// Whether that is now.
    pub allowed: bool,
    /// Calls about the patient that are still on tape. They are purged with all that are
    /// as old (`xinglin audit purge`), before the patient is erased.
    pub tapes: i64,
    /// How many rows of what there are.
    pub rows: BTreeMap<String, i64>,
    /// When the patient was erased before (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
}

/// Something that must be kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeptView {
    /// `outpatient-record`, `conversation` or `prescription-sale`.
    pub what: &'static str,
    /// For how many years from the last entry.
    pub years: i16,
    /// Until when (RFC 3339).
    pub until: String,
}

/// That a patient was erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureView {
    /// Whose id leads nowhere now.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// When (RFC 3339).
    pub at: String,
    /// How many rows of what went.
    pub rows: BTreeMap<String, i64>,
    /// How many accounts were closed for good.
    pub accounts: u64,
    /// How many attachments' bytes are gone from the disk.
    pub files: u64,
}

/// What keeps a patient's record, and what would go if they were erased.
///
/// # Errors
/// If the caller may not.
pub async fn retention_of(
    platform: &Platform,
    caller: &Caller,
    tenant: TenantId,
    patient: PatientId,
) -> AppResult<RetentionView> {
    caller.may_in(tenant, Action::PurgeRecords)?;
    caller.trail.saw(patient);
    let records = platform.store().tenant(tenant);
    let id = patient.to_string();
    let last = records.last_kept(&id).await?;
    let holds = last.holds();
    Ok(RetentionView {
        patient,
        allowed_from: holds.first().map(|(_, until)| until.to_string()),
        allowed: last.may_erase(caller.now).is_ok(),
        kept: holds.into_iter().map(view).collect(),
        tapes: records.count_tapes_about(&id).await?,
        rows: records.count_of_patient(&id).await?,
        erased: records.find_erasure(&id).await?.map(|erasure| erasure.at.to_string()),
    })
}

/// Patients of a tenant whose time has come, by id.
///
/// # Errors
/// If the caller may not.
pub async fn list_erasable(platform: &Platform, caller: &Caller, tenant: TenantId) -> AppResult<Vec<PatientId>> {
    const PIECE: u32 = 500;
    caller.may_in(tenant, Action::PurgeRecords)?;
    let records = platform.store().tenant(tenant);
    let before = caller.now.minus_years(Kept::OutpatientRecord.years());
    let (mut after, mut due) = (String::new(), Vec::new());
    loop {
        let piece = records.list_untouched(before, &after, PIECE).await?;
        let Some(last) = piece.last() else { return Ok(due) };
        after.clone_from(last);
        for id in piece {
            if records.last_kept(&id).await?.may_erase(caller.now).is_ok()
                && let Ok(patient) = id.parse()
            {
                due.push(patient);
            }
        }
    }
}

/// Erases a patient: their keys are destroyed and with them who they are, in every
/// version and every backup; their rows, what those are found by and their
/// attachments go; accounts that were theirs alone are closed.
///
/// # Errors
/// `RETENTION_HOLD` if something must still be kept, with the day from which on it
/// need not; `PRECONDITION_FAILED` if calls about them are still on tape; `NOT_FOUND`
/// if there is nobody to erase.
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
    let before = caller.now.minus_years(Kept::OutpatientRecord.years());
    let erasure = tx.erase_patient(&id, before, &caller.actor.account.to_string(), caller.now).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    let files = remove_files(platform, &records).await?;
    tracing::info!(%tenant, %patient, accounts, files, "a patient was erased");
    Ok(ErasureView { patient, at: erasure.at.to_string(), rows: erasure.rows, accounts, files })
}

/// Takes bytes off the disk that whoever erased a patient did not come to.
pub async fn finish(platform: &Platform) -> AppResult<()> {
    for tenant in platform.store().operator().list_unfinished_erasures().await? {
        remove_files(platform, &platform.store().tenant(tenant)).await?;
    }
    Ok(())
}

async fn remove_files(platform: &Platform, records: &Tenant) -> AppResult<u64> {
    let mut removed = 0;
    for sha256 in records.list_erased_files().await? {
        // What another patient sent too stays, as theirs.
        if !records.has_blob_of(&sha256).await? {
            let path = blob::path(records.id(), &sha256);
            platform.blobs().remove_file(path).await.map_err(AppError::internal)?;
            removed += 1;
        }
        let tx = records.begin().await?;
        tx.forget_erased_file(&sha256).await?;
        tx.commit().await?;
    }
    Ok(removed)
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

fn view((kept, until): (Kept, xinglin_domain::time::Instant)) -> KeptView {
    KeptView { what: kept.as_str(), years: kept.years(), until: until.to_string() }
}
