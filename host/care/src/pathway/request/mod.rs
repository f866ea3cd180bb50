//! Requests of pathways, each followed to its end. Each open one has its work in [`Queue::Request`], due when a question
//! is asked again, or when its time is over: then the care team is alerted, and the pathway is told.

mod decide;
mod end;
mod list;
mod pass;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    coding::Coding,
    enrolment::{
        Enrolment, RequestRecord,
        request::{Asked, key, may_open_another},
    },
    id::{EnrolmentId, PatientId, RequestId},
    pathway::{Event, Tracked},
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient, boxed,
    document::{Stored, fresh, next},
};
use xinglin_records::consent;
use xinglin_store::{Document, DocumentQuery, Executor, Queue, Tenant, TenantScope, TenantTx, Work};

use super::{Occasion, Ready, ready, tell};
use crate::event::keep;

pub use self::decide::{JointPlan, Opinion, Signature, opine, plan, sign};
pub use self::end::{Decline, Fulfil, decline, fulfil};
pub use self::list::{list_mine, list_of};
pub use self::pass::pass;

/// Most requests of a list.
const MOST: u32 = 500;

/// A request of a pathway.
#[derive(Serialize, ToSchema)]
pub struct PathwayRequestView {
    /// `req-…`
    #[schema(value_type = String)]
    pub id: RequestId,
    /// The enrolment.
    #[schema(value_type = String)]
    pub enrolment: EnrolmentId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Its code; of a question, that of the questionnaire.
    pub code: String,
    /// `question`, `referral`, `laboratory` or `team`.
    pub kind: &'static str,
    /// `open`, `fulfilled`, `declined`, `lapsed` or `withdrawn`.
    pub state: &'static str,
    /// Since when (RFC 3339).
    pub since: String,
    /// Until when (RFC 3339).
    pub by: String,
    /// Whether it is a multidisciplinary team (MDT).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdt: Option<bool>,
    /// The whole: what is asked for, opinions, plan, signatures, end.
    #[schema(value_type = Object)]
    pub detail: Value,
}

fn view(record: &RequestRecord) -> AppResult<PathwayRequestView> {
    let mdt = match &record.asked {
        Asked::Team(decision) => Some(decision.is_mdt()),
        _ => None,
    };
    Ok(PathwayRequestView {
        id: record.id,
        enrolment: record.enrolment,
        patient: record.patient,
        code: record.code.clone(),
        kind: match record.asked {
            Asked::Question { .. } => "question",
            Asked::Referral { .. } => "referral",
            Asked::Laboratory { .. } => "laboratory",
            Asked::Team(_) => "team",
        },
        state: record.state(),
        since: record.since.to_string(),
        by: record.by.to_string(),
        mdt,
        detail: serde_json::to_value(record).map_err(AppError::internal)?,
    })
}

/// Follows what a pathway asks for. What is open under its code has the time of the new one, or is replaced by it.
///
/// # Errors
/// `PATHWAY_PROPOSAL` if too many others are open.
pub(super) async fn open(
    tx: &TenantTx,
    enrolment: &Enrolment,
    (asked, tracked, reported): (Asked, Tracked, bool),
    now: Instant,
) -> AppResult<()> {
    let whose = (enrolment.id, enrolment.patient);
    if let Some(Stored { row, value }) = find(tx, enrolment.id, &tracked.code).await? {
        if let Some(moved) = value.moved(&asked, tracked.by, now) {
            return put(tx, row, &moved, now).await;
        }
        put(tx, row, &value.withdrawn(now), now).await?;
    }
    may_open_another(open_of(tx, enrolment.id).await?.len())?;
    let id = RequestId::from_u128(ambient::fresh_id());
    let record = RequestRecord::open(id, whose, (asked, tracked, reported), now);
    let mut row = fresh(id, record.patient, Some(record.enrolment.to_string()), record.state(), &record, now)?;
    row.exclusive_key = record.exclusive_key();
    tx.insert_document(&row).await?;
    look_later(tx, &record).await
}

/// Takes back the open request of a code, or all of an enrolment.
pub(super) async fn withdraw(tx: &TenantTx, of: EnrolmentId, code: Option<&str>, now: Instant) -> AppResult<()> {
    let standing = match code {
        Some(code) => find(tx, of, code).await?.into_iter().collect(),
        None => open_of(tx, of).await?,
    };
    for Stored { row, value } in standing {
        put(tx, row, &value.withdrawn(now), now).await?;
    }
    Ok(())
}

/// A questionnaire was answered: what its pathway is told of the request, if there was one.
pub(super) async fn answered(
    tx: &TenantTx,
    of: EnrolmentId,
    questionnaire: &str,
    now: Instant,
) -> AppResult<Option<Event>> {
    let Some(Stored { row, value }) = find(tx, of, questionnaire).await? else { return Ok(None) };
    if !matches!(value.asked, Asked::Question { .. }) {
        return Ok(None);
    }
    let seen = value.seen(now)?;
    put(tx, row, &seen, now).await?;
    Ok(seen.report().map(Event::RequestEnded))
}

/// A result with these codes is there: what its pathway is told of the requests that waited for it alone.
pub(super) async fn result(tx: &TenantTx, of: EnrolmentId, codes: &[Coding], now: Instant) -> AppResult<Vec<Event>> {
    let mut told = Vec::new();
    for Stored { row, value } in open_of(tx, of).await? {
        if let Some(next) = value.result(codes, now) {
            put(tx, row, &next, now).await?;
            told.extend(next.report().map(Event::RequestEnded));
        }
    }
    Ok(told)
}

/// Changes a request by somebody who may see it, and tells the pathway if it ends.
async fn change(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    next: impl FnOnce(RequestRecord) -> Result<RequestRecord, xinglin_domain::enrolment::CareError> + Send,
) -> AppResult<PathwayRequestView> {
    caller.may(Action::EndRequest)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    let ready = ready(&records, value.enrolment).await?;
    may_see(&extensions.platform, caller, &ready, &value).await?;
    let next = next(value)?;
    let tx = records.begin().await?;
    // As in `deliver`.
    tx.lock(&format!("enrolment/{}", next.enrolment)).await?;
    put(&tx, row, &next, caller.now).await?;
    let told = next.report().map(Event::RequestEnded).into_iter().collect();
    let kept = keep(&tx, next.enrolment, told, caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    tell(extensions, &records, kept, &occasion).await;
    view(&next)
}

/// Who may read the enrolment; or whose part in it it is, who is shown the request and nothing else.
async fn may_see(platform: &Platform, caller: &Caller, ready: &Ready, record: &RequestRecord) -> AppResult<()> {
    let author = ready.enrolment.enrolled_by == caller.actor.account;
    let document = (ready.compartments, author);
    match consent::may_open(platform, caller, record.patient, document, "request", record.id).await {
        Err(hidden) if hidden.code == Code::NotFound && is_given_to(record, caller) => Ok(()),
        opened => opened,
    }
}

/// Whether it was given to a role of the caller, other than the patient's, who may end requests and does not read
/// records.
fn is_given_to(record: &RequestRecord, caller: &Caller) -> bool {
    let reads = Action::ReadRecords.roles();
    let given = |role: Role| role != Role::Patient && !reads.contains(&role) && caller.actor.is(role);
    let to = match &record.asked {
        Asked::Question { respondent, .. } => given(Role::from(*respondent)),
        Asked::Team(decision) => decision.participants.iter().any(|one| given(Role::from(one.role))),
        Asked::Referral { .. } | Asked::Laboratory { .. } => false,
    };
    to && !caller.is_beyond(Some(record.patient))
}

async fn find<E: Executor>(
    records: &TenantScope<E>,
    of: EnrolmentId,
    code: &str,
) -> AppResult<Option<Stored<RequestId, RequestRecord>>> {
    records.find_document_by_key::<RequestId>(&key(of, code)).await?.map(TryInto::try_into).transpose()
}

async fn open_of<E: Executor>(
    records: &TenantScope<E>,
    of: EnrolmentId,
) -> AppResult<Vec<Stored<RequestId, RequestRecord>>> {
    let query = DocumentQuery {
        parent_id: Some(of.to_string()),
        statuses: vec!["open".to_owned()],
        ..DocumentQuery::default()
    };
    let rows = records.list_documents::<RequestId>(&query, None, MOST).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

#[boxed]
async fn load<E: Executor>(records: &TenantScope<E>, id: RequestId) -> AppResult<Stored<RequestId, RequestRecord>> {
    records.get_document(id).await?.try_into()
}

/// Stores a changed request, and when the host looks at it.
async fn put(tx: &TenantTx, row: Document<RequestId>, record: &RequestRecord, now: Instant) -> AppResult<()> {
    let mut row = next(row, record.state(), record, now)?;
    row.exclusive_key = record.exclusive_key();
    tx.update_document(&row).await?;
    look_later(tx, record).await
}

async fn look_later(tx: &TenantTx, record: &RequestRecord) -> AppResult<()> {
    match record.look_at() {
        Some(at) => Ok(tx.put_work(&[Work::new(Queue::Request, record.id, record.enrolment, at)]).await?),
        None => Ok(tx.drop_work(Queue::Request, &record.id.to_string()).await?),
    }
}

/// Of a list what the caller may see.
async fn shown(platform: &Platform, caller: &Caller, records: &Tenant, record: &RequestRecord) -> AppResult<bool> {
    let ready = ready(records, record.enrolment).await?;
    match may_see(platform, caller, &ready, record).await {
        Ok(()) => Ok(true),
        Err(hidden) if hidden.code.class().status() < 500 => Ok(false),
        Err(error) => Err(error),
    }
}
