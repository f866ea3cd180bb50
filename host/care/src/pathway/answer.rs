use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    enrolment::Enrolment,
    id::EnrolmentId,
    measure::{self, measurand},
    pathway::{Answer, AnswerKind, AnswerValue, Event, Question, Questionnaire, Response},
    safety::Asked,
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_fhir::project;
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored};
use xinglin_records::{
    consent,
    news::Reading,
    resource::{self, marked},
};
use xinglin_store::{Queue, Tenant, TenantTx, Work};

use super::{EnrolmentView, HEAD_START_SECONDS, Occasion, Ready, keep, observe::spread, ready, tell, view};
use crate::safety::{self, Found};

/// Answers to a questionnaire.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Code of the questionnaire.
    pub questionnaire: String,
    /// The answers.
    #[schema(value_type = Vec<Object>)]
    pub answers: Vec<Answer>,
}

/// Stores the patient's answers to a questionnaire and delivers them to the pathway. Answers
/// that are observations are written to the record first. If delivery fails in this request,
/// the background jobs retry it. If an answer says that the patient is in danger, the
/// [contact](crate::safety) is opened first, also for answers that are refused.
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
    answers: Answers,
) -> AppResult<EnrolmentView> {
    caller.may(Action::AnswerQuestionnaire)?;
    let records = extensions.platform.records(caller);
    let ready = ready(&records, id).await?;
    let author = ready.enrolment.enrolled_by == caller.actor.account;
    consent::may_open(
        &extensions.platform,
        caller,
        ready.enrolment.patient,
        (ready.compartments, author),
        "enrolment",
        id,
    )
    .await?;
    let found = danger(&ready, &answers);
    let questionnaire = match checked(&ready, &answers) {
        Ok(questionnaire) => questionnaire,
        Err(refused) => return Err(nobody_left_alone(&records, &ready, found, refused, caller.now).await),
    };

    let by_staff = !caller.actor.acts_for(ready.enrolment.patient);
    let (mut written, mut projections) = (BTreeSet::new(), Vec::new());
    for answer in &answers.answers {
        let question = questionnaire.questions.iter().find(|question| question.link_id == answer.link_id);
        let Some(code) = question.and_then(|question| question.records_as.as_ref()) else { continue };
        let observation = resource::mint("Observation");
        projections.push(project::observation(&project::Answer {
            id: &observation,
            patient: &ready.enrolment.patient.to_string(),
            code,
            value: &answer.value,
            at: caller.now,
            author: caller.actor.account,
            by_staff,
        }));
        written.insert(observation);
    }
    let response = Response { questionnaire: answers.questionnaire, answers: answers.answers };
    // What the patient measured is true whatever a plugin makes of it, and the
    // plugin must hear of it whatever becomes of this request.
    let tx = records.begin().await?;
    let safety = match found {
        Some(found) => safety::open(&tx, ready.enrolment.patient, found, caller.now).await?,
        None => None,
    };
    resource::project(&tx, marked(projections, ready.compartments), caller.now).await?;
    // The observations are events as all others, of all pathways of the patient; this one gets its
    // own at once, and then the response.
    let mut kept = spread_own(extensions, &tx, &ready.enrolment, &written, caller.now).await?;
    kept.retain(|work| work.lane == id.to_string());
    kept.extend(keep(&tx, id, vec![Event::Answered(response)], caller.now).await?);
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let told = tell(extensions, &records, kept, &occasion).await;
    let Stored::<_, Enrolment> { value, .. } = records.get_document(id).await?.try_into()?;
    Ok(EnrolmentView { safety, ..view(&records, value, told.effects, told.calls).await? })
}

/// The greatest danger in answers, whether or not they fit their questions.
fn danger(ready: &Ready, answers: &Answers) -> Option<Found> {
    let known = ready.definition.questionnaires.iter().filter(|known| known.code == answers.questionnaire);
    let questions: Vec<&Question> = known.flat_map(|known| &known.questions).collect();
    let danger = answers.answers.iter().filter_map(|answer| {
        let question = questions.iter().find(|question| question.link_id == answer.link_id);
        let text = question.map(|question| &question.text);
        let records_as = question.and_then(|question| question.records_as.as_ref());
        Asked { link_id: &answer.link_id, text, records_as }.danger(&answer.value)
    });
    let danger = danger.max()?;
    Some(Found { danger, found_in: format!("{}/{}", ready.enrolment.id, answers.questionnaire) })
}

fn checked<'a>(ready: &'a Ready, answers: &Answers) -> AppResult<&'a Questionnaire> {
    if !ready.enrolment.is_active() {
        return Err(AppError::new(Code::PathwayState, "the enrolment has ended"));
    }
    let mut known = ready.definition.questionnaires.iter();
    let questionnaire = known
        .find(|known| known.code == answers.questionnaire)
        .ok_or_else(|| AppError::not_found("questionnaire", &answers.questionnaire))?;
    check_answers(questionnaire, &answers.answers)?;
    Ok(questionnaire)
}

/// A refusal of answers, with what a patient in danger is shown: that they do not fit is no reason to
/// overlook what they say.
async fn nobody_left_alone(
    records: &Tenant,
    ready: &Ready,
    found: Option<Found>,
    refused: AppError,
    now: Instant,
) -> AppError {
    let Some(found) = found else { return refused };
    let opened = async {
        let tx = records.begin().await?;
        let notice = safety::open(&tx, ready.enrolment.patient, found, now).await?;
        tx.commit().await?;
        AppResult::Ok(notice)
    };
    match opened.await {
        Ok(notice) => refused.with("safety", notice),
        Err(error) => error,
    }
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

/// Checks that every answer fits its question and no required answer is missing. A value that
/// cannot be right is refused at once: who typed it can correct it.
fn check_answers(questionnaire: &Questionnaire, answers: &[Answer]) -> AppResult<()> {
    let wrong = |link: &str, what: &str| {
        Err(AppError::new(Code::BodyInvalid, format!("answer `{link}`: {what}"))
            .with("path", format!("answers.{link}")))
    };
    let mut seen = BTreeSet::new();
    for answer in answers {
        let link = answer.link_id.as_str();
        let Some(question) = questionnaire.questions.iter().find(|question| question.link_id == link) else {
            return wrong(link, "there is no such question");
        };
        if !seen.insert(link) {
            return wrong(link, "answered twice");
        }
        match (&question.kind, &answer.value) {
            (AnswerKind::Boolean, AnswerValue::Boolean(_))
            | (AnswerKind::Integer, AnswerValue::Integer(_))
            | (AnswerKind::Text, AnswerValue::Text(_)) => {}
            (AnswerKind::Quantity(unit), AnswerValue::Quantity(quantity)) if *unit == measure::unit(&quantity.unit) => {
                let what = question.records_as.as_ref().and_then(|code| measurand(std::slice::from_ref(code)));
                if let Some(Err(fault)) = what.map(|what| what.canonical(quantity)) {
                    let said = format!("answer `{link}`: {} {}", quantity.value, quantity.unit);
                    return Err(AppError::new(fault.code(), said).with("path", format!("answers.{link}")));
                }
            }
            (AnswerKind::Quantity(unit), AnswerValue::Quantity(_)) => {
                return wrong(link, &format!("asked in `{unit}`"));
            }
            (AnswerKind::Choice(choices), AnswerValue::Choice(choice)) => {
                if !choices.iter().any(|known| known.same(choice)) {
                    return wrong(link, "is not one of the choices");
                }
            }
            _ => return wrong(link, "is of another kind than the question"),
        }
    }
    match questionnaire.questions.iter().find(|question| question.required && !seen.contains(question.link_id.as_str()))
    {
        Some(question) => wrong(&question.link_id, "is required"),
        None => Ok(()),
    }
}
