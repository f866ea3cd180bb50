//! Erasure of a patient after all retention periods. What is kept: the audit trail, with an id
//! that no longer resolves, the ledger, which contains no names, and the erasure record.

mod erase;
mod finish;
mod list_erasable;
mod retention_of;

use xinglin_platform::{AppError, AppResult, Platform};
use xinglin_store::Tenant;

use crate::blob;

pub use self::erase::{ErasureView, erase};
pub use self::finish::finish;
pub use self::list_erasable::list_erasable;
pub use self::retention_of::{KeptView, RetentionView, retention_of};

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
