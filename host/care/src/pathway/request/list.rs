use xinglin_domain::{
    access::{Action, Role},
    enrolment::{RequestRecord, request::Asked},
    id::{EnrolmentId, RequestId},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::consent;
use xinglin_store::DocumentQuery;

use super::{MOST, PathwayRequestView, shown, view};
use crate::pathway::ready;

/// The requests of an enrolment, the newest first, also those that ended. Who acts for the patient is shown what a team
/// has decided, not what each said.
///
/// # Errors
/// If there is no enrolment that the caller may see.
#[boxed]
pub async fn list_of(platform: &Platform, caller: &Caller, id: EnrolmentId) -> AppResult<Vec<PathwayRequestView>> {
    let records = platform.records(caller);
    let ready = ready(&records, id).await?;
    let author = ready.enrolment.enrolled_by == caller.actor.account;
    let document = (ready.compartments, author);
    consent::may_open(platform, caller, ready.enrolment.patient, document, "enrolment", id).await?;
    let query = DocumentQuery { parent_id: Some(id.to_string()), ..DocumentQuery::default() };
    let mut views = Vec::new();
    for row in records.list_documents::<RequestId>(&query, None, MOST).await? {
        let Stored::<_, RequestRecord> { value, .. } = row.try_into()?;
        let acts_for = caller.actor.acts_for(value.patient);
        views.push(view(&if acts_for { value.as_the_patient_sees_it() } else { value })?);
    }
    Ok(views)
}

/// Open requests that the caller has a part in, the first that is due first: a patient's own and a ward's; questions to
/// a role of staff; a team with a seat of a role; referrals and laboratory tests of doctors, nurses, health managers
/// and assistants, who see to them.
///
/// # Errors
/// If the caller has no part in any.
#[boxed]
pub async fn list_mine(platform: &Platform, caller: &Caller) -> AppResult<Vec<PathwayRequestView>> {
    caller.may(Action::EndRequest)?;
    let records = platform.records(caller);
    let open = DocumentQuery { statuses: vec!["open".to_owned()], ..DocumentQuery::default() };
    let staff = Action::EndRequest.roles().iter().any(|role| *role != Role::Patient && caller.actor.is(*role));
    let queries: Vec<DocumentQuery> = match staff {
        true => vec![open],
        false => {
            let own = caller.actor.charges().into_iter();
            own.map(|patient| DocumentQuery { patient_id: Some(patient.to_string()), ..open.clone() }).collect()
        }
    };
    let mut mine = Vec::new();
    for query in queries {
        for row in records.list_documents::<RequestId>(&query, None, MOST).await? {
            let Stored::<_, RequestRecord> { value, .. } = row.try_into()?;
            if has_part(caller, &value) && shown(platform, caller, &records, &value).await? {
                mine.push(value);
            }
        }
    }
    mine.sort_by_key(|record| (record.by, record.id));
    mine.iter().map(view).collect()
}

/// Roles that see to referrals and laboratory tests.
const ORGANISERS: [Role; 4] = [Role::Doctor, Role::Nurse, Role::HealthManager, Role::Assistant];

fn has_part(caller: &Caller, record: &RequestRecord) -> bool {
    let acts_for = caller.actor.acts_for(record.patient);
    let is = |role: Role| if role == Role::Patient { acts_for } else { caller.actor.is(role) };
    match &record.asked {
        Asked::Question { respondent, .. } => is(Role::from(*respondent)),
        Asked::Team(decision) => decision.participants.iter().any(|one| is(Role::from(one.role))),
        Asked::Referral { .. } | Asked::Laboratory { .. } => acts_for || ORGANISERS.into_iter().any(is),
    }
}
