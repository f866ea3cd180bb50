use xinglin_platform::boxed;
use xinglin_runtime::Digest;
use xinglin_store::StoreError;

use crate::Extensions;

/// Applies recalls to the engine, also those ordered on another host of this store.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn apply(extensions: &Extensions) -> Result<(), StoreError> {
    for digest in extensions.platform.store().operator().list_revoked().await? {
        match digest.parse::<Digest>() {
            Ok(digest) => extensions.runtime().recall(digest),
            Err(_) => tracing::error!(digest, "what was recalled has no digest"),
        }
    }
    Ok(())
}
