use xinglin_care::pathway::Occasion;
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, boxed};
use xinglin_store::Work;

use super::{Lead, charge_bill, count_month};

/// Does a piece of work of a lead: counts a month, or charges a bill.
///
/// # Errors
/// If a plugin gives no answer, or the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "capitation_work", skip_all)]
#[boxed]
pub async fn work(extensions: &Extensions, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let (plugin, lead) = work.lane.split_once('/').unwrap_or_default();
    let lead = Lead { plugin: plugin.to_owned(), lead: lead.to_owned() };
    match charge_bill::bill_of(work)? {
        Some(bill) => charge_bill::charge_bill(extensions, work, &lead, bill, occasion).await,
        None => count_month::count_month(extensions, work, &lead, occasion).await,
    }
}
