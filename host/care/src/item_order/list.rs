use xinglin_domain::{code::Code, compartment::Compartments, id::EncounterId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_records::consent;

use super::{ItemOrderView, rows, view};
use crate::encounter;

/// The orders of a visit that the caller may see, in the order in which they were placed.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, visit: EncounterId) -> AppResult<Vec<ItemOrderView>> {
    let records = platform.records(caller);
    encounter::get(platform, caller, visit).await?;
    let mut views = Vec::new();
    for stored in rows(&records, visit).await? {
        let (order, id) = (stored.value, stored.row.id);
        let author = order.clinician() == caller.actor.account;
        let compartments = (Compartments::of(&stored.row.body), author);
        match consent::may_open(platform, caller, order.patient(), compartments, "order", id).await {
            Ok(_) => views.push(view(&order, caller.now)),
            Err(hidden) if hidden.code == Code::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(views)
}
