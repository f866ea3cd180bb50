use xinglin_domain::id::PurchaseId;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{SaleView, load, view};

/// What was offered or bought.
///
/// # Errors
/// If there is none that the caller may see.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: PurchaseId) -> AppResult<SaleView> {
    let sale = load(&platform.records(caller), id).await?.value;
    caller.may_see(sale.patient, "purchase", id)?;
    view(&sale, Vec::new())
}
