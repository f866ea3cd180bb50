//! The step at each event.

mod consent;
mod plan;
mod safety;
mod scales;
pub mod sleep;

use xinglin_sdk::{
    clinical::{Observation, Snapshot},
    pathway::{
        Alert, Destination, Directive, Error, Event, Hold as HoldDirective, Message, News, Outcome, Reason, Referral,
        ReleaseBy, Response, Role, Severity, State, Task, TaskRef,
    },
    time::{Instant, MINUTE, china, days_between, plus_days},
    types::{Citation, LocalizedText, zh_en},
};

use crate::{
    conditions::MOOD,
    memory::{Hold, Memory},
    numbers::ADULT,
    scales::{Answers, Level, Observed, Safety, code},
    sources::Source,
};

/// One step.
pub fn step(state: Option<&State>, event: &Event, snapshot: &Snapshot, now: Instant) -> Result<Outcome, Error> {
    let memory = match state {
        Some(state) => Memory::read(state)?,
        None => Memory::new(now),
    };
    let mut step = Step { memory, snapshot, now, directives: Vec::new() };
    match event {
        Event::Enrolled => step.enrolled(),
        Event::TaskDue(task) => step.task_due(task),
        Event::TaskDone(task) => step.task_done(task),
        Event::Observed(observation) => step.observed(observation),
        Event::Answered(response) => step.answered(response),
        Event::HoldReleased(code) => step.memory.holds.retain(|hold| hold.code() != code),
        Event::AlertAcknowledged(code) => step.memory.alarms.retain(|alarm, _| alarm.code() != code),
        Event::Withdrawn => step.withdrawn(),
        Event::Other(attributes) => match News::of(attributes) {
            News::TaskOverdue(task) => step.task_overdue(&task.code),
            News::TaskMissed(task) => step.task_missed(&task),
            News::Unknown => {}
        },
    }
    if !matches!(event, Event::Withdrawn) && !step.is_closed() {
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
        self.start_plan();
        self.start_sleep();
    }

    fn task_due(&mut self, task: &TaskRef) {
        match task.code.as_str() {
            consent::GUARDIAN => self.remind_guardian(),
            safety::ASSESSMENT => self.assessment_overdue(),
            scales::MAINTENANCE_END => self.end_maintenance(),
            plan::REVIEW => self.review_jointly(),
            sleep::DIARY => self.ask_diary(),
            sleep::WEEK => self.judge_week(task.due),
            code if safety::is_recontact(code) => self.recontact_due(code),
            code => {
                if let Some(day) = scales::day_of(code) {
                    self.scales_due(day);
                }
            }
        }
    }

    fn task_done(&mut self, task: &TaskRef) {
        match task.code.as_str() {
            consent::GUARDIAN => self.guardian_consents(),
            consent::SCHOOL => self.school_consented(),
            safety::ASSESSMENT => self.memory.assessment = false,
            scales::MAINTENANCE_END => self.schedule_maintenance_end(task.due.max(self.now)),
            plan::SESSION => self.session_done(),
            plan::REVIEW => self.schedule_review(task.due.max(self.now)),
            sleep::DIARY => self.schedule_diary(),
            sleep::WEEK => self.schedule_week(task.due),
            sleep::WINDOW => self.window_agreed(),
            code if safety::is_recontact(code) => self.recontact_done(task),
            code => {
                if let Some(day) = scales::day_of(code) {
                    self.scales_ticked(day, task.due);
                } else if let Some(session) = sleep::session_of(code) {
                    self.cbti_done(session, task.due);
                } else {
                    self.plan_done(code);
                }
            }
        }
    }

    fn task_overdue(&mut self, code: &str) {
        if scales::day_of(code).is_some() {
            self.ask_scales_again();
        }
    }

    fn task_missed(&mut self, task: &TaskRef) {
        match task.code.as_str() {
            consent::GUARDIAN => self.consent_missed(),
            safety::ASSESSMENT => self.assessment_missed(),
            plan::SESSION => self.session_missed(),
            sleep::WINDOW => self.window_not_agreed(),
            code if safety::is_recontact(code) => self.recontact_missed(code),
            code if safety::is_kin(code) => self.kin_missed(),
            code => {
                if scales::day_of(code).is_some() {
                    self.scales_missed();
                } else if let Some(session) = sleep::session_of(code) {
                    self.cbti_missed(session, task.due);
                } else {
                    self.plan_missed(code);
                }
            }
        }
    }

    fn answered(&mut self, response: &Response) {
        let answers = Answers(response);
        match response.questionnaire.as_str() {
            code::PHQ9 => {
                self.judge_safety(answers.item_9(), Source::Phq9, Some(code::PHQ9));
                self.phq9_answered(&answers);
            }
            code::ASQ => self.judge_safety(answers.asq(), Source::Asq, Some(code::ASQ)),
            code::CSSRS => self.judge_safety(answers.cssrs(), Source::Cssrs, None),
            code::GAD7 => self.gad7_answered(&answers),
            code::ISI => self.isi_answered(&answers),
            code::SIGNS => self.signs_answered(&answers),
            code::SLEEP_ENTRY => self.sleep_entry_answered(&answers),
            code::DIARY => self.diary_answered(&answers),
            _ => {}
        }
    }

    /// The host decides what is news. A total counts if it was taken since the enrolment and not later
    /// than now; what an item says about safety always counts, and what cannot be is unreadable.
    fn observed(&mut self, observation: &Observation) {
        let found = Observed::of(observation);
        let future = observation.effective.is_some_and(|at| at > self.now);
        if let Some(safety) = found.safety {
            let safety = if future { Safety { level: Level::Clear, unreadable: true } } else { safety };
            self.judge_safety(safety, Source::Phq9, None);
        }
        let counts = observation.effective.is_some_and(|at| (self.memory.enrolled..=self.now).contains(&at));
        if !counts || observation.refused().is_some() {
            return;
        }
        if let Some(total) = found.phq9 {
            self.phq9_came(total, None);
        }
        if let Some(total) = found.gad7 {
            self.gad7_came(total);
        }
    }

    fn withdrawn(&mut self) {
        self.close(
            "WITHDRAWN",
            zh_en("患者退出随访。", "The patient leaves the follow-up."),
            Source::PatientRights.citation(),
        );
    }

    // --- helpers for directives ------------------------------------------------

    fn schedule(&mut self, code: &str, title: LocalizedText, owner: Role, due: Instant, window_days: u16) {
        self.directives.retain(|one| !matches!(one, Directive::ScheduleTask(task) if task.code == code));
        self.directives.push(Directive::ScheduleTask(Task { code: code.to_owned(), title, owner, due, window_days }));
    }

    fn cancel(&mut self, code: &str) {
        self.once(Directive::CancelTask(code.to_owned()));
    }

    fn ask(&mut self, questionnaire: &str) {
        self.once(Directive::Ask(questionnaire.to_owned()));
    }

    /// The host takes each of these once a step.
    fn once(&mut self, directive: Directive) {
        if !self.directives.contains(&directive) {
            self.directives.push(directive);
        }
    }

    /// It may be shown on a lock screen, so it contains no illness and no value.
    fn tell(&mut self, template: &str, fallback: LocalizedText) {
        let template = template.to_owned();
        self.once(Directive::SendMessage(Message { template, arguments: Vec::new(), fallback }));
    }

    fn note(&mut self, text: LocalizedText) {
        self.directives.push(Directive::ProposeNote(text));
    }

    /// The first of a code in a step: the host takes no second.
    fn alert(
        &mut self,
        code: &str,
        severity: Severity,
        owner: Role,
        sla_minutes: u32,
        message: LocalizedText,
        source: Source,
    ) {
        let there = |one: &Directive| matches!(one, Directive::RaiseAlert(alert) if alert.code == code);
        if !self.directives.iter().any(there) {
            let (code, citation) = (code.to_owned(), source.citation());
            self.directives.push(Directive::RaiseAlert(Alert {
                code,
                severity,
                message,
                owner,
                sla_minutes,
                citation,
            }));
        }
    }

    /// The reason reaches the patient, so it names no illness.
    fn refer(&mut self, destination: Destination, reason: LocalizedText, recontact_days: Option<u16>, source: Source) {
        let citation = source.citation();
        self.directives.push(Directive::Refer(Referral { destination, reason, recontact_days, citation }));
    }

    fn hold(&mut self, hold: Hold, reason: LocalizedText) {
        if self.memory.holds.insert(hold) {
            self.directives.push(Directive::HoldPrescribing(HoldDirective {
                code: hold.code().to_owned(),
                reason,
                release: ReleaseBy::Doctor,
                citation: Source::Project.citation(),
            }));
        }
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

/// Hours as an instant's difference.
const fn hours(hours: i64) -> Instant {
    hours * 60 * MINUTE
}
