use xinglin_platform::{AppResult, Caller, Platform, boxed, settings::settings};

use super::Formulary;

/// What the caller's hospital sells.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller) -> AppResult<Formulary> {
    Ok(Formulary { items: settings(&platform.records(caller)).await?.formulary })
}
