use serde::Deserialize as _;
use xinglin_domain::{access::Action, billing::Charge, compartment::Compartments, id::BillId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_records::consent;

use super::{CashView, view};
use crate::till::find;

/// The patient's share of a bill, for the patient, who treats them, and who takes money.
///
/// # Errors
/// If there is no bill that the caller may see.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: BillId) -> AppResult<CashView> {
    let records = platform.records(caller);
    let row = records.get_document::<BillId>(id).await?;
    let charge = Charge::deserialize(&row.body).map_err(AppError::internal)?;
    if caller.may_any(&[Action::CollectCash, Action::ResolveCharge]).is_ok() {
        // Amounts only: what is bought is not in the view.
        caller.trail.saw(charge.patient());
    } else {
        let reach = (Compartments::of(&row.body), false);
        consent::may_open(platform, caller, charge.patient(), reach, "bill", id).await?;
    }
    let stored = find(&records, id).await?;
    Ok(stored.map_or_else(|| view::nothing(id), |stored| view::view(&stored.till)))
}
