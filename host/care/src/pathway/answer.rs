use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    clinical::{Observation, ObservationValue},
    code::Code,
    coding::Quantity,
    enrolment::Enrolment,
    id::EnrolmentId,
    pathway::{Answer, AnswerKind, AnswerValue, Event, Questionnaire, Response},
};
use xinglin_extensions::Extensions;
use xinglin_fhir::project;
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored};
use xinglin_records::{
    consent,
    resource::{self, marked},
};

use super::{EnrolmentView, Occasion, keep, ready, tell, view};

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
/// the background jobs retry it.
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
    if !ready.enrolment.is_active() {
        return Err(AppError::new(Code::PathwayState, "the enrolment has ended"));
    }
    let questionnaire = ready
        .definition
        .questionnaires
        .iter()
        .find(|known| known.code == answers.questionnaire)
        .ok_or_else(|| AppError::not_found("questionnaire", &answers.questionnaire))?;
    check_answers(questionnaire, &answers.answers)?;

    let mut events = Vec::new();
    let mut projections = Vec::new();
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
        }));
        events.push(Event::Observed(Observation {
            code: vec![code.clone()],
            value: observed(&answer.value),
            components: Vec::new(),
            effective: Some(caller.now),
            attributes: Vec::new(),
        }));
    }
    events.push(Event::Answered(Response { questionnaire: answers.questionnaire, answers: answers.answers }));
    // What the patient measured is true whatever a plugin makes of it, and the
    // plugin must hear of it whatever becomes of this request.
    let tx = records.begin().await?;
    resource::project(&tx, marked(projections, ready.compartments), caller.now).await?;
    let kept = keep(&tx, id, events, caller.now).await?;
    tx.commit().await?;
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let told = tell(extensions, &records, kept, &occasion).await;
    let Stored::<_, Enrolment> { value, .. } = records.get_document(id).await?.try_into()?;
    view(&records, value, told.effects, told.calls).await
}

/// Checks that every answer fits its question and no required answer is missing.
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
            (AnswerKind::Quantity(unit), AnswerValue::Quantity(Quantity { unit: given, .. })) if unit == given => {}
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

fn observed(value: &AnswerValue) -> ObservationValue {
    match value.clone() {
        AnswerValue::Boolean(yes) => ObservationValue::Boolean(yes),
        AnswerValue::Integer(number) => ObservationValue::Integer(number),
        AnswerValue::Text(text) => ObservationValue::Text(text),
        AnswerValue::Quantity(quantity) => ObservationValue::Quantity(quantity),
        AnswerValue::Choice(coding) => ObservationValue::Coded(vec![coding]),
    }
}
