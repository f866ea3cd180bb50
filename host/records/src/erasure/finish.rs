use xinglin_platform::{AppResult, Platform, boxed};

use super::remove_files;

/// Deletes bytes left on disk by an interrupted erasure.
#[boxed]
pub async fn finish(platform: &Platform) -> AppResult<()> {
    for tenant in platform.store().operator().list_unfinished_erasures().await? {
        remove_files(platform, &platform.store().tenant(tenant)).await?;
    }
    Ok(())
}
