//! The step at each event.

mod consent;
mod plan;
mod request;
mod safety;
mod scales;
pub mod sleep;

use xinglin_sdk::{
    clinical::Snapshot,
    follow_up::{
        Alert, Directive, Error, Event, Message, Outcome, Provenance, Reading, Reason, RequestReport, Response, Role,
        Severity, State, Stop, Task, TaskEnd, TaskRef, TaskReport,
    },
    time::{Instant, MINUTE, china, days_between, plus_days},
    types::{Citation, LocalizedText, zh_en},
};

pub(crate) use self::scales::day_of;
use crate::{
    conditions::MOOD,
    contact,
    memory::Memory,
    numbers::ADULT,
    scales::{Answers, Level, Observed, Safety, code},
    sources::Source,
};

const DAY_MINUTES: u32 = 24 * 60;

/// One step.
pub fn step(state: Option<&State>, event: &Event, snapshot: &Snapshot, now: Instant) -> Result<Outcome, Error> {
    let memory = match state {
        Some(state) => Memory::read(state)?,
        None => Memory::new(now),
    };
    let mut step = Step { memory, snapshot, now, directives: Vec::new() };
    let leaves = matches!(event, Event::Departed(_));
    if !leaves && std::mem::take(&mut step.memory.is_from_before) {
        step.take_over();
    }
    match event {
        Event::Enrolled => step.enrolled(),
        Event::TaskDue(task) => step.task_due(task),
        Event::TaskEnded(report) => step.task_ended(report),
        Event::Observed(reading) => step.observed(reading),
        Event::Answered(response) => step.answered(response),
        Event::RequestEnded(report) => step.request_ended(report),
        Event::HoldReleased(code) => step.memory.holds.retain(|hold| hold.code() != code),
        Event::Departed(_) => step.departed(),
        Event::AlertAcknowledged(_) | Event::Streamed(_) | Event::Resumed(_) | Event::Other(_) => {}
    }
    if !leaves && !step.is_closed() {
        step.look_at_diagnoses();
    }
    Ok(Outcome { state: step.memory.write()?, stage: step.memory.stage().to_owned(), directives: step.directives })
}

/// A step in progress.
struct Step<'a> {
    memory: Memory,
    snapshot: &'a Snapshot,
    now: Instant,
    directives: Vec<Directive>,
}

impl Step<'_> {
    fn enrolled(&mut self) {
        self.memory.minor = self.is_minor();
        self.memory.mood = MOOD.stands(self.snapshot);
        if self.memory.minor { self.ask_guardian() } else { self.start() }
    }

    /// An unknown age is a minor's.
    fn is_minor(&self) -> bool {
        self.snapshot.age_years().is_none_or(|age| i64::from(age) < ADULT.value)
    }

    /// Day 0.
    fn start(&mut self) {
        self.memory.started = Some(self.now);
        self.start_scales();
        self.sign_plan();
        self.start_sleep();
    }

    /// What version 1.0 has asked for by tasks is asked for in the words of this one. What it knew stays.
    fn take_over(&mut self) {
        for task in plan::BEFORE.into_iter().chain(safety::BEFORE) {
            self.cancel(task);
        }
        self.take_over_plan();
        self.take_over_sleep();
        if let Some(level) = self.memory.danger {
            self.put(Directive::Contact(contact::contact(level)));
        }
    }

    fn task_due(&mut self, task: &TaskRef) {
        match task.code.as_str() {
            consent::GUARDIAN => self.remind_guardian(),
            scales::MAINTENANCE_END => self.end_maintenance(),
            plan::REVIEW => self.review_jointly(),
            sleep::DIARY => self.ask_diary(),
            sleep::WEEK => self.judge_week(),
            code if safety::is_rescreen(code) => self.rescreen(code),
            code if safety::is_recontact(code) => self.recontact(code),
            code => {
                if let Some(day) = day_of(code) {
                    self.scales_due(day);
                }
            }
        }
    }

    fn task_ended(&mut self, TaskReport { task, end, .. }: &TaskReport) {
        match end {
            TaskEnd::Done => self.task_done(task),
            TaskEnd::Missed | TaskEnd::Declined => self.task_missed(task),
            TaskEnd::Overdue => {}
        }
    }

    fn task_done(&mut self, task: &TaskRef) {
        match task.code.as_str() {
            consent::GUARDIAN => self.guardian_consents(),
            consent::SCHOOL => self.school_consented(),
            plan::SESSION => self.session_done(),
            sleep::WINDOW => self.window_agreed(),
            code if safety::is_recontact(code) => drop(self.memory.recontacts.remove(code)),
            code if sleep::is_cbti(code) => self.cbti_done(task),
            _ => self.timer_ticked(task),
        }
    }

    fn task_missed(&mut self, task: &TaskRef) {
        match task.code.as_str() {
            consent::GUARDIAN => self.consent_missed(),
            plan::SESSION => self.session_missed(),
            sleep::WINDOW => self.window_not_agreed(),
            code if safety::is_recontact(code) => self.recontact(code),
            code if sleep::is_cbti(code) => self.cbti_missed(task),
            _ => self.timer_ticked(task),
        }
    }

    /// A timer is not done before its time: it stays.
    fn timer_ticked(&mut self, task: &TaskRef) {
        let due = task.due.max(self.now);
        match task.code.as_str() {
            scales::MAINTENANCE_END => self.schedule_maintenance_end(due),
            plan::REVIEW => self.schedule_review(due),
            code if safety::is_rescreen(code) => self.rescreen_ticked(code, task.due),
            code => {
                if let Some(day) = day_of(code)
                    && self.now < task.due
                {
                    self.schedule_scales(day, task.due);
                }
            }
        }
    }

    fn answered(&mut self, response: &Response) {
        let answers = Answers(response);
        self.answered_one(&response.questionnaire);
        match response.questionnaire.as_str() {
            code::PHQ9 => {
                self.judge_safety(answers.item_9(), code::PHQ9);
                self.note_difficulty(&answers);
            }
            code::ASQ => self.judge_safety(answers.asq(), code::ASQ),
            code::CSSRS => self.judge_safety(answers.cssrs(), code::CSSRS),
            code::SIGNS => self.signs_answered(&answers),
            code::SLEEP_ENTRY => self.sleep_entry_answered(&answers),
            code::DIARY => self.diary_answered(&answers),
            _ => {}
        }
    }

    /// The host decides what is news. A total counts if it was taken since the enrolment and not later
    /// than now; what an item says about safety always counts, and what cannot be is unreadable.
    fn observed(&mut self, reading: &Reading) {
        let observation = &reading.observation;
        let found = Observed::of(observation);
        let future = observation.effective.is_some_and(|at| at > self.now);
        if let Some(safety) = found.safety
            && !self.is_own_answer(reading)
        {
            let safety = if future { Safety { level: Level::Clear, unreadable: true } } else { safety };
            self.judge_foreign(safety);
        }
        let taken = observation.effective.filter(|at| (self.memory.enrolled..=self.now).contains(at));
        let Some(taken) = taken.filter(|_| observation.refused().is_none()) else { return };
        if let Some(total) = found.phq9 {
            self.phq9_came(total, taken);
        }
        if let Some(total) = found.gad7 {
            self.gad7_came(total);
        }
        if let Some(total) = found.isi {
            self.isi_came(total);
        }
    }

    /// Whether it is an item of a questionnaire of this pathway that was answered right now: its safeguards have acted, and
    /// the answers follow.
    fn is_own_answer(&self, reading: &Reading) -> bool {
        let asked = matches!(reading.provenance, Provenance::SelfReported | Provenance::Clinician);
        asked && reading.observation.components.is_empty() && reading.observation.effective == Some(self.now)
    }

    fn departed(&mut self) {
        self.close(
            "WITHDRAWN",
            zh_en("患者退出随访。", "The patient leaves the follow-up."),
            Source::PatientRights.citation(),
        );
    }

    // --- helpers for directives ------------------------------------------------

    /// Adds a directive; the host takes each of its kind and code once a step, the last is meant.
    fn put(&mut self, directive: Directive) {
        if let Some(key) = key(&directive) {
            self.directives.retain(|one| self::key(one).as_ref() != Some(&key));
        }
        self.directives.push(directive);
    }

    fn schedule(&mut self, code: &str, title: LocalizedText, owner: Role, due: Instant, window_days: u16) {
        let window_minutes = u32::from(window_days).saturating_mul(DAY_MINUTES);
        let (code, repeat) = (code.to_owned(), None);
        self.put(Directive::ScheduleTask(Task { code, title, owner, due, window_minutes, repeat }));
    }

    fn cancel(&mut self, code: &str) {
        self.put(Directive::CancelTask(code.to_owned()));
    }

    /// It may be shown on a lock screen, so it contains no illness and no value.
    fn tell(&mut self, template: &str, fallback: LocalizedText) {
        let template = template.to_owned();
        self.put(Directive::SendMessage(Message { template, arguments: Vec::new(), fallback }));
    }

    fn note(&mut self, text: LocalizedText) {
        self.directives.push(Directive::ProposeNote(text));
    }

    fn alert(
        &mut self,
        code: &str,
        severity: Severity,
        owner: Role,
        sla_minutes: u32,
        message: LocalizedText,
        source: Source,
    ) {
        let (code, citation, escalation) = (code.to_owned(), source.citation(), Vec::new());
        self.put(Directive::RaiseAlert(Alert { code, severity, message, owner, sla_minutes, escalation, citation }));
    }

    fn stop_visit(&mut self, code: &str, reason: LocalizedText, source: Source) {
        let (code, citation) = (code.to_owned(), source.citation());
        self.put(Directive::StopVisit(Stop { code, reason, citation }));
    }

    fn close(&mut self, code: &str, message: LocalizedText, citation: Citation) {
        self.directives.push(Directive::Close(Reason { code: code.to_owned(), message, citation }));
    }

    fn is_closed(&self) -> bool {
        self.directives.iter().any(|directive| matches!(directive, Directive::Close(_)))
    }

    /// Minutes until midnight in Beijing, at least 60.
    fn minutes_left_today(&self) -> u32 {
        let left = (china::midnight(china::day(self.now) + 1) - self.now) / MINUTE;
        u32::try_from(left.max(60)).unwrap_or(60)
    }

    /// Days since day 0.
    fn days(&self) -> Option<i64> {
        self.memory.started.map(|started| days_between(started, self.now))
    }

    /// So many days after `due`, or after now if that is over.
    fn days_after(&self, due: Instant, days: i64) -> Instant {
        let next = plus_days(due, days);
        if next > self.now { next } else { plus_days(self.now, days) }
    }
}

/// Of what the host takes once a step, what it is.
fn key(directive: &Directive) -> Option<(&'static str, String)> {
    let (kind, code) = match directive {
        Directive::ScheduleTask(task) => ("task", &task.code),
        Directive::CancelTask(code) => ("cancelled task", code),
        Directive::Ask(question) => ("request", &question.questionnaire),
        Directive::Refer(referral) => ("request", &referral.code),
        Directive::Convene(team) => ("request", &team.code),
        Directive::WithdrawRequest(code) => ("withdrawn request", code),
        Directive::SendMessage(message) => ("message", &message.template),
        Directive::RaiseAlert(alert) => ("alert", &alert.code),
        Directive::Contact(contact) => ("contact", &contact.code),
        Directive::StopVisit(stop) => ("stop", &stop.code),
        Directive::Hold(hold) => ("hold", &hold.code),
        _ => return None,
    };
    Some((kind, code.clone()))
}

/// Hours as an instant's difference.
const fn hours(hours: i64) -> Instant {
    hours * 60 * MINUTE
}
