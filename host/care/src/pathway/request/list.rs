use std::collections::HashMap;

use xinglin_domain::{
    access::{Action, Role},
    compartment::Compartments,
    enrolment::{Enrolment, RequestRecord},
    id::{EnrolmentId, RequestId},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::consent;
use xinglin_store::{Cursor, DocumentQuery, RequestQuery, Tenant};

use super::{MOST, PathwayRequestView, load, may_see, view};
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
/// managers and assistants, who see to them.
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
    let (mut known, mut views) = (Known::default(), Vec::new());
    // What is closed to the caller leaves no gap in the page.
    loop {
        let rows = records.list_open_requests(&query, after.as_ref(), limit).await?;
        let is_last = rows.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        for row in rows {
            let Stored::<_, RequestRecord> { value, .. } = row.try_into()?;
            after = Some(cursor(&value));
            if value.concerns(&caller.actor, caller.now) && shown(platform, caller, &mut known, &value).await? {
                views.push(view(caller, value)?);
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

/// What was read of enrolments for one list.
#[derive(Default)]
struct Known {
    compartments: HashMap<String, Compartments>,
    documents: HashMap<EnrolmentId, (Compartments, bool)>,
}

impl Known {
    /// The compartments of an enrolment, and whether the caller is its author.
    async fn document(
        &mut self,
        records: &Tenant,
        caller: &Caller,
        id: EnrolmentId,
    ) -> AppResult<(Compartments, bool)> {
        if let Some(document) = self.documents.get(&id) {
            return Ok(*document);
        }
        let Stored::<_, Enrolment> { value, .. } = records.get_document(id).await?.try_into()?;
        let compartments = match self.compartments.get(&value.plugin) {
            Some(compartments) => *compartments,
            None => consent::compartments_of(records, &value.plugin).await?,
        };
        self.compartments.insert(value.plugin, compartments);
        let document = (compartments, value.enrolled_by == caller.actor.account);
        self.documents.insert(id, document);
        Ok(document)
    }
}

async fn shown(platform: &Platform, caller: &Caller, known: &mut Known, record: &RequestRecord) -> AppResult<bool> {
    let document = known.document(&platform.records(caller), caller, record.enrolment).await?;
    match may_see(platform, caller, document, record).await {
        Ok(()) => Ok(true),
        Err(hidden) if hidden.code.class().status() < 500 => Ok(false),
        Err(error) => Err(error),
    }
}
