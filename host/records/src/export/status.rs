use serde_json::{Value, json};
use xinglin_domain::{code::Code, id::ExportId, time::Instant};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::ExportState;

use super::{DELETED, Output, own};

/// State of an export.
#[derive(Debug)]
pub enum ExportStatus {
    /// Progress.
    Running(String),
    /// The manifest, and its expiry.
    Done(Value, Instant),
}

/// State of an export of the caller. `base` is the server's base URL, for links.
///
/// # Errors
/// `NOT_FOUND` if the caller has no such export, or its files have expired; `INTERNAL` or the
/// code it failed with.
#[boxed]
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
