//! The step at each event.

mod rules;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use xinglin_pathway_file::model::{Exit, Pathway, Stage};
use xinglin_sdk::{
    clinical::{Observation, Snapshot},
    pathway::{
        Alert, AnswerValue, Directive, Error, Event, News, Outcome, Reason, Response, Role, Severity, State, Task,
    },
    time::{Instant, plus_days},
    types::{Citation, Codings as _, LocalizedText, zh_en},
};

use crate::{
    facts::{self, Known},
    memory::{Given, Memory},
    text::{self, choices, citation},
};

/// Minutes within which somebody looks at a value or answer that cannot be read: a day. A project
/// default.
const UNREADABLE_MINUTES: u32 = 24 * 60;
/// Longest text of an answer that is kept, in characters.
const LONGEST_TEXT: usize = 200;

/// One step.
pub fn step(
    file: &Pathway,
    state: Option<&State>,
    event: &Event,
    snapshot: &Snapshot,
    now: Instant,
) -> Result<Outcome, Error> {
    let memory = match state {
        Some(state) => Memory::read(state, file)?,
        None => Memory::new(file, now),
    };
    let mut step = Step {
        file,
        memory,
        snapshot,
        now,
        touched: BTreeSet::new(),
        fired: BTreeSet::new(),
        tasks: BTreeMap::new(),
        asked: BTreeSet::new(),
        directives: Vec::new(),
        closed: None,
    };
    match event {
        Event::Enrolled => step.begin_stage(),
        Event::TaskDue(task) => step.task_due(&task.code),
        Event::TaskDone(task) => step.task_done(task),
        Event::Observed(observation) => step.observed(observation),
        Event::Answered(response) => step.answered(response),
        Event::HoldReleased(code) => {
            step.memory.holds.remove(code);
        }
        Event::Withdrawn => step.withdrawn(),
        Event::Other(attributes) => match News::of(attributes) {
            News::TaskOverdue(task) => step.task_overdue(&task.code),
            News::TaskMissed(task) => step.task_missed(&task.code),
            News::Unknown => {}
        },
        Event::AlertAcknowledged(_) => {}
    }
    step.judge();
    step.outcome()
}

/// What an event brought: rules that look at it are judged anew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Touched {
    Measure(String),
    Questionnaire(String),
    Task(String),
}

/// A step in progress.
struct Step<'a> {
    file: &'a Pathway,
    memory: Memory,
    snapshot: &'a Snapshot,
    now: Instant,
    touched: BTreeSet<Touched>,
    /// Alerts and rules of this step.
    fired: BTreeSet<&'a str>,
    /// Tasks to schedule or, if none, to cancel: the last word on each counts.
    tasks: BTreeMap<String, Option<Task>>,
    asked: BTreeSet<String>,
    directives: Vec<Directive>,
    closed: Option<Reason>,
}

impl<'a> Step<'a> {
    fn stage(&self) -> Option<&'a Stage> {
        self.file.stage(&self.memory.stage)
    }

    fn known(&self) -> Known<'_> {
        Known { file: self.file, memory: &self.memory, snapshot: self.snapshot, now: self.now }
    }

    fn outcome(self) -> Result<Outcome, Error> {
        let mut directives = self.directives;
        if self.closed.is_none() {
            directives.extend(self.tasks.into_iter().map(|(code, task)| match task {
                Some(task) => Directive::ScheduleTask(task),
                None => Directive::CancelTask(code),
            }));
        }
        directives.extend(self.closed.map(Directive::Close));
        Ok(Outcome { state: self.memory.write()?, stage: self.memory.stage.clone(), directives })
    }

    /// Rules first, then exits; a new stage is judged too. Each stage is entered at most once a step.
    fn judge(&mut self) {
        for _ in 0..=self.file.stages.len() {
            if self.closed.is_some() {
                return;
            }
            self.fire_rules();
            match self.open_exit() {
                Some(exit) => self.leave(exit),
                None => return,
            }
        }
    }

    fn leave(&mut self, exit: &Exit) {
        self.cancel_stage();
        if let Some(code) = &exit.close {
            self.closed = Some(Reason {
                code: code.clone(),
                message: text::text(&exit.message),
                citation: citation(self.file, exit.citation.as_ref()),
            });
        } else if let Some(to) = &exit.to {
            let own = format!("{}/", self.memory.stage);
            self.memory.firing.retain(|key| !key.starts_with(&own));
            self.memory.stage.clone_from(to);
            self.memory.since = self.now;
            self.memory.missed.clear();
            self.begin_stage();
        }
    }

    fn withdrawn(&mut self) {
        self.closed = Some(Reason {
            code: "WITHDRAWN".to_owned(),
            message: zh_en("患者退出随访。", "The patient leaves the follow-up."),
            citation: Citation::new("中华人民共和国基本医疗卫生与健康促进法", 2019).section("第三十二条"),
        });
    }

    /// The host has told the care team of values that it refused; here are those that only the file
    /// knows the unit of.
    fn observed(&mut self, observation: &Observation) {
        for measure in self.file.measures.iter().filter(|measure| facts::is_of(observation, measure)) {
            self.touched.insert(Touched::Measure(measure.code.clone()));
            match (facts::quantity(observation, measure), facts::value(observation, measure)) {
                (_, Some(_)) if !observation.is_self_reported() => self.result_came(&measure.code, observation),
                (Some(quantity), None) => {
                    let label = observation.code.label();
                    self.unreadable(
                        "MEASUREMENT_NOT_UNDERSTOOD",
                        zh_en(
                            format!("{label}的数值 {quantity} 单位无法识别,请核对。"),
                            format!("{label}: {quantity} is in a unit that is not understood. Please check."),
                        ),
                    );
                }
                _ => {}
            }
        }
    }

    fn answered(&mut self, response: &Response) {
        let Some(questionnaire) = self.file.questionnaire(&response.questionnaire) else { return };
        let mut given = BTreeMap::new();
        let mut unclear = Vec::new();
        for answer in &response.answers {
            let Some(question) = questionnaire.questions.iter().find(|known| known.code == answer.link_id) else {
                continue;
            };
            let system = choices(self.file, &questionnaire.code, &question.code);
            match read(self.file, question, &system, &answer.value) {
                Some(value) => {
                    given.insert(question.code.clone(), value);
                }
                None => unclear.push(question.text.clone()),
            }
        }
        self.memory.answers.insert(questionnaire.code.clone(), given);
        self.touched.insert(Touched::Questionnaire(questionnaire.code.clone()));
        if let Some(text) = unclear.first() {
            let (zh, en) = (text.zh.as_deref().unwrap_or_default(), text.en.as_deref().unwrap_or_default());
            self.unreadable(
                "ANSWER_NOT_UNDERSTOOD",
                zh_en(
                    format!("回答无法识别或不合理,请核对:{zh}"),
                    format!("An answer cannot be right. Please check: {en}"),
                ),
            );
        }
        self.answer_came(&questionnaire.code);
    }

    /// Once a step: the host takes an alert once.
    fn unreadable(&mut self, code: &'static str, message: LocalizedText) {
        if !self.fired.insert(code) {
            return;
        }
        self.directives.push(Directive::RaiseAlert(Alert {
            code: code.to_owned(),
            severity: Severity::Warning,
            message,
            owner: Role::Doctor,
            sla_minutes: UNREADABLE_MINUTES,
            citation: Citation::new("The Unified Code for Units of Measure", 2017),
        }));
    }

    fn schedule(&mut self, code: &str, title: LocalizedText, owner: Role, due: Instant, window_days: u16) {
        let task = Task { code: code.to_owned(), title, owner, due, window_days };
        self.tasks.insert(code.to_owned(), Some(task));
    }

    fn cancel(&mut self, code: &str) {
        self.tasks.insert(code.to_owned(), None);
    }

    fn ask(&mut self, questionnaire: &str) {
        if self.asked.insert(questionnaire.to_owned()) {
            self.directives.push(Directive::Ask(questionnaire.to_owned()));
        }
    }

    fn days_from_now(&self, days: u16) -> Instant {
        plus_days(self.now, i64::from(days))
    }
}

/// An answer in the form of its question; none if it has another form, or is out of bounds.
fn read(
    file: &Pathway,
    question: &xinglin_pathway_file::model::Question,
    system: &str,
    value: &AnswerValue,
) -> Option<Given> {
    use xinglin_pathway_file::model::Kind;
    let number = match (question.kind, value) {
        (Kind::Boolean, AnswerValue::Boolean(truth)) => return Some(Given::Truth(*truth)),
        (Kind::Text, AnswerValue::Text(text)) => {
            return Some(Given::Code(text.chars().take(LONGEST_TEXT).collect()));
        }
        (Kind::Choice, AnswerValue::Choice(coding)) => {
            let known = question.choices.iter().any(|choice| coding.is(system, &choice.code));
            return known.then(|| Given::Code(coding.code.clone()));
        }
        (Kind::Integer, AnswerValue::Integer(whole)) => xinglin_pathway_file::number::Number::whole(*whole),
        (Kind::Quantity, AnswerValue::Quantity(quantity)) => {
            let value = text::number(quantity.value);
            let own = question.unit.as_deref().unwrap_or_default();
            if quantity.unit == own {
                value
            } else {
                let measure = question.records_as.as_deref().and_then(|code| file.measure(code))?;
                measure.own(value, &quantity.unit, false).filter(|_| measure.unit == own)?
            }
        }
        _ => return None,
    };
    let beyond = |limit: &Option<xinglin_pathway_file::number::Number>, wrong| {
        limit.is_some_and(|limit| number.compare(limit).is_none_or(|ordering| ordering == wrong))
    };
    if beyond(&question.least, std::cmp::Ordering::Less) || beyond(&question.most, std::cmp::Ordering::Greater) {
        return None;
    }
    number.parts().map(|(unscaled, scale)| Given::Number(unscaled, scale))
}
