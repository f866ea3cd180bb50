use xinglin_domain::{compartment::Compartments, id::BillId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::consent;

use super::{ChargeView, load, view};

/// One bill.
///
/// # Errors
/// If there is none that the caller may see.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: BillId) -> AppResult<ChargeView> {
    let records = platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    consent::may_open(platform, caller, value.patient(), (Compartments::of(&row.body), false), "bill", id).await?;
    view(&value, Vec::new(), Vec::new())
}
