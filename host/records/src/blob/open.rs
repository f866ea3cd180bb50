use tokio::fs::File;
use xinglin_domain::id::BlobId;
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{BlobView, path, view, visible};

/// An attachment and its bytes.
///
/// # Errors
/// `NOT_FOUND` if there is none that the caller may see.
#[boxed]
pub async fn open(platform: &Platform, caller: &Caller, id: BlobId) -> AppResult<(BlobView, File)> {
    caller.trail.asked();
    let records = platform.records(caller);
    let blob = visible(platform, &records, caller, id).await?;
    let (file, length) = platform.blobs().read(path(records.id(), &blob.sha256)).await.map_err(AppError::internal)?;
    if i64::try_from(length) != Ok(blob.size) {
        return Err(AppError::internal(format!("the bytes of {id} are not whole")));
    }
    Ok((view(&blob)?, file))
}
