//! `xinglin:pathway@1` ⇄ [`xinglin_domain::pathway`].

use xinglin_domain::{
    clinical::DataNeed,
    coding::{Coding, LocalizedText},
    pathway as domain,
    review::Severity,
    time::Instant,
};

use super::{DescribeInput, ScreenInput, StepInput, state_of};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, raise, raise_text},
    },
    wit::{exports::xinglin::pathway1_0_0::pathway as wit, xinglin::clinical::snapshot},
};

const INTERFACE: &str = "xinglin:pathway/pathway@1.0.0";

/// Minutes within which a questionnaire is answered, of a pathway that cannot say: a project default of a week.
const ANSWER_MINUTES: u32 = 7 * 24 * 60;

// --- the definition ----------------------------------------------------------

impl From<wit::Role> for domain::Role {
    fn from(role: wit::Role) -> Self {
        match role {
            wit::Role::Patient => Self::Patient,
            wit::Role::Doctor => Self::Doctor,
            wit::Role::Pharmacist => Self::Pharmacist,
            wit::Role::Nurse => Self::Nurse,
            wit::Role::HealthManager => Self::HealthManager,
            wit::Role::Dietitian => Self::Dietitian,
            wit::Role::Counsellor => Self::Counsellor,
            wit::Role::Psychotherapist => Self::Psychotherapist,
            wit::Role::Guardian => Self::Guardian,
            wit::Role::Assistant => Self::Assistant,
            wit::Role::PublicHealthDoctor => Self::PublicHealthDoctor,
        }
    }
}

impl From<wit::Stage> for domain::Stage {
    fn from(s: wit::Stage) -> Self {
        Self { code: s.code, title: raise_text(s.title) }
    }
}

impl TryFrom<wit::Question> for domain::Item {
    type Error = Invalid;

    fn try_from(q: wit::Question) -> Result<Self, Invalid> {
        Ok(Self {
            link_id: q.link_id,
            text: raise_text(q.text),
            kind: match q.kind {
                wit::AnswerKind::Boolean => domain::AnswerKind::Boolean,
                wit::AnswerKind::Integer => domain::AnswerKind::Integer(domain::Bounds::default()),
                wit::AnswerKind::Text => domain::AnswerKind::Text,
                wit::AnswerKind::Quantity(unit) => domain::AnswerKind::Quantity(unit, domain::Bounds::default()),
                wit::AnswerKind::Choice(codes) => {
                    domain::AnswerKind::Choice(codes.into_iter().map(Coding::from).map(option).collect())
                }
            },
            required: q.required,
            repeats: false,
            enabled_when: None,
            records_as: q.records_as.map(Into::into),
        })
    }
}

fn option(code: Coding) -> domain::ChoiceOption {
    let words = code.display.clone().unwrap_or_else(|| code.code.clone());
    domain::ChoiceOption { text: LocalizedText::zh_en(&words, &words), code, weight: None }
}

impl TryFrom<wit::Questionnaire> for domain::Questionnaire {
    type Error = Invalid;

    fn try_from(q: wit::Questionnaire) -> Result<Self, Invalid> {
        Ok(Self {
            code: q.code,
            title: raise_text(q.title),
            items: raise(q.questions)?,
            scores: Vec::new(),
            safeguards: Vec::new(),
            citation: q.citation.map(Into::into),
        })
    }
}

/// The `data-need` of the WIT; [`DataNeed`] itself belongs to another package.
fn raise_need(need: wit::DataNeed) -> Result<DataNeed, Invalid> {
    Ok(match need {
        wit::DataNeed::Conditions => DataNeed::Conditions,
        wit::DataNeed::Allergies => DataNeed::Allergies,
        wit::DataNeed::Medications => DataNeed::Medications,
        wit::DataNeed::Observations(codes) => DataNeed::Observations(raise(codes)?),
    })
}

impl TryFrom<wit::Definition> for domain::Definition {
    type Error = Invalid;

    fn try_from(d: wit::Definition) -> Result<Self, Invalid> {
        if d.stages.is_empty() {
            return Err(Invalid("a definition without a stage; a patient must stand somewhere".into()));
        }
        Ok(Self {
            code: d.code,
            title: raise_text(d.title),
            conditions: raise(d.conditions)?,
            stages: raise(d.stages)?,
            questionnaires: raise(d.questionnaires)?,
            data_needs: d.data_needs.into_iter().map(raise_need).collect::<Result<_, _>>()?,
            state_version: d.state_version,
            attributes: raise(d.attributes)?,
            follows_up: false,
        })
    }
}

// --- eligibility and errors --------------------------------------------------

impl From<wit::Reason> for domain::Reason {
    fn from(r: wit::Reason) -> Self {
        Self { code: r.code, message: raise_text(r.message), citation: r.citation.into() }
    }
}

impl TryFrom<wit::Eligibility> for domain::Eligibility {
    type Error = Invalid;

    fn try_from(e: wit::Eligibility) -> Result<Self, Invalid> {
        Ok(match e {
            wit::Eligibility::Eligible => Self::Eligible,
            wit::Eligibility::Ineligible(reasons) => Self::Ineligible(raise(reasons)?),
            wit::Eligibility::ReferOffline(reasons) => Self::ReferOffline(raise(reasons)?),
        })
    }
}

impl From<wit::Error> for domain::PathwayError {
    fn from(e: wit::Error) -> Self {
        match e {
            wit::Error::MissingData(text) => Self::MissingData(raise_text(text)),
            wit::Error::BadState(what) => Self::BadState(what),
            wit::Error::Other(what) => Self::Other(what),
        }
    }
}

// --- events ------------------------------------------------------------------

impl From<&domain::State> for wit::State {
    fn from(s: &domain::State) -> Self {
        Self { version: s.version, data: s.data.clone() }
    }
}

impl TryFrom<wit::State> for domain::State {
    type Error = Invalid;

    fn try_from(s: wit::State) -> Result<Self, Invalid> {
        state_of(s.version, s.data)
    }
}

/// None of a value that a questionnaire of 1.0 cannot ask for.
fn lower_value(value: &domain::AnswerValue) -> Option<wit::AnswerValue> {
    Some(match value {
        domain::AnswerValue::Boolean(v) => wit::AnswerValue::Boolean(*v),
        domain::AnswerValue::Integer(v) => wit::AnswerValue::Integer(*v),
        domain::AnswerValue::Text(v) => wit::AnswerValue::Text(v.clone()),
        domain::AnswerValue::Quantity(v) => wit::AnswerValue::Quantity(v.into()),
        domain::AnswerValue::Choice(v) => wit::AnswerValue::Choice(v.into()),
        domain::AnswerValue::Decimal(_) | domain::AnswerValue::Date(_) | domain::AnswerValue::Moment(_) => return None,
    })
}

fn lower_answer(answer: &domain::Answer) -> Option<wit::Answer> {
    Some(wit::Answer { link_id: answer.link_id.clone(), value: lower_value(answer.values.first()?)? })
}

impl From<&domain::TaskRef> for wit::TaskRef {
    fn from(t: &domain::TaskRef) -> Self {
        Self { code: t.code.clone(), due: t.due.micros() }
    }
}

impl From<&domain::Event> for wit::Event {
    fn from(event: &domain::Event) -> Self {
        match event {
            domain::Event::Enrolled => Self::Enrolled,
            domain::Event::TaskDue(task) => Self::TaskDue(task.into()),
            domain::Event::TaskEnded(report) => match report.end {
                domain::TaskEnd::Done => Self::TaskDone((&report.task).into()),
                _ => Self::Other(lower(&report.attributes())),
            },
            domain::Event::Observed(reading) => Self::Observed((&reading.observation).into()),
            domain::Event::Answered(response) => Self::Answered(wit::Response {
                questionnaire: response.questionnaire.clone(),
                answers: response.answers.iter().filter_map(lower_answer).collect(),
            }),
            domain::Event::RequestEnded(report) => Self::Other(lower(&report.attributes())),
            domain::Event::HoldReleased(code) => Self::HoldReleased(code.clone()),
            domain::Event::AlertAcknowledged(code) => Self::AlertAcknowledged(code.clone()),
            domain::Event::Departed(_) => Self::Withdrawn,
            // Cases that 1.0 has no words for.
            domain::Event::Streamed(_) | domain::Event::Resumed(_) => Self::Other(Vec::new()),
            domain::Event::Other(attributes) => Self::Other(lower(attributes)),
        }
    }
}

// --- directives --------------------------------------------------------------

impl From<wit::Task> for domain::Task {
    fn from(t: wit::Task) -> Self {
        Self {
            code: t.code,
            title: raise_text(t.title),
            owner: t.owner.into(),
            due: Instant::from_micros(t.due),
            window_minutes: u32::from(t.window_days).saturating_mul(24 * 60),
            repeat: None,
        }
    }
}

impl From<wit::Message> for domain::Message {
    fn from(m: wit::Message) -> Self {
        Self { template: m.template, arguments: m.arguments, fallback: raise_text(m.fallback) }
    }
}

impl From<wit::Alert> for domain::Alert {
    fn from(a: wit::Alert) -> Self {
        Self {
            code: a.code,
            severity: match a.severity {
                wit::Severity::Info => Severity::Info,
                wit::Severity::Warning => Severity::Warning,
                wit::Severity::Critical => Severity::Critical,
            },
            message: raise_text(a.message),
            owner: a.owner.into(),
            sla_minutes: a.sla_minutes,
            escalation: Vec::new(),
            citation: a.citation.into(),
        }
    }
}

impl From<wit::Referral> for domain::Referral {
    fn from(r: wit::Referral) -> Self {
        Self {
            tracked: None,
            destination: match r.destination {
                wit::Destination::Offline(department) => domain::Destination::Offline(department.map(Into::into)),
                wit::Destination::Emergency => domain::Destination::Emergency,
                wit::Destination::Multidisciplinary => domain::Destination::Multidisciplinary,
            },
            reason: raise_text(r.reason),
            recontact_days: r.recontact_days,
            citation: r.citation.into(),
        }
    }
}

impl From<wit::Hold> for domain::Hold {
    fn from(h: wit::Hold) -> Self {
        Self {
            code: h.code,
            stops: domain::all_acts(),
            medicines: Vec::new(),
            reason: raise_text(h.reason),
            release: match h.release {
                wit::ReleaseBy::Pathway => domain::ReleaseBy::Pathway,
                wit::ReleaseBy::Doctor => domain::ReleaseBy::Doctor,
            },
            citation: h.citation.into(),
        }
    }
}

impl TryFrom<wit::Directive> for domain::Directive {
    type Error = Invalid;

    fn try_from(directive: wit::Directive) -> Result<Self, Invalid> {
        Ok(match directive {
            wit::Directive::ScheduleTask(task) => Self::ScheduleTask(task.into()),
            wit::Directive::CancelTask(code) => Self::CancelTask(code),
            wit::Directive::Ask(questionnaire) => Self::Ask(domain::Question {
                questionnaire,
                respondent: domain::Role::Patient,
                within_minutes: ANSWER_MINUTES,
                reported: false,
            }),
            wit::Directive::SendMessage(message) => Self::SendMessage(message.into()),
            wit::Directive::RaiseAlert(alert) => Self::RaiseAlert(alert.into()),
            wit::Directive::Refer(referral) => Self::Refer(referral.into()),
            wit::Directive::RequestLab(codes) => {
                Self::RequestLab(domain::LabRequest { tracked: None, tests: raise(codes)?, reason: None })
            }
            wit::Directive::HoldPrescribing(hold) => Self::Hold(hold.into()),
            wit::Directive::ReleasePrescribing(code) => Self::Release(code),
            wit::Directive::ProposeNote(text) => Self::ProposeNote(raise_text(text)),
            wit::Directive::Close(reason) => Self::Close(reason.into()),
        })
    }
}

impl TryFrom<wit::Outcome> for domain::Outcome {
    type Error = Invalid;

    fn try_from(o: wit::Outcome) -> Result<Self, Invalid> {
        Ok(Self { state: o.state.try_into()?, stage: o.stage, directives: raise(o.directives)? })
    }
}

// --- hooks -------------------------------------------------------------------

/// `xinglin:pathway/pathway#describe`.
pub(crate) struct Describe;

impl Hook for Describe {
    const NAME: HookName = HookName { interface: INTERFACE, function: "describe" };
    type Input<'a> = DescribeInput;
    type Output = domain::Definition;
    type Parameters = ();
    type Results = (wit::Definition,);

    fn lower(_: &DescribeInput) {}

    fn raise((definition,): Self::Results) -> Result<Self::Output, Invalid> {
        definition.try_into()
    }
}

/// `xinglin:pathway/pathway#screen`.
pub(crate) struct Screen;

impl Hook for Screen {
    const NAME: HookName = HookName { interface: INTERFACE, function: "screen" };
    type Input<'a> = ScreenInput<'a>;
    type Output = Result<domain::Eligibility, domain::PathwayError>;
    type Parameters = (snapshot::Snapshot, i64);
    type Results = (Result<wit::Eligibility, wit::Error>,);

    fn lower(input: &ScreenInput<'_>) -> Self::Parameters {
        (input.snapshot.as_ref().into(), input.now.micros())
    }

    fn raise((answer,): Self::Results) -> Result<Self::Output, Invalid> {
        Ok(match answer {
            Ok(eligibility) => Ok(eligibility.try_into()?),
            Err(error) => Err(error.into()),
        })
    }
}

/// `xinglin:pathway/pathway#step`.
pub(crate) struct Step;

impl Hook for Step {
    const NAME: HookName = HookName { interface: INTERFACE, function: "step" };
    type Input<'a> = StepInput<'a>;
    type Output = Result<domain::Outcome, domain::PathwayError>;
    type Parameters = (Option<wit::State>, wit::Event, snapshot::Snapshot, i64);
    type Results = (Result<wit::Outcome, wit::Error>,);

    fn lower(input: &StepInput<'_>) -> Self::Parameters {
        (
            input.state.as_deref().map(Into::into),
            input.event.as_ref().into(),
            input.snapshot.as_ref().into(),
            input.now.micros(),
        )
    }

    fn raise((answer,): Self::Results) -> Result<Self::Output, Invalid> {
        Ok(match answer {
            Ok(outcome) => Ok(outcome.try_into()?),
            Err(error) => Err(error.into()),
        })
    }
}
