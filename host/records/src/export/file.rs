use xinglin_domain::id::ExportId;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::ExportState;

use super::{DELETED, folder, own};

/// One file of an export of the caller's, and its length.
///
/// # Errors
/// `NOT_FOUND`.
#[boxed]
pub async fn file(platform: &Platform, caller: &Caller, id: ExportId, name: &str) -> AppResult<(tokio::fs::File, u64)> {
    let (export, job) = own(platform, caller, id).await?;
    let kind = name.strip_suffix(".ndjson").unwrap_or_default();
    let made = (kind == DELETED && job.deleted > 0) || job.output.iter().any(|output| output.kind == kind);
    if export.state != ExportState::Done || !made {
        return Err(AppError::not_found("file", name));
    }
    platform.exports().read(format!("{}/{kind}.ndjson", folder(&export))).await.map_err(AppError::internal)
}
