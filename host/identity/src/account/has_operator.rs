use xinglin_platform::{AppResult, Platform, boxed, settings::PLATFORM};

/// Whether an operator exists.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn has_operator(platform: &Platform) -> AppResult<bool> {
    Ok(!platform.store().tenant(PLATFORM).list_accounts().await?.is_empty())
}
