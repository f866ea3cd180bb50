//! The step at each event.

pub mod ask;
mod labs;
mod mind;
mod prevention;
mod task;
mod treatment;
mod urgent;

use xinglin_sdk::{
    clinical::{Observation, Snapshot},
    pathway::{
        Alert, Destination, Directive, Error, Event, Message, News, Outcome, Reason, Referral, ReleaseBy, Response,
        Role, Severity, State, TaskRef,
    },
    settings,
    time::{Instant, MINUTE, china, plus_days},
    types::{Coding, Codings as _, LocalizedText, system, zh_en},
};

use crate::{
    chart::Chart,
    measure,
    memory::{Arm, Hold, Memory},
    questions::{self, Answers},
    schedule::Lab,
    sources::{self, Source},
};

/// Minutes within which somebody looks: today, in three days, in a week.
const DAY_IN_MINUTES: u32 = 24 * 60;
const THREE_DAYS_IN_MINUTES: u32 = 3 * DAY_IN_MINUTES;
/// Hours within which an answer that cannot be used is cleared up.
const UNUSABLE_MINUTES: u32 = 4 * 60;

/// One step.
pub fn step(state: Option<&State>, event: &Event, snapshot: &Snapshot, now: Instant) -> Result<Outcome, Error> {
    let memory = match state {
        Some(state) => Memory::read(state)?,
        None => Memory::new(now),
    };
    let mut step = Step { memory, chart: Chart { snapshot, now }, now, directives: Vec::new() };
    match event {
        Event::Enrolled => step.enrolled(),
        Event::TaskDue(task) => step.task_due(task),
        Event::TaskDone(task) => step.task_done(task),
        Event::Observed(observation) => step.observed(observation),
        Event::Answered(response) => step.answered(response),
        Event::HoldReleased(code) => step.hold_released(code),
        Event::Other(attributes) => match News::of(attributes) {
            News::TaskOverdue(task) => step.task_overdue(&task.code),
            News::TaskMissed(task) => step.task_missed(&task.code),
            News::Unknown => {}
        },
        Event::AlertAcknowledged(_) => {}
        Event::Withdrawn => {
            step.withdrawn();
            return step.outcome();
        }
    }
    step.settle();
    step.outcome()
}

/// A step in progress.
struct Step<'a> {
    memory: Memory,
    chart: Chart<'a>,
    now: Instant,
    directives: Vec<Directive>,
}

impl Step<'_> {
    fn outcome(self) -> Result<Outcome, Error> {
        let stage = self.memory.stage().to_owned();
        Ok(Outcome { state: self.memory.write()?, stage, directives: self.directives })
    }

    fn enrolled(&mut self) {
        self.note(zh_en(
            "法定传染病报告由医疗机构依法完成,本路径不代报;随访资料属受限分区,仅限诊疗团队。",
            "Statutory reporting is done by the institution, not by this pathway. The follow-up is in a restricted \
             compartment, for the care team only.",
        ));
        if !self.chart.is_infected() {
            self.ask_intake();
        }
        self.schedule_scales();
    }

    /// What follows from the record as it now is, at every event.
    fn settle(&mut self) {
        if self.memory.arm != Arm::Treatment && self.chart.is_infected() {
            self.enter_treatment();
        }
        if self.memory.arm == Arm::Treatment {
            self.note_baseline();
            self.plan_supply();
        }
        self.plan_labs();
        self.plan_renewal();
    }

    fn task_due(&mut self, task: &TaskRef) {
        let code = task.code.as_str();
        match code {
            task::CLOCK_BEST => self.best_hours_over(),
            task::CLOCK_WINDOW => self.window_over(),
            task::SUPPLY => self.supply_over(),
            task::REVIEW => self.review(),
            task::STOP_DAY => self.stop_day(),
            _ => match (Lab::of(code), code.strip_suffix(task::CHECK).and_then(Lab::of)) {
                (Some(lab), _) => self.lab_due(lab),
                (_, Some(lab)) => self.lab_missed(lab),
                _ => self.ask_due(code),
            },
        }
    }

    fn task_overdue(&mut self, code: &str) {
        if Lab::of(code).is_some() {
            self.remind_of_laboratory();
        } else if self.memory.unanswered.contains(code) {
            self.ask_again(code);
        }
    }

    fn task_missed(&mut self, code: &str) {
        if let Some(lab) = Lab::of(code) {
            self.lab_missed(lab);
        } else if self.memory.unanswered.remove(code) {
            self.report_unanswered();
        } else if task::is_of_staff(code) {
            if code == task::DIET {
                self.schedule_diet(task::DIET_LATER);
            }
            self.alert(
                "CONTACT_MISSED",
                Severity::Warning,
                zh_en(
                    format!("团队任务超期未完成({code}),请接手联系患者。"),
                    format!("A task of the team was not done ({code}): please take over and contact the patient."),
                ),
                Role::Doctor,
                UNUSABLE_MINUTES,
                sources::PROJECT,
            );
        }
    }

    /// Somebody says that it is done. Before its time it stays; a timer rings all the same, and a test is
    /// done by its result.
    fn task_done(&mut self, task: &TaskRef) {
        let code = task.code.as_str();
        if let Some(lab) = Lab::of(code) {
            self.lab_ticked(lab, task.due);
        } else if self.now < task.due && !task::is_of_staff(code) {
            self.schedule(code, task.due);
        } else if task::is_timer(code) {
            self.task_due(task);
        } else if code == task::DIET {
            self.schedule_diet(task::DIET_LATER);
        } else if code == task::INTAKE && self.memory.unanswered.contains(code) {
            // Nobody has answered: it is asked again.
            self.schedule(code, plus_days(self.now, 1));
        } else if !self.memory.unanswered.remove(code) {
            self.plan_next(code);
        }
        if code == task::RENEWAL {
            self.memory.renewal = None;
        }
    }

    fn hold_released(&mut self, code: &str) {
        if code == Hold::Overdue.code() {
            self.waive_test();
        }
        self.memory.holds.retain(|hold| hold.code() != code);
    }

    /// The host decides what is news. A result that says nothing usable reaches a doctor; one that is
    /// older than another displaces nothing.
    fn observed(&mut self, observation: &Observation) {
        let is = |code: &str| observation.code.has(system::LOINC, code);
        if !measure::CODES.iter().any(|code| is(code)) || observation.is_self_reported() {
            return;
        }
        let Some(taken) = measure::taken(observation, self.now).filter(|_| measure::is_readable(observation)) else {
            // The host has told the team of what it refused.
            if observation.refused().is_none() {
                self.result_unusable();
            }
            return;
        };
        let is_newest = |newest: Option<Instant>| newest.is_none_or(|newest| newest <= taken);
        let newest = |code: &str| {
            self.chart.snapshot.history(&Coding::loinc(code)).filter_map(|one| measure::taken(one, self.now)).max()
        };
        for code in measure::CODES.into_iter().filter(|code| is(code)) {
            if !is_newest(newest(code)) {
                continue;
            }
            match code {
                measure::HIV_TEST => return self.judge_test(),
                measure::VIRAL_LOAD => return self.judge_load(),
                measure::CD4 => return self.judge_cd4(),
                measure::HEPATITIS_B => return self.judge_hepatitis(),
                _ => return self.judge_kidney(),
            }
        }
    }

    fn answered(&mut self, response: &Response) {
        self.clear_unanswered(&response.questionnaire);
        let answers = Answers(response);
        match response.questionnaire.as_str() {
            questions::INTAKE => self.intake(&answers),
            questions::COURSE => self.course_answered(&answers),
            questions::REGULAR => self.regular_answered(&answers),
            questions::ROUTINE => self.routine_answered(&answers),
            questions::PHQ9 => self.mood_answered(&answers),
            questions::GAD7 => self.worry_answered(&answers),
            _ => {}
        }
    }

    fn withdrawn(&mut self) {
        self.directives.push(Directive::Close(Reason {
            code: "WITHDRAWN".to_owned(),
            message: zh_en("患者退出随访。", "The patient leaves the follow-up."),
            citation: sources::PATIENT_RIGHTS.citation(),
        }));
    }

    fn result_unusable(&mut self) {
        self.alert(
            "RESULT_NOT_USABLE",
            Severity::Warning,
            zh_en(
                "收到无法判读的化验结果(单位、数值、时间或结论),未用于任何规则,请人工核对。",
                "A laboratory result cannot be read (unit, value, time or finding) and was used in no rule: please check.",
            ),
            Role::Doctor,
            DAY_IN_MINUTES,
            sources::PROJECT,
        );
    }

    fn answer_unusable(&mut self) {
        self.alert(
            "ANSWER_NOT_USABLE",
            Severity::Warning,
            zh_en(
                "问卷有缺项或不可能的回答,未用于任何规则,请联系患者核实。",
                "Answers are missing or cannot be right, and were used in no rule: please ask the patient.",
            ),
            Role::HealthManager,
            UNUSABLE_MINUTES,
            sources::PROJECT,
        );
    }

    // --- helpers for directives: of each code one in a step, as the host demands ---------------

    fn schedule(&mut self, code: &str, due: Instant) {
        self.directives.retain(|one| !matches!(one, Directive::ScheduleTask(task) if task.code == code));
        self.directives.push(Directive::ScheduleTask(task::task(code, due)));
    }

    fn cancel(&mut self, code: &str) {
        self.directives.retain(|one| !matches!(one, Directive::ScheduleTask(task) if task.code == code));
        self.push_once(Directive::CancelTask(code.to_owned()));
    }

    fn ask(&mut self, questionnaire: &str) {
        self.push_once(Directive::Ask(questionnaire.to_owned()));
    }

    /// It may be shown on a lock screen: no disease, no test, no medicine, no value.
    fn tell(&mut self, template: &str, fallback: LocalizedText) {
        let template = template.to_owned();
        self.push_once(Directive::SendMessage(Message { template, arguments: Vec::new(), fallback }));
    }

    fn tell_to_visit(&mut self) {
        self.tell(
            "visit-soon",
            zh_en(
                "请尽快到医疗机构当面就诊,医护人员会与您联系。",
                "Please see a doctor in person soon. Our team will contact you.",
            ),
        );
    }

    fn note(&mut self, text: LocalizedText) {
        self.push_once(Directive::ProposeNote(text));
    }

    fn request(&mut self, tests: &[(&str, &str)]) {
        let tests = tests.iter().map(|(code, display)| Coding::loinc(*code).displayed(*display));
        self.push_once(Directive::RequestLab(tests.collect()));
    }

    fn push_once(&mut self, directive: Directive) {
        if !self.directives.contains(&directive) {
            self.directives.push(directive);
        }
    }

    fn critical(&mut self, code: &str, message: LocalizedText, source: Source) {
        let minutes = settings::integer("acknowledge-minutes").and_then(|minutes| u32::try_from(minutes).ok());
        self.alert(code, Severity::Critical, message, Role::Doctor, minutes.unwrap_or(15), source);
    }

    fn alert(
        &mut self,
        code: &str,
        severity: Severity,
        message: LocalizedText,
        owner: Role,
        sla_minutes: u32,
        source: Source,
    ) {
        if self.directives.iter().any(|one| matches!(one, Directive::RaiseAlert(alert) if alert.code == code)) {
            return;
        }
        let (code, citation) = (code.to_owned(), source.citation());
        self.directives.push(Directive::RaiseAlert(Alert { code, severity, message, owner, sla_minutes, citation }));
    }

    /// The host sends the reason to the patient, so it names nothing: what it is about is in the alert.
    fn refer(&mut self, destination: Destination, reason: LocalizedText, recontact_days: u16, source: Source) {
        let (recontact_days, citation) = (Some(recontact_days), source.citation());
        self.push_once(Directive::Refer(Referral { destination, reason, recontact_days, citation }));
        self.schedule(task::ARRANGE, self.now);
    }

    fn hold(&mut self, hold: Hold, reason: LocalizedText, source: Source) {
        if !self.memory.holds.insert(hold) {
            return;
        }
        self.directives.push(Directive::HoldPrescribing(xinglin_sdk::pathway::Hold {
            code: hold.code().to_owned(),
            reason,
            release: if hold == Hold::Overdue { ReleaseBy::Pathway } else { ReleaseBy::Doctor },
            citation: source.citation(),
        }));
    }

    fn release(&mut self, hold: Hold) {
        if self.memory.holds.remove(&hold) {
            self.directives.push(Directive::ReleasePrescribing(hold.code().to_owned()));
        }
    }

    /// Minutes until midnight in Beijing, at least 60.
    fn minutes_left_today(&self) -> u32 {
        let left = (china::midnight(china::day(self.now) + 1) - self.now) / MINUTE;
        u32::try_from(left.max(60)).unwrap_or(60)
    }

    /// The first of `base + every`, `base + 2 × every`, … that is still to come.
    fn next_day(&self, base: Instant, day: i64, every: i64) -> i64 {
        let gone = xinglin_sdk::time::days_between(plus_days(base, day), self.now).max(0) / every;
        day.saturating_add((gone + 1) * every)
    }
}
