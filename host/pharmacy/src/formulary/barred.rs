use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, blocking, boxed, settings::settings};

use super::{BarredItem, bars};

/// The items of the caller's hospital that cannot be prescribed or sold: what pharmacists have to
/// classify, and what the law forbids.
///
/// # Errors
/// If the caller neither classifies medicines nor manages the catalogue.
#[boxed]
pub async fn barred(platform: &Platform, caller: &Caller) -> AppResult<Vec<BarredItem>> {
    caller.may_any(&[Action::ClassifyMedicine, Action::ManageCatalogue])?;
    let settings = settings(&platform.records(caller)).await?;
    let rules = settings.rules()?;
    blocking(move || bars(&settings.formulary, &rules)).await
}
