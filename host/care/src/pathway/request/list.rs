use xinglin_domain::{
    access::{Action, Role},
    enrolment::RequestRecord,
    id::{EnrolmentId, RequestId},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::consent;
use xinglin_store::{Cursor, DocumentQuery, RequestQuery};

use super::{MOST, PathwayRequestView, is_given_to, load, outside, view};
use crate::pathway::{known::Known, ready};

/// Fewest rows that are read at once.
const AT_ONCE: u32 = 100;

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
        views.push(view(caller, value)?);
    }
    Ok(views)
}

/// A page.
#[derive(Debug, Clone, Copy)]
pub struct RequestPage {
    /// Only those that follow this request in the list.
    pub after: Option<RequestId>,
    /// Maximum number, at most 500.
    pub limit: u32,
}

/// A page of the open requests that the caller has a part in, the first that is due first: a patient's own and a ward's;
/// questions to a role of staff; a team with a seat of a role; referrals and laboratory tests of doctors, nurses, health
/// managers and assistants, who see to them. Of a restricted pathway only those of patients who have opened the compartment
/// to the caller, or whom the caller treats in it; of a question or a team of a caller's role no more than that there is one.
/// Only what is shown counts as an access to the record.
///
/// # Errors
/// If the caller has no part in any; `NOT_FOUND` if there is no request that the page follows.
#[boxed]
pub async fn list_mine(platform: &Platform, caller: &Caller, page: RequestPage) -> AppResult<Vec<PathwayRequestView>> {
    caller.may(Action::EndRequest)?;
    let records = platform.records(caller);
    let limit = page.limit.clamp(1, MOST);
    let staff = caller.actor.live_roles(caller.now).into_iter().filter(|role| *role != Role::Patient);
    let query = RequestQuery {
        roles: staff.map(|role| role.as_str().to_owned()).collect(),
        patients: caller.actor.charges().iter().map(ToString::to_string).collect(),
    };
    let mut after = match page.after {
        Some(last) => Some(cursor(&load(&records, last).await?.value)),
        None => None,
    };
    let at_once = limit.max(AT_ONCE);
    let (mut known, mut views) = (Known::default(), Vec::new());
    // What is closed to the caller leaves no gap in the page.
    loop {
        let rows = records.list_open_requests(&query, after.as_ref(), at_once).await?;
        let is_last = rows.len() < usize::try_from(at_once).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for row in rows {
            let Stored::<_, RequestRecord> { value, .. } = row.try_into()?;
            after = Some(cursor(&value));
            if value.concerns(&caller.actor, caller.now) {
                found.push(value);
            }
        }
        let of = found.iter().map(|record| (record.enrolment, record.patient));
        let openings = known.read(platform, caller, of).await?;
        for record in found {
            let document = known.document(record.enrolment)?;
            let given = is_given_to(caller, document.0, &record);
            if openings.opens(record.patient, document) || (given && openings.opens_part(record.patient, document.0)) {
                openings.note(record.patient, document.0);
                views.push(view(caller, record)?);
            } else if given {
                views.push(outside(&record));
            }
            if views.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                return Ok(views);
            }
        }
        if is_last {
            return Ok(views);
        }
    }
}

fn cursor(record: &RequestRecord) -> Cursor {
    Cursor { at: record.by, id: record.id.to_string() }
}
