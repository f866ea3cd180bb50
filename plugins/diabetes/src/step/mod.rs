//! The step at each event.

pub mod critical;
mod hba1c;
pub mod visit;
pub mod yearly;

use xinglin_sdk::{
    clinical::{Observation, Snapshot},
    pathway::{
        Alert, Destination, Directive, Error, Event, Message, News, Outcome, Reason, Referral, Role, Severity, State,
        Task, TaskRef,
    },
    time::{Instant, plus_days},
    types::{Citation, Coding, LocalizedText, zh_en},
};

use crate::{
    definition::FOLLOW_UP,
    measure::Reading,
    memory::{Hold, Memory},
    sources, targets,
};

/// Days within which a referral is followed up.
const RECONTACT_DAYS: u16 = 14;
const THREE_DAYS_IN_MINUTES: u32 = 3 * 24 * 60;
/// Days after which a missed check is due again.
const AGAIN_DAYS: i64 = 30;
/// After the code of a test or a visit: a timer that fires if it did not take place.
const MISSED: &str = "-missed";

/// One step.
pub fn step(state: Option<&State>, event: &Event, snapshot: &Snapshot, now: Instant) -> Result<Outcome, Error> {
    let memory = match state {
        Some(state) => Memory::read(state)?,
        None => Memory::new(now),
    };
    let mut step = Step { memory, snapshot, now, directives: Vec::new() };
    match event {
        Event::Enrolled => step.enrolled()?,
        Event::TaskDue(task) => step.task_due(task),
        Event::TaskDone(task) => step.task_done(task)?,
        Event::Observed(observation) => step.observed(observation)?,
        Event::Answered(response) => step.answered(response)?,
        Event::HoldReleased(code) => step.memory.holds.retain(|hold| hold.code() != code),
        Event::Withdrawn => step.withdrawn(),
        Event::Other(attributes) => match News::of(attributes) {
            News::TaskOverdue(task) => step.task_overdue(&task.code),
            News::TaskMissed(task) => step.task_missed(&task.code),
            News::Unknown => {}
        },
        Event::AlertAcknowledged(_) => {}
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
    fn enrolled(&mut self) -> Result<(), Error> {
        // The baseline that the visits are compared with.
        self.ask(FOLLOW_UP);
        self.schedule_first_visits();
        self.schedule_offline_visit(self.now);
        self.schedule_yearly_checks();
        self.enrol_hba1c()
    }

    fn task_due(&mut self, task: &TaskRef) {
        match task.code.as_str() {
            visit::OFFLINE => self.remind_of_offline_visit(),
            visit::OFFLINE_MISSED => self.offline_visit_missed(task.due),
            visit::RECHECK => self.ask_again(),
            hba1c::TASK => self.request_hba1c(),
            other => match (yearly::check(other), other.strip_suffix(MISSED)) {
                (Some(check), _) => self.request_yearly(check),
                (None, Some(test)) => self.task_missed(test),
                (None, None) => self.visit_due(other),
            },
        }
    }

    fn task_overdue(&mut self, code: &str) {
        if self.memory.unanswered.contains(code) {
            self.remind_of_follow_up();
        }
    }

    /// The face-to-face visit has a task of its own for that.
    fn task_missed(&mut self, code: &str) {
        if code == hba1c::TASK {
            self.hba1c_missed();
        } else if let Some(check) = yearly::check(code) {
            self.yearly_missed(check);
        } else if self.memory.unanswered.remove(code) {
            self.report_missed_follow_up();
        }
    }

    /// A check that was ordered and has no result: a health manager follows up, and it is due again.
    fn check_missed(&mut self, name: &LocalizedText) {
        let text = |language: usize| name.get(language).map_or("", |name| name.text.as_str());
        self.alert(Alert {
            code: "CHECK_MISSED".to_owned(),
            severity: Severity::Warning,
            message: zh_en(
                format!("{}到期后未见结果，请联系患者。", text(0)),
                format!("{}: due, and there is no result. Please contact the patient.", text(1)),
            ),
            owner: Role::HealthManager,
            sla_minutes: THREE_DAYS_IN_MINUTES,
            citation: sources::public_health(),
        });
    }

    /// Somebody says that a task is done. What repeats goes on repeating, whenever they say so; a test
    /// and a measurement are not done by saying so, but by their result.
    fn task_done(&mut self, task: &TaskRef) -> Result<(), Error> {
        match task.code.as_str() {
            visit::OFFLINE => {
                self.cancel(visit::OFFLINE_MISSED);
                self.schedule_offline_visit(self.now);
            }
            visit::OFFLINE_MISSED => self.plan_next_offline_visit(task.due),
            visit::RECHECK if self.now < task.due => self.recheck_at(task.due),
            hba1c::TASK => self.hba1c_done(task.due)?,
            other => match (yearly::check(other), other.strip_suffix(MISSED)) {
                (Some(check), _) => self.yearly_done(check, task.due),
                (None, Some(hba1c::TASK)) => self.plan_hba1c()?,
                (None, Some(test)) => yearly::check(test).into_iter().for_each(|check| self.plan_yearly(check)),
                (None, None) => self.visit_done(task),
            },
        }
        Ok(())
    }

    /// Somebody says that a test was done, and there is no result. Before it is due the task stays what
    /// it was; later, the care team is told at the end of its days if there is still none. False if
    /// they are over: it is to be planned again.
    fn test_done(&mut self, task: Task) -> bool {
        let end = plus_days(task.due, i64::from(task.window_days));
        if self.now < task.due {
            self.directives.push(Directive::ScheduleTask(task));
        } else if self.now < end {
            let name = |language: usize| task.title.get(language).map_or("", |title| title.text.as_str());
            let title =
                zh_en(format!("核对{}是否有结果", name(0)), format!("Check whether there is a result: {}", name(1)));
            self.schedule(format!("{}{MISSED}", task.code), title, Role::HealthManager, end, 0);
        }
        self.now < end
    }

    /// The host decides what is news: late results and corrections are.
    fn observed(&mut self, observation: &Observation) -> Result<(), Error> {
        match Reading::of(observation)? {
            Reading::Glucose(glucose) => self.judge_glucose(&glucose),
            Reading::Pressure(pressure) => self.judge_pressure(&pressure),
            Reading::Hba1c(_) if !observation.is_self_reported() => self.hba1c_came()?,
            Reading::Ldl(ldl) if !targets::ldl_met(&ldl, self.snapshot)? => self.note(zh_en(
                format!("低密度脂蛋白胆固醇 {},未达标,请评估调脂治疗。", ldl.shown),
                format!("LDL cholesterol {}: off target; consider lipid-lowering treatment.", ldl.shown),
            )),
            Reading::Hba1c(_) | Reading::Ldl(_) | Reading::Other => {}
        }
        for check in yearly::CHECKS.iter().filter(|check| check.is_done_by(observation)) {
            self.yearly_came(check, observation.effective.unwrap_or(self.now));
        }
        Ok(())
    }

    fn withdrawn(&mut self) {
        self.directives.push(Directive::Close(Reason {
            code: "WITHDRAWN".to_owned(),
            message: zh_en("患者退出随访。", "The patient leaves the follow-up."),
            citation: sources::patient_rights(),
        }));
    }

    // --- helpers for directives ------------------------------------------------

    fn schedule(&mut self, code: impl Into<String>, title: LocalizedText, owner: Role, due: Instant, window_days: u16) {
        self.directives.push(Directive::ScheduleTask(Task { code: code.into(), title, owner, due, window_days }));
    }

    fn cancel(&mut self, code: &str) {
        self.directives.push(Directive::CancelTask(code.to_owned()));
    }

    fn ask(&mut self, questionnaire: &str) {
        self.directives.push(Directive::Ask(questionnaire.to_owned()));
    }

    /// It may be shown on a lock screen, so it contains no disease and no value.
    fn tell(&mut self, template: &str, fallback: LocalizedText) {
        let template = template.to_owned();
        self.directives.push(Directive::SendMessage(Message { template, arguments: Vec::new(), fallback }));
    }

    fn note(&mut self, text: LocalizedText) {
        self.directives.push(Directive::ProposeNote(text));
    }

    fn request(&mut self, codes: &[&str]) {
        self.directives.push(Directive::RequestLab(codes.iter().map(|code| Coding::loinc(*code)).collect()));
    }

    fn critical(&mut self, code: &str, message: LocalizedText, citation: Citation) {
        let sla_minutes = targets::acknowledge_minutes();
        self.alert(Alert {
            code: code.to_owned(),
            severity: Severity::Critical,
            message,
            owner: Role::Doctor,
            sla_minutes,
            citation,
        });
    }

    fn alert(&mut self, alert: Alert) {
        self.directives.push(Directive::RaiseAlert(alert));
    }

    /// Refers the patient to an in-person visit, unless the last
    /// referral is still being followed up.
    fn refer(&mut self, reason: LocalizedText, citation: Citation) {
        if self.memory.referred_until.is_none_or(|until| self.now >= until) {
            self.refer_offline(reason, citation);
        }
    }

    /// The same at a critical value: only an earlier urgent referral makes it needless.
    fn refer_urgently(&mut self, reason: LocalizedText, citation: Citation) {
        if self.memory.urgent_until.is_none_or(|until| self.now >= until) {
            self.refer_offline(reason, citation);
            self.memory.urgent_until = self.memory.referred_until;
        }
    }

    fn refer_offline(&mut self, reason: LocalizedText, citation: Citation) {
        self.memory.referred_until = Some(plus_days(self.now, i64::from(RECONTACT_DAYS)));
        self.directives.push(Directive::Refer(Referral {
            destination: Destination::Offline(None),
            reason,
            recontact_days: Some(RECONTACT_DAYS),
            citation,
        }));
    }

    fn hold(&mut self, hold: Hold, reason: LocalizedText) {
        self.memory.holds.insert(hold);
        self.directives.push(Directive::HoldPrescribing(xinglin_sdk::pathway::Hold {
            code: hold.code().to_owned(),
            reason,
            release: xinglin_sdk::pathway::ReleaseBy::Doctor,
            citation: sources::public_health(),
        }));
    }
}
