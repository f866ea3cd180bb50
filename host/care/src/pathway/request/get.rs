use xinglin_domain::{access::Action, id::RequestId};
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::{PathwayRequestView, load, may_see, view};
use crate::pathway::ready;

/// One request: of who may read the enrolment, or whom the pathway asks.
///
/// # Errors
/// `NOT_FOUND` if there is none that the caller has a part in.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: RequestId) -> AppResult<PathwayRequestView> {
    caller.may(Action::EndRequest)?;
    let records = platform.records(caller);
    let record = load(&records, id).await?.value;
    let ready = ready(&records, record.enrolment).await?;
    let document = (ready.compartments, ready.enrolment.enrolled_by == caller.actor.account);
    may_see(platform, caller, document, &record).await?;
    view(caller, record)
}
