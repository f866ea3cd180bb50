//! Tries the steps of a compiled pathway.
//!
//! A plugin cannot be read like a file, so it is searched: from the enrolment of some patients, over
//! timers, completed and missed tasks, requests that lapse, are met or turned down, answers at both ends of
//! each question, measurements low, middle and high, and released holds. After all that can happen on the first day, whole courses are followed
//! in time (nobody answers; everything is answered, yes or no, low or high, or high at first and low
//! later); then the situations on them are expanded breadth first. Situations of one patient with the
//! same stage, open tasks and holds are told apart only [`SAME`] times, as what the plugin remembers is
//! opaque. The search ends after [`STEPS`] calls unless told otherwise: what it does not find may still
//! be there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::synthetic::{needed, observation, recorded, values};
use anyhow::{Result, bail};
use xinglin_domain::{
    clinical::{Condition, ConditionStatus, Observation, ObservationValue, Sex, Snapshot, Subject},
    coding::{Attribute, Citation, Coding, Decimal, LocalizedText, Quantity},
    id::{CallId, TenantId},
    pathway::{
        Alert, Answer, AnswerKind, AnswerValue, Definition, Directive, Event, Item, Outcome, PathwayError, Provenance,
        Questionnaire, Reading, RequestEnd, RequestReport, Response, Role, State, Task, TaskEnd, TaskRef, TaskReport,
        Tracked,
    },
    review::Severity,
    time::{Day, Instant},
};
use xinglin_runtime::{CallContext, Grants, HostServices, Interface, Options, Package, Plugin, Runtime};

/// Most calls of a plugin.
pub(super) const STEPS: usize = 20_000;
/// How often a situation that looks the same is expanded.
const SAME: usize = 3;
/// Longest course, in timers.
const COURSE: usize = 150;
/// Most courses of a patient who gets well.
const IMPROVING: usize = 12;
/// How many timers are followed at once after something new.
const FOLLOWED: usize = 4;
/// Most observations in a snapshot of the search.
const KEPT: usize = 60;
/// A critical alert is taken up within a day, as in files.
const MAX_CRITICAL_MINUTES: u32 = 24 * 60;
/// 2026-01-01T00:00:00Z.
const START: Instant = Instant::from_micros(1_767_225_600_000_000);

/// What a search found.
pub(super) struct Explored {
    pub findings: Vec<Found>,
    /// Calls.
    pub steps: usize,
    /// Whether it ended by itself, before the bound.
    pub whole: bool,
    /// Steps that the pathway could not decide.
    pub undecided: usize,
}

/// Something that is wrong, and after which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub name: &'static str,
    pub what: String,
    pub after: Vec<String>,
}

/// Tries at most so many steps of a package.
pub(super) async fn explore(package: &Package, most: usize) -> Result<Explored> {
    if !Interface::is_pathway(package.interfaces()) {
        bail!("it is no pathway: it exports other interfaces");
    }
    let options = Options { calls: 4, calls_per_plugin: 4, calls_per_tenant: 4, unhurried: true, ..Options::default() };
    let runtime = Runtime::new(options)?;
    let manifest = package.manifest();
    let plugin = runtime.load(package, &Grants::as_asked(manifest)).await?;
    let mut calls = Calls { runtime: &runtime, plugin: &plugin, settings: manifest.resolve(&[])?, made: 0 };
    let described = runtime.describe(&plugin, calls.context(START)).await;
    let definition = described.outcome.map_err(|failure| anyhow::anyhow!("describe: {failure}"))?;
    Ok(Search::new(&definition, most).run(&mut calls).await)
}

/// A pathway that can be asked.
trait Steps {
    /// The answer of the pathway, or why there is none.
    async fn step(
        &mut self,
        state: Option<&State>,
        event: &Event,
        snapshot: &Snapshot,
        now: Instant,
    ) -> Result<Result<Outcome, PathwayError>, String>;
}

/// A plugin in the engine, without services of a host: it stores and reads nothing.
struct Calls<'a> {
    runtime: &'a Runtime,
    plugin: &'a Plugin,
    settings: Vec<Attribute>,
    made: u128,
}

impl Calls<'_> {
    fn context(&mut self, now: Instant) -> CallContext {
        self.made += 1;
        CallContext {
            call: CallId::from_u128(self.made),
            tenant: TenantId::from_u128(1),
            request_id: "pathway-check".to_owned(),
            settings: self.settings.clone(),
            now,
            services: HostServices::default(),
        }
    }
}

impl Steps for Calls<'_> {
    async fn step(
        &mut self,
        state: Option<&State>,
        event: &Event,
        snapshot: &Snapshot,
        now: Instant,
    ) -> Result<Result<Outcome, PathwayError>, String> {
        let context = self.context(now);
        let call = self.runtime.step(self.plugin, context, state, event, snapshot, now).await;
        call.outcome.map_err(|failure| format!("{}: {}", failure.code, failure.message))
    }
}

/// What was told of an open task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Due,
    Overdue,
    Missed,
}

#[derive(Debug, Clone)]
struct Open {
    task: Task,
    told: Option<Told>,
}

impl Open {
    /// What the host tells next of it, and when; after the last of one that comes again, that the next is due.
    fn next(&self) -> Option<(Instant, Told, Instant)> {
        let (due, window) = (self.task.due, i64::from(self.task.window_minutes));
        match self.told {
            None => Some((due, Told::Due, due)),
            Some(Told::Due) if window > 24 * 60 => Some((due.plus_days(1), Told::Overdue, due)),
            Some(Told::Due | Told::Overdue) if window > 0 => Some((due.plus_minutes(window), Told::Missed, due)),
            Some(_) => self.again().map(|next| (next.due, Told::Due, next.due)),
        }
    }

    fn again(&self) -> Option<Task> {
        self.task.again(self.task.due)
    }

    /// It was told.
    fn tell(&mut self, told: Told) {
        if let (Some(_), Told::Due, Some(next)) = (self.told, told, self.again()) {
            self.task = next;
        }
        self.told = Some(told);
    }
}

/// Where a patient is.
#[derive(Debug, Clone)]
struct Situation {
    /// Which of [`patients`].
    patient: usize,
    state: Option<State>,
    stage: String,
    tasks: BTreeMap<String, Open>,
    holds: BTreeSet<String>,
    asked: BTreeSet<String>,
    /// Open requests whose end is told, and until when they have time.
    requests: BTreeMap<String, Instant>,
    /// Newest first.
    observations: Vec<Observation>,
    now: Instant,
    closed: bool,
    after: Vec<String>,
}

impl Situation {
    /// What this search can tell apart.
    fn looks(&self) -> String {
        let tasks: Vec<String> = self.tasks.iter().map(|(code, open)| format!("{code}{:?}", open.told)).collect();
        let requests: Vec<&str> = self.requests.keys().map(String::as_str).collect();
        format!("{}|{}|{}|{:?}|{}", self.patient, self.stage, tasks.join(","), self.holds, requests.join(","))
    }

    /// What comes next by itself: a timer, or the end of the time of a request.
    fn timer(&self) -> Option<Move> {
        let timers = self.tasks.iter().filter_map(|(code, open)| {
            let (at, told, due) = open.next()?;
            Some((at.max(self.now), told, code.clone(), due))
        });
        let timer = timers.min_by_key(|(at, ..)| *at);
        let lapse = self.requests.iter().min_by_key(|(_, by)| **by).map(|(code, by)| ((*by).max(self.now), code));
        let (at, told, code, due) = match (timer, lapse) {
            (timer, Some((at, code))) if timer.as_ref().is_none_or(|(first, ..)| at < *first) => {
                return Some(Move::of_request(code, RequestEnd::Lapsed, at));
            }
            (timer, _) => timer?,
        };
        let task = TaskRef { code: code.clone(), due };
        let (label, event) = match told {
            Told::Due => (format!("`{code}` is due"), Event::TaskDue(task)),
            Told::Overdue => (format!("`{code}` is overdue"), ended(task, TaskEnd::Overdue, at)),
            Told::Missed => (format!("`{code}` is missed"), ended(task, TaskEnd::Missed, at)),
        };
        Some(Move { label, at, told: Some((code, told)), done: None, events: vec![(event, None)] })
    }

    /// Follows a request until it ends.
    fn follow(&mut self, tracked: Option<Tracked>) {
        if let Some(Tracked { code, by }) = tracked {
            self.requests.insert(code, by);
        }
    }
}

/// Something that may happen next.
#[derive(Debug, Clone)]
struct Move {
    label: String,
    at: Instant,
    told: Option<(String, Told)>,
    done: Option<String>,
    /// Events in order, each with the observation that is recorded before it.
    events: Vec<(Event, Option<Observation>)>,
}

impl Move {
    fn of(label: String, at: Instant, event: Event) -> Self {
        Self { label, at, told: None, done: None, events: vec![(event, None)] }
    }

    fn of_request(code: &str, end: RequestEnd, at: Instant) -> Self {
        Self::of(format!("the request `{code}` is {}", end.as_str()), at, request_ended(code, end, at))
    }
}

/// How questions are answered: yes or no, and at which end of numbers and choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Style {
    yes: bool,
    high: bool,
}

impl Style {
    const LOW: Self = Self { yes: false, high: false };
    const HIGH: Self = Self { yes: true, high: true };
    const ALL: [Self; 4] = [Self::LOW, Self::HIGH, Self { yes: true, high: false }, Self { yes: false, high: true }];

    const fn other(self) -> Self {
        Self { yes: !self.yes, high: !self.high }
    }
}

struct Search<'a> {
    definition: &'a Definition,
    patients: Vec<(Subject, Vec<Condition>)>,
    most: usize,
    steps: usize,
    undecided: usize,
    findings: Vec<Found>,
    stages: BTreeSet<String>,
    asked: BTreeSet<String>,
    seen: BTreeMap<String, usize>,
    queue: VecDeque<Situation>,
}

impl<'a> Search<'a> {
    fn new(definition: &'a Definition, most: usize) -> Self {
        Self {
            definition,
            patients: patients(definition),
            most,
            steps: 0,
            undecided: 0,
            findings: Vec::new(),
            stages: BTreeSet::new(),
            asked: BTreeSet::new(),
            seen: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    async fn run(mut self, pathway: &mut impl Steps) -> Explored {
        self.declared();
        // Of one diagnosis, if there are several: with all, the timers of months are too many.
        let simple = if self.patients.len() > SIMPLE { SIMPLE } else { 0 };
        for patient in 0..self.patients.len() {
            let start = Situation {
                patient,
                state: None,
                stage: String::new(),
                tasks: BTreeMap::new(),
                holds: BTreeSet::new(),
                asked: BTreeSet::new(),
                requests: BTreeMap::new(),
                observations: Vec::new(),
                now: START,
                closed: false,
                after: Vec::new(),
            };
            let enrolled = Move::of("enrolled".to_owned(), START, Event::Enrolled);
            if let Some(first) = self.go(pathway, &start, &enrolled).await {
                self.expand(pathway, &first).await;
                self.course(pathway, first.clone(), None, None).await;
                for style in Style::ALL {
                    self.course(pathway, first.clone(), Some([style; 2]), None).await;
                }
                // Who is bad at first, but for one question, and gets well.
                let questions = self.definition.questionnaires.iter().map(|known| known.items.len()).max();
                let improving = Some([Style { yes: false, high: true }, Style::LOW]);
                for but in (0..questions.unwrap_or(0)).take(IMPROVING).filter(|_| patient == simple) {
                    self.course(pathway, first.clone(), improving, Some(but)).await;
                }
            }
        }
        let mut whole = true;
        while let Some(situation) = self.queue.pop_front() {
            if self.steps >= self.most {
                whole = false;
                break;
            }
            self.expand(pathway, &situation).await;
        }
        self.missing(whole);
        let Self { findings, steps, undecided, .. } = self;
        Explored { findings, steps, whole, undecided }
    }

    /// Follows the timers; whatever is asked is answered at first in the one style, but for one question,
    /// later in the other, or not at all.
    async fn course(
        &mut self,
        pathway: &mut impl Steps,
        first: Situation,
        answers: Option<[Style; 2]>,
        but: Option<usize>,
    ) {
        let mut situation = first;
        let mut answered_once = BTreeSet::new();
        for _ in 0..COURSE {
            if self.steps >= self.most {
                return;
            }
            self.keep(situation.clone());
            let answer = answers.and_then(|[first, later]| {
                let code = situation.asked.iter().next()?;
                let (style, but) = if answered_once.insert(code.clone()) { (first, but) } else { (later, None) };
                let known = self.definition.questionnaires.iter().find(|known| known.code == *code)?;
                Some(answered(known, style, but, situation.now.plus_minutes(10)))
            });
            let Some(next) = answer.or_else(|| situation.timer()) else { return };
            match self.go(pathway, &situation, &next).await {
                Some(reached) => situation = reached,
                None => return,
            }
        }
    }

    /// Whether it looks new.
    fn keep(&mut self, situation: Situation) -> bool {
        if situation.closed {
            return false;
        }
        let times = self.seen.entry(situation.looks()).or_default();
        if *times < SAME {
            *times += 1;
            self.queue.push_back(situation);
        }
        *times == 1
    }

    async fn expand(&mut self, pathway: &mut impl Steps, situation: &Situation) {
        for next in self.moves(situation) {
            if self.steps >= self.most {
                return;
            }
            if let Some(reached) = self.go(pathway, situation, &next).await {
                self.follow(pathway, reached).await;
            }
        }
    }

    /// Of what looks new, also the timers that come next.
    async fn follow(&mut self, pathway: &mut impl Steps, reached: Situation) {
        let mut situation = reached;
        for _ in 0..FOLLOWED {
            if !self.keep(situation.clone()) || self.steps >= self.most {
                return;
            }
            let Some(next) = situation.timer() else { return };
            match self.go(pathway, &situation, &next).await {
                Some(reached) => situation = reached,
                None => return,
            }
        }
    }

    fn moves(&self, situation: &Situation) -> Vec<Move> {
        let soon = situation.now.plus_minutes(10);
        let mut moves: Vec<Move> = situation.timer().into_iter().collect();
        for (code, open) in situation.tasks.iter().filter(|(_, open)| open.told.is_some()) {
            let task = TaskRef { code: code.clone(), due: open.task.due };
            let done = Move::of(format!("`{code}` is done"), soon, ended(task, TaskEnd::Done, soon));
            moves.push(Move { done: Some(code.clone()), ..done });
        }
        for questionnaire in &self.definition.questionnaires {
            moves.extend(Style::ALL.map(|style| answered(questionnaire, style, None, soon)));
            for index in 0..questionnaire.items.len() {
                moves.push(answered(questionnaire, Style::LOW, Some(index), soon));
            }
        }
        for code in needed(self.definition) {
            for value in values(code) {
                let observation = observation(code, value, soon, false);
                let label = match &observation.value {
                    ObservationValue::Quantity(quantity) => {
                        format!("{} = {} {}", code.code, quantity.value, quantity.unit)
                    }
                    _ => format!("{} is positive", code.code),
                };
                let event = observed(observation.clone(), Provenance::Laboratory);
                moves.push(Move { events: vec![(event, Some(observation))], ..Move::of(label, soon, Event::Enrolled) });
            }
        }
        for code in situation.requests.keys() {
            // A question is met by its answers.
            let met = (!situation.asked.contains(code)).then_some(RequestEnd::Fulfilled);
            let ends = met.into_iter().chain([RequestEnd::Declined]);
            moves.extend(ends.map(|end| Move::of_request(code, end, soon)));
        }
        for hold in &situation.holds {
            moves.push(Move::of(format!("the hold `{hold}` is released"), soon, Event::HoldReleased(hold.clone())));
        }
        moves
    }

    /// Takes a move; none if the pathway fails or cannot decide.
    async fn go(&mut self, pathway: &mut impl Steps, from: &Situation, next: &Move) -> Option<Situation> {
        let mut situation = from.clone();
        situation.now = next.at;
        situation.after.push(next.label.clone());
        if let Some((code, told)) = &next.told
            && let Some(open) = situation.tasks.get_mut(code)
        {
            open.tell(*told);
        }
        if let Some(code) = &next.done
            && let Some(task) = situation.tasks.remove(code).and_then(|open| open.again())
        {
            situation.tasks.insert(code.clone(), Open { task, told: None });
        }
        let mut events = next.events.clone();
        if let Some((Event::Answered(response), _)) = events.last()
            && situation.requests.contains_key(&response.questionnaire)
        {
            let end = request_ended(&response.questionnaire, RequestEnd::Fulfilled, next.at);
            events.push((end, None));
        }
        for (event, recorded) in &events {
            if let Some(recorded) = recorded {
                situation.observations.insert(0, recorded.clone());
                situation.observations.truncate(KEPT);
            }
            if let Event::Answered(response) = event {
                situation.asked.remove(&response.questionnaire);
            }
            if let Event::RequestEnded(report) = event {
                situation.requests.remove(&report.code);
                situation.asked.remove(&report.code);
            }
            if let Event::HoldReleased(hold) = event {
                situation.holds.remove(hold);
            }
            self.steps += 1;
            let snapshot = self.snapshot(&situation);
            match pathway.step(situation.state.as_ref(), event, &snapshot, situation.now).await {
                Ok(Ok(outcome)) => self.judge(&mut situation, outcome),
                Ok(Err(PathwayError::BadState(why))) => {
                    self.found("bad-state", format!("it cannot read its own state: {why}"), &situation);
                    return None;
                }
                Ok(Err(_)) => {
                    self.undecided += 1;
                    return None;
                }
                Err(why) => {
                    self.found("step-failed", why, &situation);
                    return None;
                }
            }
            if situation.closed {
                break;
            }
        }
        let comes = !situation.requests.is_empty() || situation.tasks.values().any(|open| open.next().is_some());
        if !situation.closed && !comes {
            let what =
                format!("in the stage `{}` no task and no timer is left: nobody would come back", situation.stage);
            self.found("nobody-comes-back", what, &situation);
        }
        Some(situation)
    }

    fn snapshot(&self, situation: &Situation) -> Snapshot {
        let (subject, conditions) = &self.patients[situation.patient];
        Snapshot {
            taken_at: situation.now,
            subject: subject.clone(),
            conditions: conditions.clone(),
            allergies: Vec::new(),
            medications: Vec::new(),
            observations: situation.observations.clone(),
            omissions: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// Applies an outcome as the host does, and looks at what it asks for.
    fn judge(&mut self, situation: &mut Situation, outcome: Outcome) {
        if !self.definition.stages.iter().any(|stage| stage.code == outcome.stage) {
            self.found("stage-unknown", format!("the definition has no stage `{}`", outcome.stage), situation);
        }
        self.stages.insert(outcome.stage.clone());
        situation.stage = outcome.stage;
        situation.state = Some(outcome.state);
        for directive in outcome.directives {
            match directive {
                Directive::ScheduleTask(task) => {
                    self.text("task", &task.code, &task.title, situation);
                    situation.tasks.insert(task.code.clone(), Open { task, told: None });
                }
                Directive::CancelTask(code) => {
                    situation.tasks.remove(&code);
                }
                Directive::Ask(question) => {
                    let code = question.questionnaire;
                    if !self.definition.questionnaires.iter().any(|known| known.code == code) {
                        let what = format!("the definition has no questionnaire `{code}`");
                        self.found("questionnaire-unknown", what, situation);
                    }
                    self.asked.insert(code.clone());
                    if question.reported {
                        let by = situation.now.plus_minutes(i64::from(question.within_minutes));
                        situation.follow(Some(Tracked { code: code.clone(), by }));
                    }
                    situation.asked.insert(code);
                }
                Directive::RaiseAlert(alert) => self.alert(&alert, situation),
                Directive::SendMessage(message) => {
                    self.text("message", &message.template, &message.fallback, situation)
                }
                Directive::Refer(referral) => {
                    self.text("referral", "refer", &referral.reason, situation);
                    self.source("referral", "refer", &referral.citation, situation);
                    situation.follow(referral.tracked);
                }
                Directive::Hold(hold) => {
                    self.text("hold", &hold.code, &hold.reason, situation);
                    self.source("hold", &hold.code, &hold.citation, situation);
                    situation.holds.insert(hold.code);
                }
                Directive::Release(code) => {
                    situation.holds.remove(&code);
                }
                Directive::ProposeNote(text) => self.text("note", "note", &text, situation),
                Directive::RequestLab(request) => {
                    if let Some((reason, citation)) = &request.reason {
                        self.text("laboratory request", "laboratory", reason, situation);
                        self.source("laboratory request", "laboratory", citation, situation);
                    }
                    situation.follow(request.tracked);
                }
                Directive::Contact(contact) => {
                    self.text("contact", &contact.code, &contact.reason, situation);
                    self.source("contact", &contact.code, &contact.citation, situation);
                }
                Directive::StopVisit(stop) => {
                    self.text("stop of the visit", &stop.code, &stop.reason, situation);
                    self.source("stop of the visit", &stop.code, &stop.citation, situation);
                }
                Directive::Convene(team) => {
                    self.text("team", &team.code, &team.question, situation);
                    self.source("team", &team.code, &team.citation, situation);
                    situation.follow(Some(Tracked { code: team.code, by: team.deadline }));
                }
                Directive::WithdrawRequest(code) => {
                    situation.requests.remove(&code);
                    situation.asked.remove(&code);
                }
                Directive::Close(reason) => {
                    self.text("reason", &reason.code, &reason.message, situation);
                    situation.closed = true;
                }
            }
        }
    }

    fn alert(&mut self, alert: &Alert, situation: &Situation) {
        self.text("alert", &alert.code, &alert.message, situation);
        self.source("alert", &alert.code, &alert.citation, situation);
        if alert.sla_minutes == 0 {
            self.found("alert-without-sla", format!("the alert `{}` gives no time", alert.code), situation);
        }
        if alert.severity == Severity::Critical && alert.sla_minutes > MAX_CRITICAL_MINUTES {
            let what = format!("the critical alert `{}` may wait for {} minutes", alert.code, alert.sla_minutes);
            self.found("critical-too-slow", what, situation);
        }
    }

    fn text(&mut self, what: &str, code: &str, text: &LocalizedText, situation: &Situation) {
        let has = |language: &str| {
            text.0.iter().any(|side| side.language.starts_with(language) && !side.text.trim().is_empty())
        };
        for language in ["zh", "en"].into_iter().filter(|language| !has(language)) {
            self.found("text-missing-language", format!("the {what} `{code}` has no text in {language}"), situation);
        }
    }

    fn source(&mut self, what: &str, code: &str, citation: &Citation, situation: &Situation) {
        if citation.title.trim().is_empty() || citation.year < 1900 {
            self.found("without-citation", format!("the {what} `{code}` names no source"), situation);
        }
    }

    /// Once, with the shortest way there that was found first.
    fn found(&mut self, name: &'static str, what: String, situation: &Situation) {
        if !self.findings.iter().any(|known| known.name == name && known.what == what) {
            self.findings.push(Found { name, what, after: situation.after.clone() });
        }
    }

    fn declared(&mut self) {
        let nowhere = Vec::new();
        let mut texts = vec![("definition", self.definition.code.as_str(), &self.definition.title)];
        texts.extend(self.definition.stages.iter().map(|stage| ("stage", stage.code.as_str(), &stage.title)));
        for questionnaire in &self.definition.questionnaires {
            texts.push(("questionnaire", &questionnaire.code, &questionnaire.title));
            texts.extend(questionnaire.items.iter().map(|q| ("question", q.link_id.as_str(), &q.text)));
        }
        for (what, code, text) in texts {
            for language in ["zh", "en"] {
                let is = |side: &xinglin_domain::coding::Translation| {
                    side.language.starts_with(language) && !side.text.trim().is_empty()
                };
                if !text.0.iter().any(is) {
                    let what = format!("the {what} `{code}` has no text in {language}");
                    self.findings.push(Found { name: "text-missing-language", what, after: nowhere.clone() });
                }
            }
        }
    }

    fn missing(&mut self, whole: bool) {
        let how = if whole { "in no situation that the search can tell apart" } else { "not within the bound" };
        for stage in self.definition.stages.iter().filter(|stage| !self.stages.contains(&stage.code)) {
            let what = format!("the stage `{}` was reached {how}", stage.code);
            self.findings.push(Found { name: "stage-not-reached", what, after: Vec::new() });
        }
        for asked in self.definition.questionnaires.iter().filter(|asked| !self.asked.contains(&asked.code)) {
            let what = format!("the questionnaire `{}` was asked {how}", asked.code);
            self.findings.push(Found { name: "questionnaire-not-asked", what, after: Vec::new() });
        }
    }
}

/// The first of [`patients`] with one of several diagnoses.
const SIMPLE: usize = 3;

/// Whom the search enrols: with all diagnoses of the pathway, with none, with each alone; and a minor.
fn patients(definition: &Definition) -> Vec<(Subject, Vec<Condition>)> {
    /// Most diagnoses that are tried alone.
    const ALONE: usize = 6;
    let condition = |code: &Coding| Condition {
        code: vec![code.clone()],
        status: ConditionStatus::Active,
        onset: Some(START.plus_days(-400)),
        attributes: Vec::new(),
    };
    let aged =
        |years: u32| Subject { pseudonym: "somebody".to_owned(), age_months: Some(years * 12), sex: Sex::Female };
    let all: Vec<Condition> = definition.conditions.iter().map(condition).collect();
    let mut patients = vec![(aged(40), all.clone()), (aged(40), Vec::new()), (aged(15), all.clone())];
    if all.len() > 1 {
        patients.extend(all.into_iter().take(ALONE).map(|one| (aged(40), vec![one])));
    }
    patients
}

/// All questions in one style, but for one of them in the other. What is recorded is told before.
fn answered(questionnaire: &Questionnaire, style: Style, other: Option<usize>, at: Instant) -> Move {
    let mut events = Vec::new();
    let mut answers = Vec::new();
    for (index, question) in questionnaire.items.iter().enumerate() {
        let style = if other == Some(index) { style.other() } else { style };
        if !questionnaire.asks(question, &answers) {
            continue;
        }
        let Some(value) = answer(question, style) else { continue };
        answers.push(Answer { link_id: question.link_id.clone(), values: vec![value], at, author: Role::Patient });
    }
    for told in recorded(questionnaire, &answers, at) {
        events.push((observed(told.clone(), Provenance::SelfReported), Some(told)));
    }
    let response = Response { questionnaire: questionnaire.code.clone(), answers };
    events.push((Event::Answered(response), None));
    let Style { yes, high } = style;
    let base = format!("{}, {}", if yes { "yes" } else { "no" }, if high { "high" } else { "low" });
    let label = match other.and_then(|index| questionnaire.items.get(index)) {
        Some(question) => format!("`{}`: all {base}, but for `{}`", questionnaire.code, question.link_id),
        None => format!("`{}`: all {base}", questionnaire.code),
    };
    Move { label, at, told: None, done: None, events }
}

fn ended(task: TaskRef, end: TaskEnd, at: Instant) -> Event {
    Event::TaskEnded(TaskReport { task, end, at })
}

fn request_ended(code: &str, end: RequestEnd, at: Instant) -> Event {
    Event::RequestEnded(RequestReport { code: code.to_owned(), end, at, outcome: Vec::new() })
}

fn observed(observation: Observation, provenance: Provenance) -> Event {
    Event::Observed(Reading { observation, provenance })
}

fn answer(question: &Item, Style { yes, high }: Style) -> Option<AnswerValue> {
    Some(match &question.kind {
        AnswerKind::Boolean => AnswerValue::Boolean(yes),
        // The greatest of an item of the usual scales; of a score, a low one.
        AnswerKind::Integer(bounds) => {
            let value = bounds.nearest(Decimal::whole(if high { 3 } else { 0 }));
            AnswerValue::Integer(value.ceil_over(Decimal::whole(1))?)
        }
        AnswerKind::Decimal(bounds) => AnswerValue::Decimal(bounds.nearest(Decimal::whole(if high { 9 } else { 0 }))),
        AnswerKind::Date => AnswerValue::Date(Day::of(START)),
        AnswerKind::Moment => AnswerValue::Moment(START),
        AnswerKind::Display => return None,
        AnswerKind::Text => AnswerValue::Text("…".to_owned()),
        AnswerKind::Choice(choices) => {
            AnswerValue::Choice(if high { choices.last() } else { choices.first() }?.code.clone())
        }
        AnswerKind::Quantity(unit, bounds) => {
            let known = question.records_as.as_ref().map(values).unwrap_or_default();
            let pick = if high { known.last() } else { known.get(1) };
            match pick {
                Some(ObservationValue::Quantity(quantity)) if quantity.unit == *unit => {
                    AnswerValue::Quantity(quantity.clone())
                }
                _ => AnswerValue::Quantity(Quantity {
                    value: bounds.nearest(Decimal::whole(if high { 9 } else { 6 })),
                    unit: unit.clone(),
                }),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use xinglin_domain::{
        clinical::DataNeed,
        coding::system,
        pathway::{Question, Repetition, Stage},
    };

    use super::*;

    /// A pathway of two stages; what is wrong with it is a switch.
    struct Fake(&'static str);

    fn definition() -> Definition {
        let text = LocalizedText::zh_en("文", "text");
        let stage = |code: &str| Stage { code: code.to_owned(), title: text.clone() };
        let question = Item {
            link_id: "worse".to_owned(),
            text: text.clone(),
            kind: AnswerKind::Boolean,
            required: true,
            repeats: false,
            enabled_when: None,
            records_as: None,
        };
        Definition {
            code: "fake".to_owned(),
            title: text.clone(),
            conditions: vec![Coding::new(system::ICD10, "I10")],
            stages: vec![stage("first"), stage("second")],
            questionnaires: vec![Questionnaire {
                code: "form".to_owned(),
                title: text,
                items: vec![question],
                scores: vec![],
                safeguards: vec![],
                citation: None,
            }],
            data_needs: vec![DataNeed::Observations(vec![Coding::new(system::LOINC, "8480-6")])],
            state_version: 1,
            attributes: Vec::new(),
            follows_up: false,
        }
    }

    impl Steps for Fake {
        async fn step(
            &mut self,
            state: Option<&State>,
            event: &Event,
            _: &Snapshot,
            now: Instant,
        ) -> Result<Result<Outcome, PathwayError>, String> {
            let wrong = self.0;
            let mut second = state.is_some_and(|state| state.data == [2]);
            let mut directives = Vec::new();
            let task = |code: &str| {
                let (code, title) = (code.to_owned(), LocalizedText::zh_en("事", "task"));
                let due = now.plus_days(7);
                Directive::ScheduleTask(Task {
                    code,
                    title,
                    owner: Role::Nurse,
                    due,
                    window_minutes: 2 * 24 * 60,
                    repeat: (wrong == "repeats").then_some(Repetition { every_days: 7, times: None }),
                })
            };
            match event {
                Event::Enrolled => directives.push(task("visit")),
                Event::TaskDue(_) if wrong == "never-asks" => {}
                Event::TaskDue(_) => {
                    let form = if wrong == "other-form" { "forms" } else { "form" };
                    directives.push(Directive::Ask(Question {
                        questionnaire: form.to_owned(),
                        respondent: Role::Patient,
                        within_minutes: 60,
                        reported: wrong.starts_with("follows"),
                    }));
                }
                // A pathway of 1.1: nothing but the question comes back.
                Event::TaskEnded(_) | Event::RequestEnded(_) if wrong == "follows" => directives.push(task("visit")),
                Event::TaskEnded(_) | Event::RequestEnded(_) if wrong.starts_with("follows") => {}
                Event::TaskEnded(report) if report.end == TaskEnd::Done && wrong == "stops" => {}
                // The host has the next one.
                Event::TaskEnded(_) if wrong == "repeats" => {}
                Event::TaskEnded(_) => directives.push(task("visit")),
                Event::Answered(response) => {
                    let worse = response.answers.iter().any(|one| one.values == [AnswerValue::Boolean(true)]);
                    second = worse && wrong != "one-stage";
                    if worse {
                        let en = if wrong == "no-english" { "" } else { "Worse." };
                        let title = if wrong == "no-source" { "" } else { "A guideline" };
                        directives.push(Directive::RaiseAlert(Alert {
                            code: "WORSE".to_owned(),
                            severity: Severity::Critical,
                            message: LocalizedText::zh_en("变差。", en),
                            owner: Role::Doctor,
                            sla_minutes: if wrong == "slow" { 2_000 } else { 15 },
                            escalation: vec![],
                            citation: Citation { title: title.to_owned(), section: None, year: 2026, url: None },
                        }));
                    }
                }
                Event::Observed(_) if wrong == "traps" => return Err("PLUGIN_TRAP: it panicked".to_owned()),
                _ => {}
            }
            let stage = match (second, wrong) {
                (true, "other-stage") => "third",
                (true, _) => "second",
                (false, _) => "first",
            };
            let state = State { version: 1, data: vec![if second { 2 } else { 1 }] };
            Ok(Ok(Outcome { state, stage: stage.to_owned(), directives }))
        }
    }

    fn found(wrong: &'static str) -> (Vec<&'static str>, Explored) {
        let definition = definition();
        let mut fake = Fake(wrong);
        let explored = Search::new(&definition, 5_000).run(&mut fake).now_or_never().expect("it never waits");
        (explored.findings.iter().map(|finding| finding.name).collect(), explored)
    }

    #[test]
    fn each_mistake_of_a_plugin_is_found_by_its_name() {
        for (wrong, name) in [
            ("never-asks", "questionnaire-not-asked"),
            ("other-form", "questionnaire-unknown"),
            ("stops", "nobody-comes-back"),
            ("one-stage", "stage-not-reached"),
            ("other-stage", "stage-unknown"),
            ("no-english", "text-missing-language"),
            ("no-source", "without-citation"),
            ("slow", "critical-too-slow"),
            ("traps", "step-failed"),
            ("follows-no-end", "nobody-comes-back"),
        ] {
            let (names, explored) = found(wrong);
            assert!(names.contains(&name), "{wrong}: {names:?}");
            assert!(explored.steps <= 5_000);
        }
        for right in ["nothing", "repeats", "follows"] {
            let (names, explored) = found(right);
            assert_eq!((names, explored.whole), (vec![], true), "{right}");
        }
    }

    #[test]
    fn a_task_that_repeats_comes_back() {
        let title = LocalizedText::zh_en("事", "task");
        let repeat = Some(Repetition { every_days: 7, times: Some(2) });
        let (code, owner) = ("visit".to_owned(), Role::Nurse);
        let task = Task { code, title, owner, due: START, window_minutes: 2 * 24 * 60, repeat };
        let mut open = Open { task, told: None };
        let mut told = Vec::new();
        while let Some((at, what, _)) = open.next() {
            told.push(((at.micros() - START.micros()) / 86_400_000_000, what));
            open.tell(what);
        }
        let once = |day| [(day, Told::Due), (day + 1, Told::Overdue), (day + 2, Told::Missed)];
        assert_eq!(told, [once(0), once(7)].concat());
    }

    #[test]
    fn what_was_found_says_how_to_get_there() {
        let (_, explored) = found("stops");
        let finding = explored.findings.iter().find(|finding| finding.name == "nobody-comes-back").expect("found");
        assert_eq!(finding.after.first().map(String::as_str), Some("enrolled"));
        assert!(finding.after.last().is_some_and(|last| last.contains("is done")), "{:?}", finding.after);
    }

    #[test]
    fn the_bound_holds() {
        let definition = definition();
        let explored = Search::new(&definition, 10).run(&mut Fake("nothing")).now_or_never().expect("it never waits");
        assert!(!explored.whole && explored.steps < 40, "{}", explored.steps);
    }
}
