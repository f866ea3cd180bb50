use xinglin_domain::{access::Action, id::InsuranceRequestId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::consent;

use super::{RequestView, load, view::view};

/// One question to an insurer, with its answer and the time of it.
///
/// # Errors
/// `NOT_FOUND` if there is none that the caller may see.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: InsuranceRequestId) -> AppResult<RequestView> {
    caller.may(Action::AskInsurer)?;
    let Stored { value, .. } = load(&platform.records(caller), id).await?;
    caller.may_act_on(value.patient, "insurance request", id)?;
    if caller.may(Action::ReadRecords).is_ok() {
        let labels = (value.labels(), false);
        consent::may_open(platform, caller, value.patient, labels, "insurance request", id).await?;
    }
    Ok(view(&value, Vec::new()))
}
