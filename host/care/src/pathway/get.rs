use xinglin_domain::{enrolment::Enrolment, id::EnrolmentId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::consent;

use super::{EnrolmentView, view};

/// One enrolment.
///
/// # Errors
/// If there is none that the caller may see.
#[boxed]
pub async fn get(platform: &Platform, caller: &Caller, id: EnrolmentId) -> AppResult<EnrolmentView> {
    let records = platform.records(caller);
    let Stored::<_, Enrolment> { value, .. } = records.get_document(id).await?.try_into()?;
    let labels = consent::compartments_of(&records, &value.plugin).await?;
    let author = value.enrolled_by == caller.actor.account;
    consent::may_open(platform, caller, value.patient, (labels, author), "enrolment", id).await?;
    view(&records, value, Vec::new(), Vec::new()).await
}
