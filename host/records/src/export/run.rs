use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use xinglin_domain::{
    audit::{Access, Act},
    id::{ExportId, PatientId},
};
use xinglin_platform::{AppError, AppResult, Platform, acting, boxed, work};
use xinglin_store::{Export, ExportState, Queue, RecordQuery, Resource, StoreError, Work};

use super::{DELETED, Job, Output, body, folder, may_export};
use crate::consent;

/// Entries read in one batch.
const PAGE: u32 = 500;

/// Maximum number of attempts.
const MOST_TRIES: i64 = 3;

/// Retention of the files.
const KEPT_SECONDS: i64 = 24 * 3600;

/// Maximum number of patients remembered as audited; beyond that, a patient may be audited
/// twice.
const MOST_NAMED: usize = 100_000;

/// Why an attempt ended without files.
enum Ended {
    /// It was cancelled, or another host took it over.
    Overtaken,
    Failed(AppError),
}

impl From<AppError> for Ended {
    fn from(error: AppError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Deletes expired exports and their files.
///
/// # Errors
/// If the store or the disk fails.
#[boxed]
pub async fn forget_ended(platform: &Platform) -> AppResult<()> {
    for ended in platform.store().operator().list_ended_exports(platform.now(), 100).await? {
        // The files first: a row that is left leads here again.
        platform.exports().remove(format!("{}/{}", ended.tenant, ended.id)).await.map_err(AppError::internal)?;
        let tx = platform.store().tenant(ended.tenant).begin().await?;
        tx.delete_export(ended.id).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Makes an export.
///
/// # Errors
/// If it fails, and is to be tried again.
#[boxed]
pub async fn run(platform: &Platform, work: Work) -> AppResult<()> {
    let records = platform.store().tenant(work.tenant);
    let id: ExportId = work.id.parse().map_err(AppError::internal)?;
    let tx = records.begin().await?;
    let mine = tx.put_off_work(&work, work::lease(Queue::Export, platform.now())).await?;
    tx.commit().await?;
    if !mine {
        // Called off, or another host's by now: its files are left alone.
        return Ok(());
    }
    let mut export = Export { attempts: work.attempts, ..records.get_export(id).await? };
    let mut job = Job::deserialize(&export.body).map_err(AppError::internal)?;
    match write_files(platform, &work, &mut export, &mut job).await {
        Ok(()) => export.state = ExportState::Done,
        Err(Ended::Overtaken) => {
            platform.exports().remove(folder(&export)).await.map_err(AppError::internal)?;
            return Ok(());
        }
        Err(Ended::Failed(error)) => {
            let lasting = error.code.class().status() < 500;
            if !lasting && export.attempts < MOST_TRIES {
                return Err(error);
            }
            tracing::error!(export = %export.id, attempt = export.attempts, %error, "an export failed");
            export.state = ExportState::Failed;
            job.output.clear();
            job.error = Some(error.code.to_string());
        }
    }
    export.ends_at = Some(platform.now().plus_seconds(KEPT_SECONDS));
    export.body = body(&job)?;
    let tx = records.begin().await?;
    let counts = tx.finish_work(&work).await? && tx.note_export(&export).await?;
    tx.commit().await?;
    if !counts || export.state == ExportState::Failed {
        platform.exports().remove(folder(&export)).await.map_err(AppError::internal)?;
    }
    tracing::info!(export = %export.id, state = export.state.as_str(), "an export ended");
    Ok(())
}

/// One attempt, from the beginning.
async fn write_files(platform: &Platform, work: &Work, export: &mut Export, job: &mut Job) -> Result<(), Ended> {
    let files = |error: std::io::Error| Ended::Failed(AppError::internal(error));
    (job.output, job.deleted) = (Vec::new(), 0);
    platform.exports().remove(format!("{}/{}", export.tenant, export.id)).await.map_err(files)?;
    platform.exports().make(folder(export)).await.map_err(files)?;
    let mut types = platform.store().tenant(export.tenant).list_resource_types().await?;
    types.retain(|kind| job.types.is_empty() || job.types.contains(kind));
    let mut named: BTreeSet<PatientId> = BTreeSet::new();
    for kind in types {
        let count = write_pages(platform, (work, export), job, &mut named, &kind, false).await?;
        if count > 0 {
            job.output.push(Output { kind: kind.clone(), count });
        }
        // Who has what was there before is told what is there no more.
        if job.since.is_some() {
            job.deleted += write_pages(platform, (work, export), job, &mut named, &kind, true).await?;
        }
    }
    Ok(())
}

/// Writes the resources, or deletions, of one type; returns their number.
async fn write_pages(
    platform: &Platform,
    (work, export): (&Work, &mut Export),
    job: &mut Job,
    named: &mut BTreeSet<PatientId>,
    kind: &str,
    deleted: bool,
) -> Result<u64, Ended> {
    let records = platform.store().tenant(export.tenant);
    let name = if deleted { DELETED } else { kind };
    let kinds = vec![kind.to_owned()];
    let query = RecordQuery { kinds, updated_from: job.since, deleted, ..RecordQuery::default() };
    let (mut after, mut count) = (None::<String>, 0);
    loop {
        let page = records.list_record(&query, after.as_deref().map(|id| (kind, id)), PAGE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.id.clone());
        // As they are now, each time: who is suspended meanwhile gets no more.
        let caller = acting::acting(platform, export.tenant, export.account).await?;
        may_export(&caller)?;
        let mut page = consent::exportable(&records, &caller, kind, page).await?;
        page.retain(|resource| resource.patient_id.is_some() || !job.of_patients);
        let lines = if deleted { deletions(&page) } else { lines(&page) };
        count += page.len() as u64;
        job.progress = format!("{name}: {count}");
        if !page.is_empty() {
            let path = format!("{}/{name}.ndjson", folder(export));
            platform.exports().append(path, lines).await.map_err(AppError::internal)?;
        }
        let mut patients: BTreeSet<PatientId> =
            page.iter().filter_map(|resource| resource.patient_id.as_deref()?.parse().ok()).collect();
        patients.retain(|patient| !named.contains(patient));
        if named.len() + patients.len() > MOST_NAMED {
            named.clear();
        }
        named.extend(&patients);
        let now = platform.now();
        let tx = records.begin().await?;
        export.body = body(job)?;
        if !tx.put_off_work(work, work::lease(Queue::Export, now)).await? || !tx.note_export(export).await? {
            return Err(Ended::Overtaken);
        }
        if !patients.is_empty() {
            let access = caller.access(Act::Disclose, patients, format!("$export {}", export.id));
            tx.append_audit(&[Access { at: now, ..access }]).await?;
        }
        tx.commit().await?;
        if platform.tasks().token().is_cancelled() {
            work::postpone(&records, work, platform.now()).await?;
            return Err(Ended::Overtaken);
        }
    }
}

/// One resource a line.
fn lines(page: &[Resource]) -> Vec<u8> {
    let mut lines = Vec::new();
    for resource in page {
        lines.extend_from_slice(resource.body.get().as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// One bundle of deletions.
fn deletions(page: &[Resource]) -> Vec<u8> {
    let delete = |Resource { kind, id, .. }: &Resource| json!({ "request": { "method": "DELETE", "url": format!("{kind}/{id}") } });
    let entries: Vec<Value> = page.iter().map(delete).collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    format!("{bundle}\n").into_bytes()
}
