//! `xinglin:pathway/follow-up@1.1` ⇄ [`xinglin_domain::pathway`].

use xinglin_domain::{
    clinical::DataNeed,
    pathway as domain,
    review::Severity,
    time::{Day, Instant},
};

use super::{DescribeInput, MigrateInput, ScreenInput, StepInput, state_of};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, raise, raise_text},
    },
    wit::{
        exports::xinglin::pathway1_1_0::{follow_up as wit, migration},
        xinglin::{
            clinical::snapshot,
            pathway1_1_0::{questionnaires as form, terms},
            types::types::Coding as WitCoding,
        },
    },
};

const INTERFACE: &str = "xinglin:pathway/follow-up@1.1.0";

// --- words --------------------------------------------------------------------

impl From<terms::Role> for domain::Role {
    fn from(role: terms::Role) -> Self {
        match role {
            terms::Role::Patient => Self::Patient,
            terms::Role::Guardian => Self::Guardian,
            terms::Role::Doctor => Self::Doctor,
            terms::Role::Pharmacist => Self::Pharmacist,
            terms::Role::Nurse => Self::Nurse,
            terms::Role::HealthManager => Self::HealthManager,
            terms::Role::Assistant => Self::Assistant,
            terms::Role::Dietitian => Self::Dietitian,
            terms::Role::Counsellor => Self::Counsellor,
            terms::Role::Psychotherapist => Self::Psychotherapist,
            terms::Role::PublicHealthDoctor => Self::PublicHealthDoctor,
        }
    }
}

impl From<domain::Role> for terms::Role {
    fn from(role: domain::Role) -> Self {
        match role {
            domain::Role::Patient => Self::Patient,
            domain::Role::Guardian => Self::Guardian,
            domain::Role::Doctor => Self::Doctor,
            domain::Role::Pharmacist => Self::Pharmacist,
            domain::Role::Nurse => Self::Nurse,
            domain::Role::HealthManager => Self::HealthManager,
            domain::Role::Assistant => Self::Assistant,
            domain::Role::Dietitian => Self::Dietitian,
            domain::Role::Counsellor => Self::Counsellor,
            domain::Role::Psychotherapist => Self::Psychotherapist,
            domain::Role::PublicHealthDoctor => Self::PublicHealthDoctor,
        }
    }
}

impl From<terms::Reason> for domain::Reason {
    fn from(r: terms::Reason) -> Self {
        Self { code: r.code, message: raise_text(r.message), citation: r.citation.into() }
    }
}

impl From<terms::Error> for domain::PathwayError {
    fn from(e: terms::Error) -> Self {
        match e {
            terms::Error::MissingData(text) => Self::MissingData(raise_text(text)),
            terms::Error::BadState(what) => Self::BadState(what),
            terms::Error::Other(what) => Self::Other(what),
        }
    }
}

impl From<&domain::State> for terms::State {
    fn from(s: &domain::State) -> Self {
        Self { version: s.version, data: s.data.clone() }
    }
}

fn roles(roles: Vec<terms::Role>) -> Vec<domain::Role> {
    roles.into_iter().map(Into::into).collect()
}

// --- the definition ----------------------------------------------------------

impl TryFrom<form::Bounds> for domain::Bounds {
    type Error = Invalid;

    fn try_from(b: form::Bounds) -> Result<Self, Invalid> {
        Ok(Self {
            least: b.least.map(TryInto::try_into).transpose()?,
            most: b.most.map(TryInto::try_into).transpose()?,
        })
    }
}

impl TryFrom<form::AnswerKind> for domain::AnswerKind {
    type Error = Invalid;

    fn try_from(kind: form::AnswerKind) -> Result<Self, Invalid> {
        Ok(match kind {
            form::AnswerKind::Display => Self::Display,
            form::AnswerKind::Boolean => Self::Boolean,
            form::AnswerKind::Integer(bounds) => Self::Integer(bounds.try_into()?),
            form::AnswerKind::Decimal(bounds) => Self::Decimal(bounds.try_into()?),
            form::AnswerKind::Date => Self::Date,
            form::AnswerKind::Moment => Self::Moment,
            form::AnswerKind::Text => Self::Text,
            form::AnswerKind::Quantity(measured) => Self::Quantity(measured.unit, measured.bounds.try_into()?),
            form::AnswerKind::Choice(options) => Self::Choice(
                options
                    .into_iter()
                    .map(|option| domain::ChoiceOption {
                        code: option.code.into(),
                        text: raise_text(option.text),
                        weight: option.weight,
                    })
                    .collect(),
            ),
        })
    }
}

impl TryFrom<form::Condition> for domain::Condition {
    type Error = Invalid;

    fn try_from(c: form::Condition) -> Result<Self, Invalid> {
        Ok(Self {
            link_id: c.link_id,
            test: match c.test {
                form::Test::Answered => domain::Test::Answered,
                form::Test::Equals(code) => domain::Test::Equals(code.into()),
                form::Test::Is(yes) => domain::Test::Is(yes),
                form::Test::AtLeast(least) => domain::Test::AtLeast(least.try_into()?),
            },
        })
    }
}

impl TryFrom<form::Item> for domain::Item {
    type Error = Invalid;

    fn try_from(i: form::Item) -> Result<Self, Invalid> {
        let enabled_when = i.enabled_when.map(|when| {
            Ok::<_, Invalid>(domain::Enablement {
                behavior: match when.behavior {
                    form::Behavior::All => domain::Behavior::All,
                    form::Behavior::Any => domain::Behavior::Any,
                },
                conditions: raise(when.conditions)?,
            })
        });
        Ok(Self {
            link_id: i.link_id,
            text: raise_text(i.text),
            kind: i.kind.try_into()?,
            required: i.required,
            repeats: i.repeats,
            enabled_when: enabled_when.transpose()?,
            records_as: i.records_as.map(Into::into),
        })
    }
}

impl From<form::Contact> for domain::Contact {
    fn from(c: form::Contact) -> Self {
        Self {
            code: c.code,
            owner: c.owner.into(),
            within_minutes: c.within_minutes,
            escalation: roles(c.escalation),
            helplines: c.helplines,
            inform_kin: c.inform_kin,
            locks_visit: c.locks_visit,
            recontact_hours: c.recontact_hours,
            reason: raise_text(c.reason),
            citation: c.citation.into(),
        }
    }
}

impl TryFrom<form::Questionnaire> for domain::Questionnaire {
    type Error = Invalid;

    fn try_from(q: form::Questionnaire) -> Result<Self, Invalid> {
        let scores = q.scores.into_iter().map(|score| domain::Score { code: score.code.into(), items: score.items });
        let safeguards = q.safeguards.into_iter().map(|one| {
            Ok::<_, Invalid>(domain::Safeguard { conditions: raise(one.conditions)?, contact: one.contact.into() })
        });
        Ok(Self {
            code: q.code,
            title: raise_text(q.title),
            items: raise(q.items)?,
            scores: scores.collect(),
            safeguards: safeguards.collect::<Result<_, _>>()?,
            citation: q.citation.map(Into::into),
        })
    }
}

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
        let stages =
            d.stages.into_iter().map(|stage| domain::Stage { code: stage.code, title: raise_text(stage.title) });
        Ok(Self {
            code: d.code,
            title: raise_text(d.title),
            conditions: raise(d.conditions)?,
            stages: stages.collect(),
            questionnaires: raise(d.questionnaires)?,
            data_needs: d.data_needs.into_iter().map(raise_need).collect::<Result<_, _>>()?,
            state_version: d.state_version,
            attributes: raise(d.attributes)?,
            follows_up: true,
        })
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

// --- events ------------------------------------------------------------------

fn lower_day(day: Day) -> form::Date {
    let (year, month, day) = day.parts();
    form::Date { year, month, day }
}

impl From<&domain::AnswerValue> for form::AnswerValue {
    fn from(value: &domain::AnswerValue) -> Self {
        match value {
            domain::AnswerValue::Boolean(v) => Self::Boolean(*v),
            domain::AnswerValue::Integer(v) => Self::Integer(*v),
            domain::AnswerValue::Decimal(v) => Self::Decimal(v.into()),
            domain::AnswerValue::Date(v) => Self::Date(lower_day(*v)),
            domain::AnswerValue::Moment(v) => Self::Moment(v.micros()),
            domain::AnswerValue::Text(v) => Self::Text(v.clone()),
            domain::AnswerValue::Quantity(v) => Self::Quantity(v.into()),
            domain::AnswerValue::Choice(v) => Self::Choice(v.into()),
        }
    }
}

impl From<&domain::Answer> for form::Answer {
    fn from(a: &domain::Answer) -> Self {
        Self { link_id: a.link_id.clone(), values: lower(&a.values), at: a.at.micros(), author: a.author.into() }
    }
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
            domain::Event::TaskEnded(report) => Self::TaskEnded(wit::TaskReport {
                task: (&report.task).into(),
                end: match report.end {
                    domain::TaskEnd::Done => wit::TaskEnd::Done,
                    domain::TaskEnd::Overdue => wit::TaskEnd::Overdue,
                    domain::TaskEnd::Missed => wit::TaskEnd::Missed,
                    domain::TaskEnd::Declined => wit::TaskEnd::Declined,
                },
                at: report.at.micros(),
            }),
            domain::Event::Observed(reading) => Self::Observed(wit::Reading {
                observation: (&reading.observation).into(),
                provenance: match reading.provenance {
                    domain::Provenance::Laboratory => wit::Provenance::Laboratory,
                    domain::Provenance::Clinician => wit::Provenance::Clinician,
                    domain::Provenance::Device => wit::Provenance::Device,
                    domain::Provenance::SelfReported => wit::Provenance::SelfReported,
                },
            }),
            domain::Event::Streamed(series) => Self::Streamed(wit::Series {
                code: (&series.code).into(),
                unit: series.unit.clone(),
                points: series
                    .points
                    .iter()
                    .map(|point| wit::Point { at: point.at.micros(), value: (&point.value).into() })
                    .collect(),
                duplicates: series.duplicates,
                implausible: series.implausible,
            }),
            domain::Event::Answered(response) => Self::Answered(form::Response {
                questionnaire: response.questionnaire.clone(),
                answers: lower(&response.answers),
            }),
            domain::Event::RequestEnded(report) => Self::RequestEnded(wit::RequestReport {
                code: report.code.clone(),
                end: match report.end {
                    domain::RequestEnd::Fulfilled => wit::RequestEnd::Fulfilled,
                    domain::RequestEnd::Lapsed => wit::RequestEnd::Lapsed,
                    domain::RequestEnd::Declined => wit::RequestEnd::Declined,
                },
                at: report.at.micros(),
                outcome: lower::<_, WitCoding>(&report.outcome),
            }),
            domain::Event::HoldReleased(code) => Self::HoldReleased(code.clone()),
            domain::Event::AlertAcknowledged(code) => Self::AlertAcknowledged(code.clone()),
            domain::Event::Departed(how) => Self::Departed(match how {
                domain::Departure::Withdrawn => wit::Departure::Withdrawn,
                domain::Departure::Transferred => wit::Departure::Transferred,
            }),
            domain::Event::Resumed(since) => Self::Resumed(since.micros()),
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
            window_minutes: t.window_minutes,
            repeat: t.repeat.map(|again| domain::Repetition { every_days: again.every_days, times: again.times }),
        }
    }
}

impl From<wit::Alert> for domain::Alert {
    fn from(a: wit::Alert) -> Self {
        Self {
            code: a.code,
            severity: match a.severity {
                terms::Severity::Info => Severity::Info,
                terms::Severity::Warning => Severity::Warning,
                terms::Severity::Critical => Severity::Critical,
            },
            message: raise_text(a.message),
            owner: a.owner.into(),
            sla_minutes: a.sla_minutes,
            escalation: roles(a.escalation),
            citation: a.citation.into(),
        }
    }
}

impl From<wit::Referral> for domain::Referral {
    fn from(r: wit::Referral) -> Self {
        Self {
            tracked: Some(domain::Tracked { code: r.code, by: Instant::from_micros(r.attend_by) }),
            destination: match r.destination {
                wit::Destination::Offline(department) => domain::Destination::Offline(department.map(Into::into)),
                wit::Destination::Emergency => domain::Destination::Emergency,
            },
            reason: raise_text(r.reason),
            recontact_days: r.recontact_days,
            citation: r.citation.into(),
        }
    }
}

impl TryFrom<wit::LabRequest> for domain::LabRequest {
    type Error = Invalid;

    fn try_from(r: wit::LabRequest) -> Result<Self, Invalid> {
        Ok(Self {
            tracked: Some(domain::Tracked { code: r.code, by: Instant::from_micros(r.by) }),
            tests: raise(r.tests)?,
            reason: Some((raise_text(r.reason), r.citation.into())),
        })
    }
}

impl From<wit::Team> for domain::Team {
    fn from(t: wit::Team) -> Self {
        let participants = t.participants.into_iter().map(|one| domain::Participant {
            role: one.role.into(),
            discipline: one.discipline.map(Into::into),
            responsibility: raise_text(one.responsibility),
        });
        Self {
            code: t.code,
            question: raise_text(t.question),
            participants: participants.collect(),
            deadline: Instant::from_micros(t.deadline),
            citation: t.citation.into(),
        }
    }
}

impl TryFrom<wit::Hold> for domain::Hold {
    type Error = Invalid;

    fn try_from(h: wit::Hold) -> Result<Self, Invalid> {
        let acts = [
            (wit::Acts::PRESCRIBE, domain::HeldAct::Prescribe),
            (wit::Acts::APPROVE, domain::HeldAct::Approve),
            (wit::Acts::CHARGE, domain::HeldAct::Charge),
            (wit::Acts::DISPENSE, domain::HeldAct::Dispense),
        ];
        Ok(Self {
            code: h.code,
            stops: acts.into_iter().filter(|(flag, _)| h.stops.contains(*flag)).map(|(_, act)| act).collect(),
            medicines: raise(h.medicines)?,
            reason: raise_text(h.reason),
            release: match h.release {
                wit::ReleaseBy::Pathway => domain::ReleaseBy::Pathway,
                wit::ReleaseBy::Doctor => domain::ReleaseBy::Doctor,
            },
            citation: h.citation.into(),
        })
    }
}

impl TryFrom<wit::Directive> for domain::Directive {
    type Error = Invalid;

    fn try_from(directive: wit::Directive) -> Result<Self, Invalid> {
        Ok(match directive {
            wit::Directive::ScheduleTask(task) => Self::ScheduleTask(task.into()),
            wit::Directive::CancelTask(code) => Self::CancelTask(code),
            wit::Directive::Ask(question) => Self::Ask(domain::Question {
                questionnaire: question.questionnaire,
                respondent: question.respondent.into(),
                within_minutes: question.within_minutes,
                reported: true,
            }),
            wit::Directive::SendMessage(m) => Self::SendMessage(domain::Message {
                template: m.template,
                arguments: m.arguments,
                fallback: raise_text(m.fallback),
            }),
            wit::Directive::RaiseAlert(alert) => Self::RaiseAlert(alert.into()),
            wit::Directive::Contact(contact) => Self::Contact(contact.into()),
            wit::Directive::StopVisit(stop) => Self::StopVisit(domain::Stop {
                code: stop.code,
                reason: raise_text(stop.reason),
                citation: stop.citation.into(),
            }),
            wit::Directive::Refer(referral) => Self::Refer(referral.into()),
            wit::Directive::RequestLab(request) => Self::RequestLab(request.try_into()?),
            wit::Directive::Convene(team) => Self::Convene(team.into()),
            wit::Directive::WithdrawRequest(code) => Self::WithdrawRequest(code),
            wit::Directive::Hold(hold) => Self::Hold(hold.try_into()?),
            wit::Directive::Release(code) => Self::Release(code),
            wit::Directive::ProposeNote(text) => Self::ProposeNote(raise_text(text)),
            wit::Directive::Close(reason) => Self::Close(reason.into()),
        })
    }
}

impl TryFrom<wit::Outcome> for domain::Outcome {
    type Error = Invalid;

    fn try_from(o: wit::Outcome) -> Result<Self, Invalid> {
        let state = state_of(o.state.version, o.state.data)?;
        Ok(Self { state, stage: o.stage, directives: raise(o.directives)? })
    }
}

// --- hooks -------------------------------------------------------------------

/// `xinglin:pathway/follow-up#describe`.
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

/// `xinglin:pathway/follow-up#screen`.
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

/// `xinglin:pathway/follow-up#step`.
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

/// `xinglin:pathway/migration#migrate`.
pub(crate) struct Migrate;

impl Hook for Migrate {
    const NAME: HookName = HookName { interface: "xinglin:pathway/migration@1.1.0", function: "migrate" };
    type Input<'a> = MigrateInput<'a>;
    type Output = Result<domain::Migrated, domain::PathwayError>;
    type Parameters = (terms::State, String);
    type Results = (Result<migration::Migrated, terms::Error>,);

    fn lower(input: &MigrateInput<'_>) -> Self::Parameters {
        (input.state.as_ref().into(), input.stage.clone().into_owned())
    }

    fn raise((answer,): Self::Results) -> Result<Self::Output, Invalid> {
        Ok(match answer {
            Ok(it) => Ok(domain::Migrated { state: state_of(it.state.version, it.state.data)?, stage: it.stage }),
            Err(error) => Err(error.into()),
        })
    }
}
