//! Requests of pathways, each followed to its end. Each open one has its work in [`Queue::Request`], due when a question
//! is asked again, or when its time is over: then the care team is alerted, and the pathway is told.

mod decide;
mod end;
mod get;
mod list;
mod notice;
mod pass;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Actor, Role},
    code::Code,
    coding::Coding,
    compartment::Compartments,
    enrolment::{
        CareError, Enrolment, RequestRecord,
        request::{Asked, Passed, key, may_open_another},
    },
    id::{EnrolmentId, PatientId, RequestId},
    pathway::{Event, Tracked},
    reminder::remind_of_question,
    time::Instant,
};
use xinglin_extensions::{Extensions, install};
use xinglin_fhir::request::PathwayRequest;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient, boxed,
    document::{Stored, fresh, next},
};
use xinglin_records::{
    consent,
    notice::remind_later,
    patient,
    resource::{self, marked},
};
use xinglin_store::{Document, DocumentQuery, Executor, Queue, StoreError, TenantScope, TenantTx, Work};

use super::{Occasion, Ready, ready, tell};
use crate::event::keep;

pub use self::decide::{JointPlan, Opinion, Signature, opine, plan, sign};
pub use self::end::{Decline, Fulfil, decline, fulfil};
pub use self::get::get;
pub use self::list::{RequestPage, list_mine, list_of};
pub use self::pass::pass;

/// Most requests of a list.
const MOST: u32 = 500;

/// A request of a pathway.
#[derive(Serialize, ToSchema)]
pub struct PathwayRequestView {
    /// `req-…`
    #[schema(value_type = String)]
    pub id: RequestId,
    /// Whether it is of a restricted pathway that the caller may not read, and was not opened yet: the list then says no
    /// more than that the caller's role is asked, and until when. `GET /api/v1/requests/{id}` opens it, which the patient
    /// sees among the accesses.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
    /// The enrolment.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<EnrolmentId>,
    /// The patient.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// Its code; of a question, that of the questionnaire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
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
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// What the caller is shown of it: who is the patient, or acts for them, what a team has decided, not what each said;
/// whatever else they are.
fn view(caller: &Caller, record: RequestRecord) -> AppResult<PathwayRequestView> {
    let own = caller.actor.is_or_guards(record.patient);
    let record = if own { record.as_the_patient_sees_it() } else { record };
    let mdt = match &record.asked {
        Asked::Team(decision) => Some(decision.is_mdt()),
        _ => None,
    };
    let detail = serde_json::to_value(&record).map_err(AppError::internal)?;
    Ok(PathwayRequestView {
        restricted: false,
        enrolment: Some(record.enrolment),
        patient: Some(record.patient),
        mdt,
        detail: Some(detail),
        code: Some(record.code.clone()),
        ..outside(&record)
    })
}

/// That a role is asked, until when, and nothing of the patient or the pathway.
fn outside(record: &RequestRecord) -> PathwayRequestView {
    PathwayRequestView {
        id: record.id,
        restricted: true,
        enrolment: None,
        patient: None,
        code: None,
        kind: match record.asked {
            Asked::Question { .. } => "question",
            Asked::Referral { .. } => "referral",
            Asked::Laboratory { .. } => "laboratory",
            Asked::Team(_) => "team",
        },
        state: record.state(),
        since: record.since.to_string(),
        by: record.by.to_string(),
        mdt: None,
        detail: None,
    }
}

/// Follows what a pathway asks for. What is open under its code keeps the nearer deadline, or is replaced by it; what
/// should have lapsed by now does so first.
///
/// # Errors
/// `PATHWAY_PROPOSAL` if too many others are open.
pub(super) async fn open(
    tx: &TenantTx,
    ready: &Ready,
    (asked, tracked, reported): (Asked, Tracked, bool),
    now: Instant,
) -> AppResult<()> {
    let whose = (ready.enrolment.id, ready.enrolment.patient);
    if let Some(Stored { row, value }) = find(tx, whose.0, &tracked.code).await? {
        if let Ok(Passed::Lapsed(over)) = value.clone().pass(now) {
            put(tx, row, &over, now).await?;
            if patient::is_treatable(tx, over.patient).await? {
                pass::lapsed(tx, ready, &over, now).await?;
            }
        } else if let Some(moved) = value.moved(&asked, (tracked.by, reported), now) {
            return put(tx, row, &moved, now).await;
        } else {
            put(tx, row, &value.withdrawn(now), now).await?;
        }
    }
    may_open_another(open_of(tx, whose.0).await?.len())?;
    let id = RequestId::from_u128(ambient::fresh_id());
    let record = RequestRecord::open(id, whose, (asked, tracked, reported), now);
    let mut row = fresh(id, record.patient, Some(record.enrolment.to_string()), record.state(), &record, now)?;
    row.exclusive_key = record.exclusive_key();
    tx.insert_document(&row).await?;
    give(tx, &record).await?;
    project(tx, &record, now).await?;
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

/// A questionnaire was answered by somebody: what its pathway is told of the request, if there was one, and they are
/// who was asked. Else it goes on waiting.
pub(super) async fn answered(
    tx: &TenantTx,
    of: EnrolmentId,
    questionnaire: &str,
    (by, now): (&Actor, Instant),
) -> AppResult<Option<Event>> {
    let Some(Stored { row, value }) = find(tx, of, questionnaire).await? else { return Ok(None) };
    if !value.waits_for(by, now) {
        return Ok(None);
    }
    let seen = value.seen(now)?;
    put(tx, row, &seen, now).await?;
    Ok(seen.report().map(Event::RequestEnded))
}

/// A result with these codes is there, in an `Observation` of this id: what its pathway is told of the requests that waited
/// for it alone.
pub(super) async fn result(
    tx: &TenantTx,
    of: EnrolmentId,
    (codes, observation): (&[Coding], &str),
    now: Instant,
) -> AppResult<Vec<Event>> {
    let mut told = Vec::new();
    for Stored { row, value } in open_of(tx, of).await? {
        if let Some(next) = value.result((codes, observation), now) {
            put(tx, row, &next, now).await?;
            told.extend(next.report().map(Event::RequestEnded));
        }
    }
    Ok(told)
}

/// Changes a request by somebody who may see it, as it is by then: of two who do so at once, the second changes what the
/// first has left. Tells the pathway if it ends, and the care team if it is turned down.
async fn change(
    extensions: &Extensions,
    caller: &Caller,
    id: RequestId,
    next: impl FnOnce(RequestRecord) -> Result<RequestRecord, CareError> + Send,
) -> AppResult<PathwayRequestView> {
    caller.may(Action::EndRequest)?;
    let records = extensions.platform.records(caller);
    let Stored { value, .. } = load(&records, id).await?;
    let ready = ready(&records, value.enrolment).await?;
    let document = (ready.compartments, ready.enrolment.enrolled_by == caller.actor.account);
    may_see(&extensions.platform, caller, document, &value).await?;
    let tx = records.begin().await?;
    // As in `deliver`.
    tx.lock(&format!("enrolment/{}", value.enrolment)).await?;
    let Stored { row, value } = load(&tx, id).await?;
    let next = next(value)?;
    patient::treatable(&tx, next.patient).await?;
    put(&tx, row, &next, caller.now).await?;
    if let Some(alert) = notice::of_declined(&ready, &next, caller) {
        notice::tell(&tx, &ready, alert, caller.now).await?;
    }
    let told = next.report().map(Event::RequestEnded).into_iter().collect();
    let kept = keep(&tx, next.enrolment, told, caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    tell(extensions, &records, kept, &occasion).await;
    view(caller, next)
}

/// Who may read the enrolment, in these compartments and perhaps as its author; or who it was given to, who is shown the
/// request and nothing else. Who sees to referrals and tests of a restricted pathway is who may read it.
async fn may_see(
    platform: &Platform,
    caller: &Caller,
    document: (Compartments, bool),
    record: &RequestRecord,
) -> AppResult<()> {
    let given = is_given_to(caller, document.0, record);
    match consent::may_open(platform, caller, record.patient, document, "request", record.id).await {
        Err(hidden) if hidden.code == Code::NotFound && given => {
            consent::may_open_part(platform, caller, record.patient, document.0, "request", record.id).await
        }
        opened => opened,
    }
}

/// Whether the pathway names a role of the caller's for it, or, of one that is not restricted, they see to its kind.
fn is_given_to(caller: &Caller, labels: Compartments, record: &RequestRecord) -> bool {
    let named = matches!(record.asked, Asked::Question { .. } | Asked::Team(_));
    (named || labels.is_empty()) && record.is_given_to(&caller.actor, caller.now)
}

/// Checks that the caller may read an enrolment, or is asked something in it. Returns the questionnaires that they were
/// given, if it is only those.
///
/// # Errors
/// `NOT_FOUND`.
pub(super) async fn opened(platform: &Platform, caller: &Caller, ready: &Ready) -> AppResult<Option<Vec<String>>> {
    let Enrolment { id, patient, enrolled_by, .. } = ready.enrolment;
    let document = (ready.compartments, enrolled_by == caller.actor.account);
    let hidden = match consent::may_open(platform, caller, patient, document, "enrolment", id).await {
        Ok(()) => return Ok(None),
        Err(hidden) if hidden.code == Code::NotFound => hidden,
        Err(error) => return Err(error),
    };
    let open = open_of(&platform.records(caller), id).await?.into_iter();
    let given = open.filter_map(|Stored { value, .. }| match &value.asked {
        Asked::Question { questionnaire, .. } if value.is_given_to(&caller.actor, caller.now) => {
            Some(questionnaire.clone())
        }
        _ => None,
    });
    let given: Vec<String> = given.collect();
    if given.is_empty() {
        return Err(hidden);
    }
    consent::may_open_part(platform, caller, patient, ready.compartments, "enrolment", id).await?;
    Ok(Some(given))
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
pub(super) async fn load<E: Executor>(
    records: &TenantScope<E>,
    id: RequestId,
) -> AppResult<Stored<RequestId, RequestRecord>> {
    records.get_document(id).await?.try_into()
}

/// Stores a changed request, with its projection, and when the host looks at it.
async fn put(tx: &TenantTx, row: Document<RequestId>, record: &RequestRecord, now: Instant) -> AppResult<()> {
    let mut row = next(row, record.state(), record, now)?;
    row.exclusive_key = record.exclusive_key();
    tx.update_document(&row).await?;
    give(tx, record).await?;
    project(tx, record, now).await?;
    look_later(tx, record).await
}

/// Writes the FHIR resources of a request as it is now, in the compartments of its pathway.
async fn project(tx: &TenantTx, record: &RequestRecord, now: Instant) -> AppResult<()> {
    let Stored::<_, Enrolment> { value: enrolment, .. } = tx.get_document(record.enrolment).await?.try_into()?;
    let definition = match tx.get_install(&enrolment.plugin).await {
        Ok(install) => install::definition(&install).ok(),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let asked = match &record.asked {
        Asked::Question { questionnaire, .. } => Some(questionnaire),
        Asked::Referral { .. } | Asked::Laboratory { .. } | Asked::Team(_) => None,
    };
    let forms = definition.as_ref().map(|definition| definition.questionnaires.as_slice()).unwrap_or_default();
    let title = forms.iter().find(|form| Some(&form.code) == asked).map(|form| &form.title);
    let resources = xinglin_fhir::request::pathway_request(&PathwayRequest {
        record,
        pathway: &enrolment.pathway,
        title,
        modified: now,
    });
    let compartments = consent::compartments_of(tx, &enrolment.plugin).await?;
    resource::project(tx, marked(resources, compartments), now).await
}

/// For the lists of who it is given to.
async fn give(tx: &TenantTx, record: &RequestRecord) -> AppResult<()> {
    let roles: Vec<&str> = record.given_to().into_iter().map(Role::as_str).collect();
    Ok(tx.give_request(record.id, &roles, record.by).await?)
}

async fn look_later(tx: &TenantTx, record: &RequestRecord) -> AppResult<()> {
    notice_of_due(tx, record).await?;
    match record.look_at() {
        Some(at) => Ok(tx.put_work(&[Work::new(Queue::Request, record.id, record.enrolment, at)]).await?),
        None => Ok(tx.drop_work(Queue::Request, &record.id.to_string()).await?),
    }
}

/// The patient is reminded of a question before its time is over.
async fn notice_of_due(tx: &TenantTx, record: &RequestRecord) -> AppResult<()> {
    match record.asked {
        Asked::Question { .. } => {
            remind_later(tx, (record.patient, &record.id.to_string()), remind_of_question(record)).await
        }
        _ => Ok(()),
    }
}
