//! The record in bulk, as files of one type each (FHIR Bulk Data Access). What goes out
//! is decided entry by entry, as for any disclosure, and who it is about is written down
//! before a file can be fetched.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use xinglin_domain::{
    access::Action,
    audit::{Access, Act},
    code::Code,
    id::{ExportId, PatientId},
    scope::Right,
    time::Instant,
};
use xinglin_fhir::is_type_name;
use xinglin_platform::{AppError, AppResult, Caller, Platform, acting, ambient};
use xinglin_store::{Export, ExportState, RecordQuery, Resource, StoreError};

use crate::consent;

/// How many entries are read at once.
const PAGE: u32 = 500;

/// For how long a try keeps others away without a word. Whoever dies over it frees it so.
const LEASE_SECONDS: i64 = 60;

/// How often an export is tried.
const MOST_TRIES: i64 = 3;

/// How many exports of one hospital may wait or run.
const MOST_OPEN: i64 = 4;

/// How long the files are kept.
const KEPT_SECONDS: i64 = 24 * 3600;

/// Name of the file of deletions: no type begins with a small letter.
const DELETED: &str = "deleted";

/// How many patients are remembered as named in the trail; beyond that, one may be
/// named again.
const MOST_NAMED: usize = 100_000;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct AskExport {
    /// Only what belongs to the record of a patient.
    pub of_patients: bool,
    /// Parameters of the URL.
    pub parameters: Vec<(String, String)>,
    /// Whether a parameter that is not known is passed over.
    pub lenient: bool,
    /// Path below the server's base, with the query.
    pub request: String,
}

/// How far an export is.
#[derive(Debug)]
pub enum ExportStatus {
    /// What it is at.
    Running(String),
    /// What there is to be fetched, and until when.
    Done(Value, Instant),
}

/// What is kept of an export.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Job {
    request: String,
    of_patients: bool,
    types: Vec<String>,
    since: Option<Instant>,
    /// All that was written up to then is in it.
    as_of: Instant,
    progress: String,
    output: Vec<Output>,
    /// How many deletions there are, in a file of their own.
    deleted: u64,
    /// Why nothing came of it.
    error: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Output {
    kind: String,
    count: u64,
}

/// Why a try ended without files.
enum Ended {
    /// It was called off, or somebody else is at it.
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

/// Asks for an export; it is made in the background.
///
/// # Errors
/// `AUTH_FORBIDDEN`; `BODY_INVALID`, naming the parameter; `RATE_LIMITED` if enough
/// of them wait.
pub async fn start(platform: &Platform, caller: &Caller, ask: AskExport) -> AppResult<ExportId> {
    may_export(caller)?;
    caller.trail.asked();
    let mut job = Job {
        request: ask.request,
        of_patients: ask.of_patients,
        types: Vec::new(),
        since: None,
        // What is being written at this moment may say an earlier time and be there
        // only later: it is in the next export.
        as_of: caller.now.plus_seconds(-i64::try_from(platform.config().request_timeout_seconds).unwrap_or(60)),
        progress: "waiting".to_owned(),
        output: Vec::new(),
        deleted: 0,
        error: None,
    };
    for (name, value) in &ask.parameters {
        read_parameter(&mut job, name, value, ask.lenient)?;
    }
    let export = Export {
        tenant: caller.actor.tenant,
        id: ExportId::from_u128(ambient::fresh_id()),
        account: caller.actor.account,
        state: ExportState::Open,
        body: body(&job)?,
        attempts: 0,
        ends_at: None,
        created_at: caller.now,
    };
    let tx = platform.begin(caller).await?;
    tx.lock("export").await?;
    if tx.count_open_exports().await? >= MOST_OPEN {
        let detail = format!("{MOST_OPEN} exports wait or run already; fetch or cancel one of them");
        return Err(AppError::new(Code::RateLimited, detail));
    }
    tx.insert_export(&export).await?;
    caller.write_trail(&tx).await?;
    tx.commit().await?;
    Ok(export.id)
}

/// How far an export of the caller's is. `base` is where the server is, for links.
///
/// # Errors
/// `NOT_FOUND` if there is none of theirs, or its files are not kept any more;
/// `INTERNAL` or what else it failed with.
pub async fn status(platform: &Platform, caller: &Caller, id: ExportId, base: &str) -> AppResult<ExportStatus> {
    let (export, job) = own(platform, caller, id).await?;
    match export.state {
        ExportState::Open => Ok(ExportStatus::Running(job.progress)),
        ExportState::Failed => {
            let reason = job.error.unwrap_or_default();
            Err(AppError::new(Code::Internal, format!("the export failed: {reason}; ask for it again")))
        }
        ExportState::Done | ExportState::Cancelled => {
            let file = |Output { kind, count }: &Output| {
                let url = format!("{base}/$export-status/{id}/{kind}.ndjson");
                json!({ "type": kind, "url": url, "count": count })
            };
            let deleted = Output { kind: DELETED.to_owned(), count: job.deleted };
            let deleted: Vec<Value> = (job.deleted > 0).then(|| file(&deleted)).into_iter().collect();
            let mut manifest = json!({
                "transactionTime": job.as_of.to_string(),
                "request": format!("{base}{}", job.request),
                "requiresAccessToken": true,
                "output": job.output.iter().map(file).collect::<Vec<_>>(),
                "deleted": deleted,
                "error": [],
            });
            if let Some(deleted) = manifest.pointer_mut("/deleted/0/type") {
                *deleted = "Bundle".into();
            }
            Ok(ExportStatus::Done(manifest, export.ends_at.unwrap_or(caller.now)))
        }
    }
}

/// One file of an export of the caller's, and its length.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn file(platform: &Platform, caller: &Caller, id: ExportId, name: &str) -> AppResult<(tokio::fs::File, u64)> {
    let (export, job) = own(platform, caller, id).await?;
    let kind = name.strip_suffix(".ndjson").unwrap_or_default();
    let made = (kind == DELETED && job.deleted > 0) || job.output.iter().any(|output| output.kind == kind);
    if export.state != ExportState::Done || !made {
        return Err(AppError::not_found("file", name));
    }
    platform.exports().read(format!("{}/{kind}.ndjson", folder(&export))).await.map_err(AppError::internal)
}

/// Calls an export of the caller's off, or gives its files up.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn cancel(platform: &Platform, caller: &Caller, id: ExportId) -> AppResult<()> {
    own(platform, caller, id).await?;
    let tx = platform.begin(caller).await?;
    tx.cancel_export(id, caller.now).await?;
    caller.write_trail(&tx).await?;
    Ok(tx.commit().await?)
}

async fn own(platform: &Platform, caller: &Caller, id: ExportId) -> AppResult<(Export, Job)> {
    caller.trail.asked();
    may_export(caller)?;
    let export = platform.records(caller).get_export(id).await?;
    let kept = export.state != ExportState::Cancelled && export.ends_at.is_none_or(|end| caller.now < end);
    if export.account != caller.actor.account || !kept {
        return Err(AppError::not_found("export", id));
    }
    let job = Job::deserialize(&export.body).map_err(AppError::internal)?;
    Ok((export, job))
}

/// Makes the export that has waited longest, if there is one, and forgets those that
/// are not kept any longer.
///
/// # Errors
/// If the store fails; an export that fails is tried again.
pub async fn run_due(platform: &Platform) -> AppResult<()> {
    let now = platform.now();
    for ended in platform.store().operator().list_ended_exports(now, 100).await? {
        // The files first: a row that is left leads here again.
        platform.exports().remove(format!("{}/{}", ended.tenant, ended.id)).await.map_err(AppError::internal)?;
        let tx = platform.store().tenant(ended.tenant).begin().await?;
        tx.delete_export(ended.id).await?;
        tx.commit().await?;
    }
    let tx = platform.store().operator().begin().await?;
    let claimed = tx.claim_export(now, now.plus_seconds(LEASE_SECONDS)).await?;
    tx.commit().await?;
    let Some(mut export) = claimed else { return Ok(()) };
    platform.meter().claimed("export", 1);
    let mut job = Job::deserialize(&export.body).map_err(AppError::internal)?;
    match write_files(platform, &export, &mut job).await {
        Ok(()) => export.state = ExportState::Done,
        Err(Ended::Overtaken) => {
            platform.exports().remove(folder(&export)).await.map_err(AppError::internal)?;
            return Ok(());
        }
        Err(Ended::Failed(error)) => {
            tracing::error!(export = %export.id, attempt = export.attempts, %error, "an export failed");
            let lasting = error.code.class().status() < 500;
            if !lasting && export.attempts < MOST_TRIES {
                return Ok(());
            }
            export.state = ExportState::Failed;
            job.output.clear();
            job.error = Some(error.code.to_string());
        }
    }
    export.ends_at = Some(platform.now().plus_seconds(KEPT_SECONDS));
    export.body = body(&job)?;
    let tx = platform.store().tenant(export.tenant).begin().await?;
    let counts = tx.finish_export(&export).await?;
    tx.commit().await?;
    if !counts || export.state == ExportState::Failed {
        platform.exports().remove(folder(&export)).await.map_err(AppError::internal)?;
    }
    tracing::info!(export = %export.id, state = export.state.as_str(), "an export ended");
    Ok(())
}

/// One try, from the beginning.
async fn write_files(platform: &Platform, export: &Export, job: &mut Job) -> Result<(), Ended> {
    let files = |error: std::io::Error| Ended::Failed(AppError::internal(error));
    (job.output, job.deleted) = (Vec::new(), 0);
    platform.exports().remove(format!("{}/{}", export.tenant, export.id)).await.map_err(files)?;
    platform.exports().make(folder(export)).await.map_err(files)?;
    let mut types = platform.store().tenant(export.tenant).list_resource_types().await?;
    types.retain(|kind| job.types.is_empty() || job.types.contains(kind));
    let mut named: BTreeSet<PatientId> = BTreeSet::new();
    for kind in types {
        let count = write_pages(platform, export, job, &mut named, &kind, false).await?;
        if count > 0 {
            job.output.push(Output { kind: kind.clone(), count });
        }
        // Who has what was there before is told what is there no more.
        if job.since.is_some() {
            job.deleted += write_pages(platform, export, job, &mut named, &kind, true).await?;
        }
    }
    Ok(())
}

/// What there is of one type, or what was deleted of it; how much went out.
async fn write_pages(
    platform: &Platform,
    export: &Export,
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
        if !tx.note_export(export.id, export.attempts, &body(job)?, now.plus_seconds(LEASE_SECONDS)).await? {
            return Err(Ended::Overtaken);
        }
        if !patients.is_empty() {
            let access = caller.access(Act::Disclose, patients, format!("$export {}", export.id));
            tx.append_audit(&[Access { at: now, ..access }]).await?;
        }
        tx.commit().await?;
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

/// Whether the caller may take the record out, whatever their token was checked for.
fn may_export(caller: &Caller) -> AppResult<()> {
    caller.may(Action::ExportRecords)?;
    caller.may(Action::ReadRecords)?;
    let scopes = caller.bounds.wide_scopes();
    let all = |right| scopes.as_ref().is_none_or(|scopes| scopes.allow_all(right));
    match all(Right::Read) && all(Right::Search) {
        true => Ok(()),
        false => Err(AppError::new(Code::AuthForbidden, "an export takes system/*.rs")),
    }
}

fn read_parameter(job: &mut Job, name: &str, value: &str, lenient: bool) -> AppResult<()> {
    let wrong = |what: &str| Err(AppError::new(Code::BodyInvalid, format!("`{name}` {what}")).with("parameter", name));
    match name {
        "_outputFormat" => {
            // A plus sign that was not escaped has become a space.
            let known = ["application/fhir+ndjson", "application/ndjson", "ndjson"];
            if !known.contains(&value.replace(' ', "+").as_str()) {
                return wrong("must be application/fhir+ndjson");
            }
        }
        "_since" => job.since = Some(AppError::time(name, value)?),
        "_type" => {
            for kind in value.split(',').filter(|kind| !kind.is_empty()) {
                if !is_type_name(kind) {
                    return wrong("must be types of resources");
                }
                job.types.push(kind.to_owned());
            }
        }
        "_format" => {}
        _ if lenient => {}
        _ => return wrong("is not known here"),
    }
    Ok(())
}

/// Where the files of this try are.
fn folder(export: &Export) -> String {
    format!("{}/{}/{}", export.tenant, export.id, export.attempts)
}

fn body(job: &Job) -> AppResult<Value> {
    serde_json::to_value(job).map_err(AppError::internal)
}
