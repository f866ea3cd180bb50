//! One synthetic patient in a pathway, from enrolment to the last day.

use std::collections::{BTreeMap, BTreeSet};

use xinglin_domain::{
    clinical::{Condition, ConditionStatus, Observation, ObservationValue, Sex, Snapshot, Subject},
    coding::{Coding, Decimal, Quantity},
    id::CallId,
    pathway::{
        Alert, Answer, AnswerKind, AnswerValue, Departure, Destination, Directive, Eligibility, Event, Hold, Item,
        Outcome, Provenance, Questionnaire, Reading, RequestEnd, RequestReport, Response, Role, State, Task, TaskEnd,
        TaskRef, TaskReport, Tracked,
    },
    time::{Day, Instant},
};

use super::{Pathway, START, dice::Dice};
use crate::cli::pathway::synthetic::{observation, recorded, values};

/// Most observations of a snapshot.
const KEPT: usize = 60;
/// Most steps of one patient: a pathway that asks without end is stopped.
const MOST_STEPS: usize = 5_000;

/// What was counted of a patient.
#[derive(Debug, Default)]
pub struct Counted {
    /// Why the patient was not enrolled.
    pub refused: Option<String>,
    /// The stage at the end, or why the pathway ended.
    pub end: String,
    /// Alerts: code, severity and owner, with the day.
    pub alerts: Vec<(String, &'static str, Role, i64)>,
    /// Alerts that were taken up in time, by code.
    pub in_time: BTreeMap<String, usize>,
    /// Referrals, by destination.
    pub referrals: BTreeMap<&'static str, usize>,
    /// Questionnaires: asked, answered.
    pub questionnaires: BTreeMap<String, [usize; 2]>,
    /// Tasks by owner: due, done, missed.
    pub tasks: BTreeMap<&'static str, [usize; 3]>,
    /// Minutes of staff, by role.
    pub minutes: BTreeMap<&'static str, i64>,
    /// Holds, messages, laboratory requests, requests that lapsed.
    pub asked: BTreeMap<&'static str, usize>,
    /// Calls of the pathway.
    pub steps: usize,
    /// Steps that it could not decide.
    pub undecided: usize,
    /// The first step that failed.
    pub failed: Option<String>,
}

/// What waits to happen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Enrolled,
    Due(String, u32),
    Fate(String, u32, bool),
    Done(String, u32),
    Answer(String),
    Result(Vec<String>),
    /// The request of a code, if it is still the one of this number: met, or its time is over.
    Ended(String, u64, bool),
    Device,
    Acknowledge(String),
    Release(String),
    Withdraw,
}

#[derive(Debug)]
struct Open {
    task: Task,
    round: u32,
    told: bool,
}

/// A patient on the way.
pub struct Course<'a> {
    pathway: &'a Pathway,
    number: u32,
    dice: Dice,
    days: i64,
    /// Of a thousand things asked of the patient, how many are done.
    adherence: i64,
    /// From 0, well, to 100; and by how much it changes in thirty days.
    severity: i64,
    drift: i64,
    subject: Subject,
    conditions: Vec<Condition>,
    state: Option<State>,
    stage: String,
    tasks: BTreeMap<String, Open>,
    holds: BTreeSet<String>,
    /// Open requests whose end is told, with their numbers.
    requests: BTreeMap<String, u64>,
    /// Newest first.
    observations: Vec<Observation>,
    waiting: BTreeSet<(Instant, u64, Next)>,
    sequence: u64,
    counted: Counted,
}

impl<'a> Course<'a> {
    /// A patient by number: age, sex, one of the diagnoses of the pathway, and temper.
    pub fn of(pathway: &'a Pathway, number: u32, seed: u64, days: u16) -> Self {
        let mut dice = Dice::of(seed, number);
        let age = dice.between(18, 85);
        let sex = if dice.happens(500) { Sex::Female } else { Sex::Male };
        let diagnosis = dice.pick(&pathway.definition.conditions).cloned();
        let condition = |code: Coding| Condition {
            code: vec![code],
            status: ConditionStatus::Active,
            onset: Some(START.plus_days(-400)),
            attributes: Vec::new(),
        };
        let adherence = dice.between(500, 980);
        let (severity, drift) = (dice.between(5, 85), dice.between(-20, 8));
        Self {
            pathway,
            number,
            days: i64::from(days),
            adherence,
            severity,
            drift,
            subject: Subject { pseudonym: format!("patient-{number}"), age_months: u32::try_from(age * 12).ok(), sex },
            conditions: diagnosis.into_iter().map(condition).collect(),
            state: None,
            stage: String::new(),
            tasks: BTreeMap::new(),
            holds: BTreeSet::new(),
            requests: BTreeMap::new(),
            observations: Vec::new(),
            waiting: BTreeSet::new(),
            sequence: 0,
            counted: Counted::default(),
            dice,
        }
    }

    /// To the last day, or the end of the pathway.
    pub async fn run(mut self) -> Counted {
        self.baseline();
        if let Some(refused) = self.screen().await {
            self.counted.refused = Some(refused);
            return self.counted;
        }
        self.later(START, Next::Enrolled);
        self.later(START.plus_days(1), Next::Device);
        if self.dice.happens(20) {
            let day = self.dice.between(1, self.days);
            self.later(START.plus_days(day), Next::Withdraw);
        }
        let end = START.plus_days(self.days);
        while let Some((now, _, next)) = self.waiting.pop_first() {
            if now > end || self.counted.steps >= MOST_STEPS || self.counted.failed.is_some() {
                break;
            }
            if self.happen(next, now).await {
                return self.counted;
            }
        }
        if self.counted.steps >= MOST_STEPS {
            self.counted.failed.get_or_insert(format!("patient {}: more than {MOST_STEPS} steps", self.number));
        }
        self.counted.end = format!("in {}", self.stage);
        self.counted
    }

    fn later(&mut self, at: Instant, next: Next) {
        self.sequence += 1;
        self.waiting.insert((at, self.sequence, next));
    }

    fn severity_at(&mut self, now: Instant) -> i64 {
        let day = (now.micros() - START.micros()) / 86_400_000_000;
        let noise = self.dice.between(-12, 12);
        (self.severity + self.drift * day / 30 + noise).clamp(0, 100)
    }

    /// Values that are known before the enrolment.
    fn baseline(&mut self) {
        let codes: Vec<Coding> = self.needed();
        for code in codes {
            if self.dice.happens(700) {
                let at = START.plus_days(-self.dice.between(1, 60));
                if let Some(value) = self.value(&code, at) {
                    self.observations.push(observation(&code, value, at, false));
                }
            }
        }
        self.observations.sort_by_key(|known| std::cmp::Reverse(known.effective));
    }

    fn needed(&self) -> Vec<Coding> {
        crate::cli::pathway::synthetic::needed(&self.pathway.definition).cloned().collect()
    }

    /// A value between the usual and the worst, by severity; one in fifty is at the other end.
    fn value(&mut self, code: &Coding, at: Instant) -> Option<ObservationValue> {
        let known = values(code);
        let severity = self.severity_at(at);
        let numbers: Vec<Decimal> = known
            .iter()
            .filter_map(|value| match value {
                ObservationValue::Quantity(quantity) => Some(quantity.value),
                _ => None,
            })
            .collect();
        let unit = known.iter().find_map(|value| match value {
            ObservationValue::Quantity(quantity) => Some(quantity.unit.clone()),
            _ => None,
        })?;
        let [low, usual, high] = numbers[..] else { return None };
        let whole = |number: Decimal| number.unscaled() * 10 / 10_i64.pow(u32::from(number.scale()));
        let (low, usual, high) = (whole(low), whole(usual), whole(high));
        let tenths = match self.dice.happens(20) {
            true => low,
            false => usual + (high - usual) * (severity - 30).max(-20) / 140,
        };
        let value = Decimal::new(tenths, 1).ok()?;
        Some(ObservationValue::Quantity(Quantity { value, unit }))
    }

    fn snapshot(&self, now: Instant) -> Snapshot {
        Snapshot {
            taken_at: now,
            subject: self.subject.clone(),
            conditions: self.conditions.clone(),
            allergies: Vec::new(),
            medications: Vec::new(),
            observations: self.observations.clone(),
            omissions: Vec::new(),
            attributes: Vec::new(),
        }
        .with_facts()
    }

    fn call(&mut self) -> CallId {
        self.counted.steps += 1;
        CallId::from_u128(u128::from(self.number) << 64 | self.counted.steps as u128)
    }

    async fn screen(&mut self) -> Option<String> {
        let (call, snapshot) = (self.call(), self.snapshot(START));
        let context = self.pathway.context(call, START);
        let screened = self.pathway.runtime.screen(&self.pathway.plugin, context, &snapshot, START).await;
        match self.pathway.took(screened).await {
            Ok(Ok(Eligibility::Eligible)) => None,
            Ok(Ok(Eligibility::Ineligible(reasons) | Eligibility::ReferOffline(reasons))) => {
                Some(reasons.first().map_or_else(|| "no reason".to_owned(), |reason| reason.code.clone()))
            }
            Ok(Err(_)) => Some("undecided".to_owned()),
            Err(failure) => {
                self.counted.failed = Some(format!("patient {}: screen: {failure}", self.number));
                Some("failed".to_owned())
            }
        }
    }

    /// What was waited for happens; whether the pathway has ended.
    async fn happen(&mut self, next: Next, now: Instant) -> bool {
        let event = match next {
            Next::Enrolled => Event::Enrolled,
            Next::Due(code, round) => {
                let Some(open) = self.tasks.get_mut(&code).filter(|open| open.round == round && !open.told) else {
                    return false;
                };
                open.told = true;
                let task = open.task.clone();
                self.come_due(&task, round, now);
                let event = Event::TaskDue(TaskRef { code, due: task.due });
                if task.window_minutes == 0 {
                    self.repeat(&task, now);
                }
                event
            }
            Next::Fate(code, round, missed) => {
                let Some(open) = self.tasks.get(&code).filter(|open| open.round == round) else { return false };
                let task = TaskRef { code, due: open.task.due };
                if missed {
                    self.counted.tasks.entry(name(open.task.owner)).or_default()[2] += 1;
                }
                let end = if missed { TaskEnd::Missed } else { TaskEnd::Overdue };
                if missed {
                    let task = open.task.clone();
                    self.repeat(&task, now);
                }
                Event::TaskEnded(TaskReport { task, end, at: now })
            }
            Next::Done(code, round) => {
                let Some(open) = self.tasks.get(&code).filter(|open| open.round == round) else { return false };
                let done = open.task.clone();
                let (owner, due) = (done.owner, done.due);
                self.tasks.remove(&code);
                self.repeat(&done, now);
                self.counted.tasks.entry(name(owner)).or_default()[1] += 1;
                if !matches!(owner, Role::Patient | Role::Guardian) {
                    *self.counted.minutes.entry(name(owner)).or_default() += TASK_MINUTES;
                }
                Event::TaskEnded(TaskReport { task: TaskRef { code, due }, end: TaskEnd::Done, at: now })
            }
            Next::Answer(code) => return self.answer(&code, now).await,
            Next::Result(codes) => {
                for code in codes {
                    let code = Coding::new(xinglin_domain::coding::system::LOINC, code);
                    if let Some(value) = self.value(&code, now)
                        && self.observe(observation(&code, value, now, false), now).await
                    {
                        return true;
                    }
                }
                return false;
            }
            Next::Ended(code, number, met) => {
                if self.requests.get(&code) != Some(&number) {
                    return false;
                }
                return self.ended(code, met, now).await;
            }
            Next::Device => return self.device(now).await,
            Next::Acknowledge(code) => Event::AlertAcknowledged(code),
            Next::Release(code) => match self.holds.remove(&code) {
                true => Event::HoldReleased(code),
                false => return false,
            },
            Next::Withdraw => {
                self.step(&Event::Departed(Departure::Withdrawn), now).await;
                self.counted.end = "withdrawn".to_owned();
                return true;
            }
        };
        self.step(&event, now).await
    }

    /// A task is due: whoever it was given to does it, late, or never.
    fn come_due(&mut self, task: &Task, round: u32, now: Instant) {
        self.counted.tasks.entry(name(task.owner)).or_default()[0] += 1;
        let patient = matches!(task.owner, Role::Patient | Role::Guardian);
        let (chance, hours) = if patient { (self.adherence, 72) } else { (STAFF_PER_MILLE, 24) };
        if self.dice.happens(chance) {
            let at = now.plus_hours(self.dice.between(1, hours));
            self.later(at, Next::Done(task.code.clone(), round));
        }
        let window = i64::from(task.window_minutes);
        if window > 24 * 60 {
            self.later(task.due.plus_days(1).max(now), Next::Fate(task.code.clone(), round, false));
        }
        if window > 0 {
            self.later(task.due.plus_minutes(window).max(now), Next::Fate(task.code.clone(), round, true));
        }
    }

    /// A reading of a device now and then, by those who have one.
    async fn device(&mut self, now: Instant) -> bool {
        let days = self.dice.between(5, 20);
        self.later(now.plus_days(days), Next::Device);
        if self.number % 2 == 1 || !self.dice.happens(self.adherence) {
            return false;
        }
        let needed = self.needed();
        let Some(code) = self.dice.pick(&needed).cloned() else { return false };
        match self.value(&code, now) {
            Some(value) => self.observe(observation(&code, value, now, true), now).await,
            None => false,
        }
    }

    async fn observe(&mut self, observation: Observation, now: Instant) -> bool {
        self.observations.insert(0, observation.clone());
        self.observations.truncate(KEPT);
        if !self.pathway.definition.hears_of(&observation.code) {
            return false;
        }
        let provenance = match observation.attributes.iter().any(|mark| mark.key == "xinglin.self-reported") {
            true => Provenance::SelfReported,
            false => Provenance::Laboratory,
        };
        self.step(&Event::Observed(Reading { observation, provenance }), now).await
    }

    async fn answer(&mut self, code: &str, now: Instant) -> bool {
        let known = self.pathway.definition.questionnaires.iter().find(|known| known.code == code).cloned();
        let Some(known) = known else { return false };
        self.counted.questionnaires.entry(code.to_owned()).or_default()[1] += 1;
        let (response, measured) = self.answers(&known, now);
        for one in measured {
            if self.observe(one, now).await {
                return true;
            }
        }
        if self.step(&Event::Answered(response), now).await {
            return true;
        }
        self.requests.contains_key(code) && self.ended(code.to_owned(), true, now).await
    }

    /// Follows a request until its time is over; its number.
    fn follow(&mut self, Tracked { code, by }: Tracked) -> u64 {
        self.later(by, Next::Ended(code.clone(), self.sequence + 1, false));
        self.requests.insert(code, self.sequence);
        self.sequence
    }

    /// The same, and some time before it is met, so often of a thousand.
    fn ask_others(&mut self, tracked: Tracked, per_mille: i64, now: Instant) {
        let hours = (tracked.by.micros() - now.micros()) / 3_600_000_000;
        let code = tracked.code.clone();
        let number = self.follow(tracked);
        if self.dice.happens(per_mille) {
            let at = now.plus_hours(self.dice.between(1, hours.max(1)));
            self.later(at, Next::Ended(code, number, true));
        }
    }

    /// A request ends; whether the pathway has ended.
    async fn ended(&mut self, code: String, met: bool, now: Instant) -> bool {
        self.requests.remove(&code);
        if !met {
            *self.counted.asked.entry("requests that lapsed").or_default() += 1;
        }
        let end = if met { RequestEnd::Fulfilled } else { RequestEnd::Lapsed };
        let report = RequestReport { code, end, at: now, outcome: Vec::new() };
        self.step(&Event::RequestEnded(report), now).await
    }

    fn answers(&mut self, known: &Questionnaire, now: Instant) -> (Response, Vec<Observation>) {
        let mut answers = Vec::new();
        for question in &known.items {
            if !known.asks(question, &answers) {
                continue;
            }
            if !question.required && self.dice.happens(300) {
                continue;
            }
            let Some(value) = self.reply(question, now) else { continue };
            answers.push(Answer {
                link_id: question.link_id.clone(),
                values: vec![value],
                at: now,
                author: Role::Patient,
            });
        }
        let measured = recorded(known, &answers, now);
        (Response { questionnaire: known.code.clone(), answers }, measured)
    }

    fn reply(&mut self, question: &Item, now: Instant) -> Option<AnswerValue> {
        let severity = self.severity_at(now);
        Some(match &question.kind {
            AnswerKind::Boolean => AnswerValue::Boolean(self.dice.happens(10 + severity * 2)),
            AnswerKind::Integer(bounds) => {
                let value = bounds.nearest(Decimal::whole(rank(severity, 4)));
                AnswerValue::Integer(value.ceil_over(Decimal::whole(1))?)
            }
            AnswerKind::Decimal(bounds) => AnswerValue::Decimal(bounds.nearest(Decimal::whole(rank(severity, 10)))),
            AnswerKind::Date => AnswerValue::Date(Day::of(now)),
            AnswerKind::Moment => AnswerValue::Moment(now),
            AnswerKind::Display => return None,
            AnswerKind::Text => AnswerValue::Text("-".to_owned()),
            AnswerKind::Choice(choices) => {
                let place = rank(severity, i64::try_from(choices.len()).ok()?);
                AnswerValue::Choice(choices.get(usize::try_from(place).ok()?)?.code.clone())
            }
            AnswerKind::Quantity(unit, bounds) => {
                let measured = question.records_as.as_ref().and_then(|code| self.value(code, now));
                match measured {
                    Some(ObservationValue::Quantity(quantity)) if quantity.unit == *unit => {
                        AnswerValue::Quantity(quantity)
                    }
                    _ => {
                        let value = bounds.nearest(Decimal::whole(self.dice.between(0, 1 + severity / 10)));
                        AnswerValue::Quantity(Quantity { value, unit: unit.clone() })
                    }
                }
            }
        })
    }

    /// Whether the pathway has ended.
    async fn step(&mut self, event: &Event, now: Instant) -> bool {
        let (call, snapshot) = (self.call(), self.snapshot(now));
        let Pathway { runtime, plugin, .. } = self.pathway;
        let context = self.pathway.context(call, now);
        let stepped = runtime.step(plugin, context, self.state.as_ref(), event, &snapshot, now).await;
        match self.pathway.took(stepped).await {
            Ok(Ok(outcome)) => self.carry_out(outcome, now),
            Ok(Err(_)) => {
                self.counted.undecided += 1;
                false
            }
            Err(failure) => {
                let day = (now.micros() - START.micros()) / 86_400_000_000;
                self.counted.failed = Some(format!("patient {}, day {day}: {failure}", self.number));
                false
            }
        }
    }

    fn carry_out(&mut self, outcome: Outcome, now: Instant) -> bool {
        self.state = Some(outcome.state);
        self.stage = outcome.stage;
        for directive in outcome.directives {
            match directive {
                Directive::ScheduleTask(task) => self.schedule(task, now),
                Directive::CancelTask(code) => drop(self.tasks.remove(&code)),
                Directive::Ask(question) => {
                    let code = question.questionnaire;
                    if question.reported {
                        let by = now.plus_minutes(i64::from(question.within_minutes));
                        self.follow(Tracked { code: code.clone(), by });
                    }
                    self.counted.questionnaires.entry(code.clone()).or_default()[0] += 1;
                    if self.dice.happens(self.adherence) {
                        let at = now.plus_hours(self.dice.between(0, 72));
                        self.later(at, Next::Answer(code));
                    }
                }
                Directive::RaiseAlert(alert) => self.alert(&alert, now),
                Directive::Refer(referral) => {
                    let place = match referral.destination {
                        Destination::Offline(_) => "consulting room",
                        Destination::Emergency => "emergency",
                        Destination::Multidisciplinary => "team (MDT)",
                    };
                    *self.counted.referrals.entry(place).or_default() += 1;
                    if let Some(tracked) = referral.tracked {
                        self.ask_others(tracked, self.adherence, now);
                    }
                }
                Directive::RequestLab(request) => {
                    *self.counted.asked.entry("laboratory requests").or_default() += 1;
                    let followed = request.tracked.map(|tracked| (tracked.code.clone(), self.follow(tracked)));
                    if self.dice.happens(LABORATORY_PER_MILLE) {
                        let at = now.plus_hours(self.dice.between(12, 120));
                        self.later(at, Next::Result(request.tests.into_iter().map(|test| test.code).collect()));
                        if let Some((code, number)) = followed {
                            self.later(at, Next::Ended(code, number, true));
                        }
                    }
                }
                Directive::Hold(hold) => self.hold(hold, now),
                Directive::Release(code) => drop(self.holds.remove(&code)),
                Directive::SendMessage(_) => *self.counted.asked.entry("messages").or_default() += 1,
                Directive::ProposeNote(_) => *self.counted.asked.entry("notes proposed").or_default() += 1,
                Directive::Contact(_) => *self.counted.asked.entry("contacts").or_default() += 1,
                Directive::StopVisit(_) => *self.counted.asked.entry("visits stopped").or_default() += 1,
                Directive::Convene(team) => {
                    *self.counted.referrals.entry("team (MDT)").or_default() += 1;
                    self.ask_others(Tracked { code: team.code, by: team.deadline }, IN_TIME_PER_MILLE, now);
                }
                Directive::WithdrawRequest(code) => drop(self.requests.remove(&code)),
                Directive::Close(reason) => {
                    self.counted.end = format!("closed: {}", reason.code);
                    return true;
                }
            }
        }
        false
    }

    fn schedule(&mut self, task: Task, now: Instant) {
        let round = self.tasks.get(&task.code).map_or(0, |open| open.round) + 1;
        // Rounds go on over what was done, so that an old timer meets no new task.
        let round = round.max(u32::try_from(self.sequence).unwrap_or(u32::MAX));
        self.later(task.due.max(now), Next::Due(task.code.clone(), round));
        self.tasks.insert(task.code.clone(), Open { task, round, told: false });
    }

    fn repeat(&mut self, task: &Task, now: Instant) {
        if let Some(again) = task.again(now) {
            self.schedule(again, now);
        }
    }

    fn alert(&mut self, alert: &Alert, now: Instant) {
        use xinglin_domain::review::Severity;
        let (severity, minutes) = match alert.severity {
            Severity::Critical => ("critical", 20),
            Severity::Warning => ("warning", 10),
            Severity::Info => ("info", 5),
        };
        let day = (now.micros() - START.micros()) / 86_400_000_000;
        self.counted.alerts.push((alert.code.clone(), severity, alert.owner, day));
        *self.counted.minutes.entry(name(alert.owner)).or_default() += minutes;
        let sla = i64::from(alert.sla_minutes).max(1);
        let taken = match self.dice.happens(IN_TIME_PER_MILLE) {
            true => {
                *self.counted.in_time.entry(alert.code.clone()).or_default() += 1;
                self.dice.between(1, sla)
            }
            false => self.dice.between(sla, sla * 3),
        };
        self.later(now.plus_minutes(taken), Next::Acknowledge(alert.code.clone()));
    }

    fn hold(&mut self, hold: Hold, now: Instant) {
        *self.counted.asked.entry("holds").or_default() += 1;
        let at = now.plus_hours(self.dice.between(4, 72));
        self.holds.insert(hold.code.clone());
        self.later(at, Next::Release(hold.code));
    }
}

/// Minutes that a task takes staff, of a thousand tasks and alerts how many are done in time, and of a
/// thousand laboratory requests how many are met: assumptions, not measurements.
const TASK_MINUTES: i64 = 10;
const STAFF_PER_MILLE: i64 = 960;
const IN_TIME_PER_MILLE: i64 = 920;
const LABORATORY_PER_MILLE: i64 = 880;

/// Which of so many ranks a severity is.
fn rank(severity: i64, ranks: i64) -> i64 {
    (severity * ranks / 101).clamp(0, (ranks - 1).max(0))
}

/// The name of a role in the report.
pub fn name(role: Role) -> &'static str {
    match role {
        Role::Patient => "patient",
        Role::Guardian => "guardian",
        Role::Doctor => "doctor",
        Role::Pharmacist => "pharmacist",
        Role::Nurse => "nurse",
        Role::HealthManager => "health manager",
        Role::Assistant => "assistant",
        Role::Dietitian => "dietitian",
        Role::Counsellor => "counsellor",
        Role::Psychotherapist => "psychotherapist",
        Role::PublicHealthDoctor => "public-health doctor",
    }
}
