use xinglin_domain::id::ExportId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::own;

/// Cancels an export of the caller, or deletes its files.
///
/// # Errors
/// `NOT_FOUND`.
#[boxed]
pub async fn cancel(platform: &Platform, caller: &Caller, id: ExportId) -> AppResult<()> {
    own(platform, caller, id).await?;
    let tx = platform.begin(caller).await?;
    tx.cancel_export(id, caller.now).await?;
    caller.write_trail(&tx).await?;
    Ok(tx.commit().await?)
}
