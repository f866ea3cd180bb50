use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{self, Action},
    code::Code,
    coding::Coding,
    enrolment::Enrolment,
    id::{EnrolmentId, PatientId},
    pathway::{Answer, AnswerFault, AnswerValue, Definition, Event, Item, Questionnaire, Response, Role},
    safety::{Asked, AskedContact},
    time::Instant,
};
use xinglin_extensions::{Extensions, install};
use xinglin_fhir::project;
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored};
use xinglin_records::{
    news::Reading,
    resource::{self, marked},
};
use xinglin_store::{Queue, Tenant, TenantTx, Work};

use super::{EnrolmentView, Occasion, Ready, observe::spread, ready, request, tell, view};
use crate::{
    event::{HEAD_START_SECONDS, keep},
    safety::{self, Found, SafetyNotice},
};

/// The answer to one question.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenAnswer {
    /// Of the question.
    pub link_id: String,
    /// The value: `{"integer": 3}`, `{"boolean": true}`, `{"decimal": "6.5"}`, `{"date": "2026-11-21"}`,
    /// `{"text": "…"}`, `{"quantity": {"value": "6.5", "unit": "mmol/L"}}`, `{"choice": {"system": "…", "code": "…"}}`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub value: Option<AnswerValue>,
    /// Several values, in place of `value`, where the question takes several.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub values: Vec<AnswerValue>,
    /// When it was given (RFC 3339), if not now.
    #[serde(default)]
    pub at: Option<String>,
}

/// Answers to a questionnaire.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Code of the questionnaire.
    pub questionnaire: String,
    /// The answers.
    pub answers: Vec<GivenAnswer>,
}

/// Stores the patient's answers to a questionnaire and delivers them to the pathway. Answers
/// that are observations, and scores, are written to the record first. If delivery fails in this request,
/// the background jobs retry it. If an answer says that the patient is in danger, the
/// [contact](crate::safety) is opened before anything else, whatever becomes of the answers: also if they are refused,
/// or cannot be read at all.
///
/// `body` is an [`Answers`].
///
/// # Errors
/// `BODY_INVALID` if an answer does not fit its question, `PATHWAY_STATE` if
/// the enrolment has ended; nothing is stored.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn answer(
    extensions: &Extensions,
    caller: &Caller,
    id: EnrolmentId,
    body: Value,
) -> AppResult<EnrolmentView> {
    caller.may(Action::AnswerQuestionnaire)?;
    let records = extensions.platform.records(caller);
    let Stored::<_, Enrolment> { value: enrolment, .. } = records.get_document(id).await?.try_into()?;
    let patient = enrolment.patient;
    // Who is neither of the care team nor acts for the patient says nothing about them.
    let author = author(caller, patient);
    let definition = match records.get_install(&enrolment.plugin).await {
        Ok(install) => install::definition(&install).ok(),
        Err(_) => None,
    };
    let found = if author.is_some() { danger(definition.as_ref(), id, &body) } else { Vec::new() };
    let safety = opened(&records, patient, found, caller.now).await?;
    // That they do not fit is no reason to overlook what they say.
    let told = |refused: AppError| match &safety {
        Some(notice) => refused.with("safety", notice),
        None => refused,
    };
    let ready = ready(&records, id).await.map_err(told)?;
    let given = request::opened(&extensions.platform, caller, &ready).await?;
    let author = author.ok_or_else(|| {
        let detail = "answers are the patient's, a guardian's, or those of a role of the care team that is in force";
        AppError::new(Code::AuthForbidden, detail)
    })?;
    let (questionnaire, response) = checked(&ready, body, (author, caller.now)).map_err(told)?;
    if given.as_ref().is_some_and(|given| !given.contains(&questionnaire.code)) {
        return Err(told(AppError::not_found("questionnaire", &questionnaire.code)));
    }
    let stored = store(extensions, caller, &records, (&ready, questionnaire), response).await;
    let kept = stored.map_err(told)?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let delivery = tell(extensions, &records, kept, &occasion).await;
    let Stored::<_, Enrolment> { value, .. } = records.get_document(id).await?.try_into()?;
    let whole = EnrolmentView { safety, ..view(&records, value, delivery.effects, delivery.calls).await? };
    Ok(if given.is_some() { answered_only(whole) } else { whole })
}

/// Writes what is an observation, and keeps the events of the pathway: the observations first, then the response, then
/// the end of the request.
async fn store(
    extensions: &Extensions,
    caller: &Caller,
    records: &Tenant,
    (ready, questionnaire): (&Ready, &Questionnaire),
    response: Response,
) -> AppResult<Vec<Work>> {
    let by_staff = !caller.actor.acts_for(ready.enrolment.patient);
    let patient = ready.enrolment.patient.to_string();
    let (mut written, mut projections) = (BTreeSet::new(), Vec::new());
    let mut write = |code: &Coding, value: &AnswerValue, at: Instant| {
        let id = resource::mint("Observation");
        projections.push(project::observation(&project::Answer {
            id: &id,
            patient: &patient,
            code,
            value,
            at,
            author: caller.actor.account,
            by_staff,
        }));
        written.insert(id);
    };
    for answer in &response.answers {
        let item = questionnaire.items.iter().find(|item| item.link_id == answer.link_id);
        let Some(code) = item.and_then(|item| item.records_as.as_ref()) else { continue };
        answer.values.iter().for_each(|value| write(code, value, answer.at));
    }
    let last = response.answers.iter().map(|answer| answer.at).max().unwrap_or(caller.now);
    for (code, sum) in questionnaire.scores(&response.answers) {
        write(code, &AnswerValue::Integer(sum), last);
    }
    // What the patient measured is true whatever a plugin makes of it, and the
    // plugin must hear of it whatever becomes of this request.
    let (id, asked) = (ready.enrolment.id, response.questionnaire.clone());
    let tx = records.begin().await?;
    // As all that change the enrolment and what hangs from it: a timer may ask the same anew.
    tx.lock(&format!("enrolment/{id}")).await?;
    resource::project(&tx, marked(projections, ready.compartments), caller.now).await?;
    // The observations are events as all others, of all pathways of the patient; this one gets its
    // own at once, and then the response.
    let mut kept = spread_own(extensions, &tx, &ready.enrolment, &written, caller.now).await?;
    kept.retain(|work| work.lane == id.to_string());
    let mut events = vec![Event::Answered(response)];
    events.extend(request::answered(&tx, id, &asked, (&caller.actor, caller.now)).await?);
    kept.extend(keep(&tx, id, events, caller.now).await?);
    tx.commit().await?;
    Ok(kept)
}

/// Of a view nothing that who was only asked a question may not read.
fn answered_only(view: EnrolmentView) -> EnrolmentView {
    let (plugin, stage) = (String::new(), String::new());
    EnrolmentView { plugin, stage, effects: Vec::new(), timers: Vec::new(), calls: Vec::new(), ..view }
}

/// The greatest danger in answers, with the contacts that the questionnaire asks for because of them; whether or not they
/// fit their questions or can be read at all. A question is looked
/// for in all questionnaires: who answers may have named another one.
fn danger(definition: Option<&Definition>, id: EnrolmentId, body: &Value) -> Vec<Found> {
    let forms = definition.map(|definition| definition.questionnaires.as_slice()).unwrap_or_default();
    let named = body["questionnaire"].as_str().unwrap_or_default();
    let item = |link: &str| -> Option<&Item> {
        let of = |form: &'_ Questionnaire| form.items.iter().position(|item| item.link_id == link);
        let (first, others): (Vec<&Questionnaire>, Vec<&Questionnaire>) =
            forms.iter().partition(|form| form.code == named);
        first.into_iter().chain(others).find_map(|form| form.items.get(of(form)?))
    };
    let said = body["answers"].as_array().into_iter().flatten();
    let danger = said
        .filter_map(|answer| {
            let link_id = answer["link_id"].as_str()?;
            let item = item(link_id);
            let asked = Asked {
                link_id,
                text: item.map(|item| &item.text),
                records_as: item.and_then(|item| item.records_as.as_ref()),
            };
            values(answer).filter_map(|value| asked.danger(&leniently(value)?)).max()
        })
        .max();
    let answers: Vec<(&str, Vec<AnswerValue>)> = body["answers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|answer| Some((answer["link_id"].as_str()?, values(answer).filter_map(leniently).collect())))
        .collect();
    let form = forms.iter().find(|form| form.code == named);
    let guarded = form.map(|form| form.safeguards(&answers)).unwrap_or_default();
    let asked = guarded.into_iter().map(|contact| AskedContact { enrolment: id, contact: contact.clone() });
    Found::in_answers(danger, asked.collect(), &format!("{id}/{named}"))
}

/// What an answer says, one value or several.
fn values(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["values"].as_array().into_iter().flatten().chain(answer.get("value"))
}

/// A value as far as it can be read: what is no value of the contract is words.
fn leniently(value: &Value) -> Option<AnswerValue> {
    if let Ok(read) = serde_json::from_value(value.clone()) {
        return Some(read);
    }
    let inner = value.as_object().and_then(|object| object.values().next()).unwrap_or(value);
    match inner {
        Value::Null => None,
        Value::Bool(yes) => Some(AnswerValue::Boolean(*yes)),
        Value::Number(number) => {
            Some(number.as_i64().map_or_else(|| AnswerValue::Text(number.to_string()), AnswerValue::Integer))
        }
        Value::String(text) => Some(match text.trim().to_lowercase().as_str() {
            "true" => AnswerValue::Boolean(true),
            "false" => AnswerValue::Boolean(false),
            text => text.parse().map_or_else(|_| AnswerValue::Text(text.to_owned()), AnswerValue::Integer),
        }),
        Value::Array(_) => Some(AnswerValue::Text(inner.to_string())),
        Value::Object(coding) => {
            let of = |key: &str| coding.get(key).and_then(Value::as_str).map(str::to_owned);
            match (of("system"), of("code")) {
                (system, Some(code)) => Some(AnswerValue::Choice(Coding {
                    system: system.unwrap_or_default(),
                    code,
                    display: of("display"),
                })),
                _ => Some(AnswerValue::Text(inner.to_string())),
            }
        }
    }
}

/// Opens the contacts in a transaction of their own: nothing that follows takes them back. What is shown is that of the
/// one with the most lines of help.
async fn opened(
    records: &Tenant,
    patient: PatientId,
    found: Vec<Found>,
    now: Instant,
) -> AppResult<Option<SafetyNotice>> {
    if found.is_empty() {
        return Ok(None);
    }
    let tx = records.begin().await?;
    let mut shown: Option<SafetyNotice> = None;
    for one in found {
        let notice = safety::open_said(&tx, patient, one, None, now).await?;
        if shown.as_ref().is_none_or(|shown| shown.help.lines.len() < notice.help.lines.len()) {
            shown = Some(notice);
        }
    }
    tx.commit().await?;
    Ok(shown)
}

fn checked(ready: &Ready, body: Value, (author, now): (Role, Instant)) -> AppResult<(&Questionnaire, Response)> {
    let answers: Answers = serde_path_to_error::deserialize(body).map_err(|error| {
        let (path, reason) = (error.path().to_string(), error.inner().to_string());
        AppError::new(Code::BodyInvalid, format!("{path}: {reason}")).with("path", path)
    })?;
    if !ready.enrolment.is_active() {
        return Err(AppError::new(Code::PathwayState, "the enrolment has ended"));
    }
    let mut known = ready.definition.questionnaires.iter();
    let questionnaire = known
        .find(|known| known.code == answers.questionnaire)
        .ok_or_else(|| AppError::not_found("questionnaire", &answers.questionnaire))?;
    let given = answers.answers.into_iter().map(|given| {
        let at = match &given.at {
            None => now,
            Some(text) => Instant::parse(text).ok_or_else(|| {
                refused(AnswerFault {
                    link_id: given.link_id.clone(),
                    what: format!("`{text}` is no time (RFC 3339)"),
                    code: Code::BodyInvalid,
                })
            })?,
        };
        let values = given.value.into_iter().chain(given.values).collect();
        Ok(Answer { link_id: given.link_id, values, at, author })
    });
    let given = given.collect::<AppResult<Vec<_>>>()?;
    Ok((questionnaire, questionnaire.response(given, now).map_err(refused)?))
}

fn refused(fault: AnswerFault) -> AppError {
    AppError::new(fault.code, fault.to_string()).with("path", format!("answers.{}", fault.link_id))
}

/// Who answers: the patient, a guardian, or a role of the care team that may answer and is in force. None if the caller is
/// none of these: who is somebody else's patient, or runs the hospital, speaks for nobody here.
fn author(caller: &Caller, patient: PatientId) -> Option<Role> {
    const STAFF: [Role; 6] = [
        Role::Doctor,
        Role::Nurse,
        Role::HealthManager,
        Role::Psychotherapist,
        Role::Counsellor,
        Role::PublicHealthDoctor,
    ];
    if caller.actor.acts_for(patient) {
        let own = caller.actor.patients.contains(&patient);
        return Some(if own { Role::Patient } else { Role::Guardian });
    }
    let may = |role: &Role| {
        let role = access::Role::from(*role);
        Action::AnswerQuestionnaire.roles().contains(&role) && caller.actor.is_live(role, caller.now)
    };
    if caller.actor.is_or_guards(patient) { None } else { STAFF.into_iter().find(may) }
}

/// Turns the observations of this answer into events.
async fn spread_own(
    extensions: &Extensions,
    tx: &TenantTx,
    enrolment: &Enrolment,
    written: &BTreeSet<String>,
    now: Instant,
) -> AppResult<Vec<Work>> {
    let mut kept = Vec::new();
    for work in tx.list_work(Queue::Observation, &enrolment.patient.to_string()).await? {
        let readings = Vec::<Reading>::deserialize(&work.payload).map_err(AppError::internal)?;
        if readings.iter().all(|reading| written.contains(&reading.id)) && tx.finish_work(&work).await? {
            let from = now.plus_seconds(HEAD_START_SECONDS);
            kept.extend(spread(&extensions.platform, tx, &work, (now, from)).await?);
        }
    }
    Ok(kept)
}
