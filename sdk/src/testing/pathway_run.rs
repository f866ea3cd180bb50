//! Runs a patient through a pathway over time; every directive is applied as the host would.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};

use super::{Host, Patient, START};
use crate::{
    Plugin,
    clinical::Observation,
    pathway::{
        Alert, Answer, AnswerValue, Definition, Directive, Eligibility, Error, Event, Hold, Message, News, Pathway,
        Reason, Referral, ReleaseBy, Response, State, Task, TaskRef,
    },
    time::{Instant, plus_days},
    types::{Attribute, Coding, Quantity},
};

const LARGEST_STATE: usize = 64 * 1024;

/// What a pathway was told of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Due,
    Overdue,
    Missed,
}

/// One patient, one pathway, a clock.
#[derive(Debug)]
pub struct PathwayRun<P> {
    host: Host,
    /// The record. A test may change it between steps.
    pub patient: Patient,
    definition: Definition,
    now: Instant,
    state: Option<State>,
    stage: String,
    tasks: BTreeMap<String, Task>,
    /// What was told last of tasks that are due and not done.
    due: BTreeMap<String, Told>,
    holds: BTreeMap<String, Hold>,
    /// All directives so far.
    journal: Vec<(Instant, Directive)>,
    closed: Option<Reason>,
    plugin: PhantomData<P>,
}

impl<P: Pathway + Plugin> PathwayRun<P> {
    /// Screens and enrols a patient at [`START`].
    ///
    /// # Panics
    /// If the pathway refuses the patient, or the definition is invalid.
    #[track_caller]
    pub fn enrol(patient: Patient) -> Self {
        Self::enrol_on(Host::of::<P>(), patient)
    }

    /// The same with a given host, for example with other settings.
    ///
    /// # Panics
    /// As [`PathwayRun::enrol`].
    #[track_caller]
    pub fn enrol_on(mut host: Host, mut patient: Patient) -> Self {
        let definition = host.call(P::describe);
        check(&definition);
        patient.advance_to(START);
        let snapshot = patient.snapshot_for(&definition.data_needs, START);
        host.about(&patient, START);
        match host.call(|| P::screen(snapshot, START)) {
            Ok(Eligibility::Eligible) => {}
            other => panic!("the pathway does not take this patient: {other:?}"),
        }
        let mut run = Self {
            host,
            patient,
            definition,
            now: START,
            state: None,
            stage: String::new(),
            tasks: BTreeMap::new(),
            due: BTreeMap::new(),
            holds: BTreeMap::new(),
            journal: Vec::new(),
            closed: None,
            plugin: PhantomData,
        };
        run.step(Event::Enrolled);
        run
    }

    /// Delivers an event. Returns the directives, already applied.
    ///
    /// # Panics
    /// If the pathway could not decide, or a directive would be refused by the host.
    #[track_caller]
    pub fn step(&mut self, event: Event) -> Vec<Directive> {
        self.try_step(event).unwrap_or_else(|error| panic!("the pathway could not decide: {error:?}"))
    }

    /// Delivers an event that the pathway may be unable to decide. Nothing is changed then.
    ///
    /// # Errors
    /// The pathway's error.
    ///
    /// # Panics
    /// If a directive would be refused by the host.
    #[track_caller]
    pub fn try_step(&mut self, event: Event) -> Result<Vec<Directive>, Error> {
        assert!(self.closed.is_none(), "the pathway is closed: {:?}", self.closed);
        let leaving = matches!(event, Event::Withdrawn);
        let snapshot = self.patient.snapshot_for(&self.definition.data_needs, self.now);
        let (state, now) = (self.state.clone(), self.now);
        self.host.about(&self.patient, now);
        let outcome = self.host.call_twice(|| P::step(state.clone(), event.clone(), snapshot.clone(), now))?;
        let stages = self.definition.stages.iter().map(|stage| stage.code.as_str());
        let written = (outcome.state.version, outcome.state.data.len());
        check_state(written, self.definition.state_version, (stages, &outcome.stage));
        self.state = Some(outcome.state);
        self.stage = outcome.stage;
        for directive in &outcome.directives {
            if leaving && !matches!(directive, Directive::Close(_)) {
                continue;
            }
            self.carry_out(directive);
            self.journal.push((self.now, directive.clone()));
        }
        Ok(outcome.directives)
    }

    /// Adds a measurement.
    #[track_caller]
    pub fn observe(&mut self, code: Coding, value: &str, unit: &str) -> Vec<Directive> {
        let observation = self.patient.measurement(code, value, unit);
        self.observed(observation)
    }

    /// Adds an observation of any kind.
    #[track_caller]
    pub fn observed(&mut self, observation: Observation) -> Vec<Directive> {
        self.patient.record(observation.clone());
        self.step(Event::Observed(observation))
    }

    /// The patient answers a questionnaire. Answers that are observations are recorded as such, marked
    /// as reported by the patient, and delivered as separate events before the response.
    ///
    /// # Panics
    /// If the definition has no such questionnaire or question.
    #[track_caller]
    pub fn answer(&mut self, questionnaire: &str, answers: Vec<(&str, AnswerValue)>) -> Vec<Directive> {
        let known = self.definition.questionnaires.iter().find(|q| q.code == questionnaire);
        let known = known.unwrap_or_else(|| panic!("the definition has no questionnaire `{questionnaire}`"));
        let mut observations = Vec::new();
        for (link_id, value) in &answers {
            let question = known.questions.iter().find(|question| question.link_id == *link_id);
            let question = question.unwrap_or_else(|| panic!("`{questionnaire}` has no question `{link_id}`"));
            if let (Some(code), AnswerValue::Quantity(Quantity { value, unit })) = (&question.records_as, value) {
                let mut reported = self.patient.measurement(code.clone(), &value.to_string(), unit);
                reported.attributes.push(Attribute::new("xinglin.self-reported", true));
                observations.push(reported);
            }
        }
        for observation in &observations {
            self.patient.record(observation.clone());
        }
        let answers = answers.into_iter().map(|(link_id, value)| Answer { link_id: link_id.to_owned(), value });
        let response = Response { questionnaire: questionnaire.to_owned(), answers: answers.collect() };
        let mut directives = Vec::new();
        for observation in observations {
            directives.extend(self.step(Event::Observed(observation)));
        }
        directives.extend(self.step(Event::Answered(response)));
        directives
    }

    /// Completes an open task.
    ///
    /// # Panics
    /// If there is none with this code.
    #[track_caller]
    pub fn complete(&mut self, code: &str) -> Vec<Directive> {
        let task = self.tasks.remove(code).unwrap_or_else(|| panic!("no open task `{code}`"));
        self.due.remove(code);
        self.step(Event::TaskDone(TaskRef { code: code.to_owned(), due: task.due }))
    }

    /// A doctor releases a hold.
    ///
    /// # Panics
    /// If there is none with this code.
    #[track_caller]
    pub fn release(&mut self, hold: &str) -> Vec<Directive> {
        assert!(self.holds.remove(hold).is_some(), "no hold `{hold}`");
        self.step(Event::HoldReleased(hold.to_owned()))
    }

    /// Advances the clock by days; tasks become due on the way, in order, and those that nobody
    /// completes overdue and missed.
    #[track_caller]
    pub fn advance(&mut self, days: i64) {
        self.advance_to(plus_days(self.now, days));
    }

    /// Advances the clock to a time.
    #[track_caller]
    pub fn advance_to(&mut self, end: Instant) {
        while self.closed.is_none() {
            let next = self.tasks.values().filter_map(|task| {
                let (told, at) = next_telling(task, self.due.get(&task.code).copied())?;
                (at <= end).then(|| (at, told, task.code.clone(), task.due))
            });
            let Some((at, told, code, due)) = next.min_by_key(|(at, ..)| *at) else { break };
            self.now = self.now.max(at);
            self.patient.advance_to(self.now);
            self.due.insert(code.clone(), told);
            let task = TaskRef { code, due };
            self.step(match told {
                Told::Due => Event::TaskDue(task),
                Told::Overdue => Event::Other(News::TaskOverdue(task).attributes()),
                Told::Missed => Event::Other(News::TaskMissed(task).attributes()),
            });
        }
        self.now = end;
        self.patient.advance_to(end);
    }

    /// The current time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The definition of the pathway.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The current stage.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// The pathway's state.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// An open task, due or not.
    pub fn task(&self, code: &str) -> Option<&Task> {
        self.tasks.get(code)
    }

    /// Codes of the open tasks.
    pub fn open_tasks(&self) -> Vec<&str> {
        self.tasks.keys().map(String::as_str).collect()
    }

    /// Codes of the active holds.
    pub fn holds(&self) -> Vec<&str> {
        self.holds.keys().map(String::as_str).collect()
    }

    /// Why the pathway ended, if it did.
    pub fn closed(&self) -> Option<&Reason> {
        self.closed.as_ref()
    }

    /// All directives so far, with their times.
    pub fn journal(&self) -> &[(Instant, Directive)] {
        &self.journal
    }

    /// Codes of all alerts so far, in order.
    pub fn alerts(&self) -> Vec<&str> {
        self.asked(alert).into_iter().map(|alert| alert.code.as_str()).collect()
    }

    /// The last alert with this code.
    pub fn alert(&self, code: &str) -> Option<&Alert> {
        self.asked(alert).into_iter().rfind(|alert| alert.code == code)
    }

    /// All referrals so far.
    pub fn referrals(&self) -> Vec<&Referral> {
        self.asked(|directive| if let Directive::Refer(referral) = directive { Some(referral) } else { None })
    }

    /// All messages to the patient so far.
    pub fn messages(&self) -> Vec<&Message> {
        self.asked(|directive| if let Directive::SendMessage(message) = directive { Some(message) } else { None })
    }

    /// The host, for its log.
    pub fn host(&self) -> &Host {
        &self.host
    }

    fn asked<'a, T>(&'a self, pick: impl Fn(&'a Directive) -> Option<&'a T>) -> Vec<&'a T> {
        self.journal.iter().filter_map(|(_, directive)| pick(directive)).collect()
    }

    #[track_caller]
    fn carry_out(&mut self, directive: &Directive) {
        match directive {
            Directive::ScheduleTask(task) => {
                self.due.remove(&task.code);
                self.tasks.insert(task.code.clone(), task.clone());
            }
            Directive::CancelTask(code) => {
                self.due.remove(code);
                self.tasks.remove(code);
            }
            Directive::Ask(code) => {
                let known = self.definition.questionnaires.iter().any(|q| q.code == *code);
                assert!(known, "the definition has no questionnaire `{code}`");
            }
            Directive::HoldPrescribing(hold) => {
                self.holds.insert(hold.code.clone(), hold.clone());
            }
            Directive::ReleasePrescribing(code) => {
                if let Some(hold) = self.holds.remove(code) {
                    assert_eq!(hold.release, ReleaseBy::Pathway, "only a doctor may lift the hold `{code}`");
                }
            }
            Directive::Close(reason) => self.closed = Some(reason.clone()),
            Directive::RaiseAlert(alert) => assert!(is_stable(&alert.code), "`{}` is not UPPER_SNAKE", alert.code),
            Directive::SendMessage(_) | Directive::Refer(_) | Directive::RequestLab(_) | Directive::ProposeNote(_) => {}
        }
    }
}

/// What a pathway is told next of a task that is not done, as the host does.
fn next_telling(task: &Task, told: Option<Told>) -> Option<(Told, Instant)> {
    let grace = i64::from(task.window_days);
    match told {
        None => Some((Told::Due, task.due)),
        Some(Told::Due) if grace > 1 => Some((Told::Overdue, plus_days(task.due, 1))),
        Some(Told::Due | Told::Overdue) if grace > 0 => Some((Told::Missed, plus_days(task.due, grace))),
        Some(_) => None,
    }
}

fn alert(directive: &Directive) -> Option<&Alert> {
    match directive {
        Directive::RaiseAlert(alert) => Some(alert),
        _ => None,
    }
}

pub(super) fn is_stable(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Checks of the host when the plugin is enabled.
#[track_caller]
fn check(definition: &Definition) {
    assert!(!definition.stages.is_empty(), "a pathway has a first stage");
    unique("stage", definition.stages.iter().map(|stage| stage.code.as_str()));
    unique("questionnaire", definition.questionnaires.iter().map(|q| q.code.as_str()));
    for questionnaire in &definition.questionnaires {
        unique("question", questionnaire.questions.iter().map(|question| question.link_id.as_str()));
    }
}

/// Checks of the host on the state that a step writes, its version and size, and on the stage.
#[track_caller]
pub(super) fn check_state<'a>(
    (version, size): (u32, usize),
    declared: u32,
    (mut stages, stage): (impl Iterator<Item = &'a str>, &str),
) {
    assert!(size <= LARGEST_STATE, "the state has more than 64 KiB");
    assert_eq!(version, declared, "not the declared version of the state");
    assert!(stages.any(|known| known == stage), "`{stage}` is not a stage of the definition");
}

#[track_caller]
pub(super) fn unique<'a>(what: &str, codes: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for code in codes {
        assert!(seen.insert(code), "the {what} `{code}` is there twice");
    }
}
