//! The step at each event.

mod ask;
mod labs;
mod mind;
mod prevention;
mod request;
mod take_over;
pub mod task;
mod treatment;
mod urgent;

use xinglin_sdk::{
    clinical::Snapshot,
    follow_up::{
        Acts, Alert, Departure, Directive, Error, Event, Message, Outcome, Provenance, Reading, Reason, ReleaseBy,
        Response, Role, Severity, State, TaskEnd, TaskRef, TaskReport,
    },
    settings,
    time::{Instant, MINUTE, china, plus_days},
    types::{Coding, Codings as _, LocalizedText, system, zh_en},
};

use crate::{
    chart::Chart,
    measure::{self, Found},
    medicines,
    memory::{Arm, Hold, Memory},
    numbers::{ACKNOWLEDGE_MINUTES, DAY_MINUTES, DIET_LATER, Number, SOON_MINUTES, TODAY_LEAST},
    questions::{self, Answers},
    schedule::Lab,
    sources::Source,
};
use request::Visit;

/// One step.
pub fn step(state: Option<&State>, event: &Event, snapshot: &Snapshot, now: Instant) -> Result<Outcome, Error> {
    let memory = match state {
        Some(state) => Memory::read(state)?,
        None => Memory::new(now),
    };
    // At a timer the host takes no task that is due at once.
    let soonest = if matches!(event, Event::TaskDue(_)) { now.saturating_add(MINUTE) } else { now };
    let mut step = Step { memory, chart: Chart { snapshot, now }, now, soonest, directives: Vec::new() };
    if let Event::Departed(how) = event {
        step.departed(*how);
        return step.outcome();
    }
    step.take_over();
    match event {
        Event::Enrolled => step.enrolled(),
        Event::TaskDue(task) => step.task_due(task),
        Event::TaskEnded(report) => step.task_ended(report),
        Event::Observed(reading) => step.observed(reading),
        Event::Answered(response) => step.answered(response),
        Event::RequestEnded(report) => step.request_ended(report),
        Event::HoldReleased(code) => step.hold_released(code),
        _ => {}
    }
    step.settle();
    step.outcome()
}

/// A step in progress.
struct Step<'a> {
    memory: Memory,
    chart: Chart<'a>,
    now: Instant,
    /// When a task may be due, at the earliest.
    soonest: Instant,
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
            self.ask(questions::INTAKE);
        }
        self.begin_scales();
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
        self.note_pregnancy();
        self.plan_labs();
        self.plan_renewal();
    }

    /// Whom the pathway would not take, if it began now: once of each pregnancy. What was begun goes on until a doctor has seen
    /// the patient.
    fn note_pregnancy(&mut self) {
        let was = std::mem::replace(&mut self.memory.pregnant, self.chart.is_pregnant());
        if was || !self.memory.pregnant {
            return;
        }
        self.alert(
            "PREGNANCY_RECORDED",
            Severity::Warning,
            zh_en(
                "随访期间记录妊娠:由专科线下管理(母婴阻断、用药评估);在此之前不自行停药。",
                "A pregnancy is recorded during the follow-up: face-to-face specialist care, transmission to the child and \
                 medicines assessed; nothing is stopped before.",
            ),
            (Role::Doctor, DAY_MINUTES),
            Source::Project,
        );
        self.refer(Visit::Pregnancy);
        self.tell_to_visit();
    }

    fn task_due(&mut self, task: &TaskRef) {
        let code = task.code.as_str();
        match code {
            task::CLOCK_WINDOW => self.window_over(),
            task::SUPPLY => self.supply_over(),
            task::REVIEW => self.review(),
            task::STOP_DAY => self.stop_day(),
            _ => match (Lab::of(code), code.strip_suffix(task::CHECK).and_then(Lab::of)) {
                (Some(lab), _) => self.lab_due(lab),
                (_, Some(lab)) => self.lab_missed(lab),
                _ => self.series_due(task),
            },
        }
    }

    fn task_ended(&mut self, TaskReport { task, end, at }: &TaskReport) {
        let code = task.code.as_str();
        let staff = task::is_of_staff(code);
        match (Lab::of(code), end) {
            (Some(lab), TaskEnd::Done) => self.lab_ticked(lab, task.due),
            (Some(lab), TaskEnd::Declined) => self.lab_declined(lab),
            (Some(_), TaskEnd::Overdue) => self.remind_of_laboratory(),
            (Some(lab), TaskEnd::Missed) => self.lab_missed(lab),
            (None, TaskEnd::Missed | TaskEnd::Declined) if staff => self.contact_missed(code),
            // A timer rings all the same, whoever ticks it before its time.
            (None, TaskEnd::Done | TaskEnd::Declined) if !staff && *at < task.due => {
                self.schedule(code, task.due);
            }
            (None, _) => {}
        }
        if code == task::DIET && *end != TaskEnd::Overdue {
            self.schedule(task::DIET, plus_days(self.now, DIET_LATER.value));
        }
    }

    fn contact_missed(&mut self, code: &str) {
        self.alert(
            "CONTACT_MISSED",
            Severity::Warning,
            zh_en(
                format!("团队任务未完成({code}),请接手联系患者。"),
                format!("A task of the team was not done ({code}): please take over and contact the patient."),
            ),
            (Role::Doctor, SOON_MINUTES),
            Source::Project,
        );
    }

    fn hold_released(&mut self, code: &str) {
        if [Hold::Overdue, Hold::Renewal].iter().any(|hold| hold.code() == code) {
            self.waive_test();
        }
        if code == Hold::Reactive.code() {
            self.memory.confirmed = Some(self.now);
        }
        self.memory.holds.retain(|hold| hold.code() != code);
    }

    /// The host decides what is news. A result that says nothing usable reaches a doctor; one that is older than another
    /// displaces nothing, unless it is a sign of an infection.
    fn observed(&mut self, Reading { observation, provenance }: &Reading) {
        let is = |code: &str| observation.code.has(system::LOINC, code);
        let typed = *provenance == Provenance::SelfReported || observation.is_self_reported();
        if typed || !measure::READ.iter().any(|code| is(code)) {
            return;
        }
        let sign = measure::sign(observation).filter(|_| self.memory.arm != Arm::Treatment);
        let readable = sign.is_some() || measure::is_readable(observation);
        let Some(taken) = measure::taken(observation, self.now).filter(|_| readable) else {
            // The host has told the team of what it refused.
            if observation.refused().is_none() {
                self.result_unusable();
            }
            return;
        };
        if sign == Some(Found::Positive) {
            return self.judge_sign(taken);
        }
        for code in measure::READ.into_iter().filter(|code| is(code)) {
            if self.newest(code).is_some_and(|newest| newest > taken) {
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

    fn newest(&self, code: &str) -> Option<Instant> {
        self.chart.snapshot.history(&Coding::loinc(code)).filter_map(|one| measure::taken(one, self.now)).max()
    }

    fn answered(&mut self, response: &Response) {
        self.no_longer_asked(&response.questionnaire);
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

    fn departed(&mut self, how: Departure) {
        let (code, zh, en) = match how {
            Departure::Withdrawn => ("WITHDRAWN", "患者退出随访。", "The patient leaves the follow-up."),
            Departure::Transferred => ("TRANSFERRED", "患者转至其他机构随访。", "The patient is followed elsewhere."),
        };
        let (message, citation) = (zh_en(zh, en), Source::PatientRights.citation());
        self.directives.push(Directive::Close(Reason { code: code.to_owned(), message, citation }));
    }

    fn result_unusable(&mut self) {
        self.alert(
            "RESULT_NOT_USABLE",
            Severity::Warning,
            zh_en(
                "收到无法判读的化验结果(单位、数值、时间或结论),未用于任何规则,请人工核对。",
                "A laboratory result cannot be read (unit, value, time or finding) and was used in no rule: please check.",
            ),
            (Role::Doctor, DAY_MINUTES),
            Source::Project,
        );
    }

    // --- helpers for directives: of each code one in a step, as the host demands ---------------

    fn schedule(&mut self, code: &str, due: Instant) {
        self.directives.retain(|one| !matches!(one, Directive::ScheduleTask(task) if task.code == code));
        self.directives.push(Directive::ScheduleTask(task::task(code, due.max(self.soonest))));
    }

    fn cancel(&mut self, code: &str) {
        self.directives.retain(|one| !matches!(one, Directive::ScheduleTask(task) if task.code == code));
        self.push_once(Directive::CancelTask(code.to_owned()));
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

    fn push_once(&mut self, directive: Directive) {
        if !self.directives.contains(&directive) {
            self.directives.push(directive);
        }
    }

    /// Taken up by a doctor within the minutes that the hospital has set.
    fn critical(&mut self, code: &str, message: LocalizedText, source: Source) {
        let set = settings::integer("acknowledge-minutes").and_then(|minutes| u32::try_from(minutes).ok());
        self.push_alert(
            code,
            Severity::Critical,
            message,
            (Role::Doctor, set.unwrap_or(ACKNOWLEDGE_MINUTES.minutes())),
            source,
        );
    }

    fn alert(
        &mut self,
        code: &str,
        severity: Severity,
        message: LocalizedText,
        (owner, within): (Role, Number),
        source: Source,
    ) {
        self.push_alert(code, severity, message, (owner, within.minutes()), source);
    }

    /// Climbs within the team before it climbs within the hospital.
    fn push_alert(
        &mut self,
        code: &str,
        severity: Severity,
        message: LocalizedText,
        (owner, sla_minutes): (Role, u32),
        source: Source,
    ) {
        if self.directives.iter().any(|one| matches!(one, Directive::RaiseAlert(alert) if alert.code == code)) {
            return;
        }
        let escalation = match owner {
            Role::Doctor => vec![Role::HealthManager],
            Role::Assistant => vec![Role::HealthManager, Role::Doctor],
            Role::Counsellor => vec![Role::Psychotherapist, Role::Doctor],
            _ => vec![Role::Doctor],
        };
        let (code, citation) = (code.to_owned(), source.citation());
        let alert = Alert { code, severity, message, owner, sla_minutes, escalation, citation };
        self.directives.push(Directive::RaiseAlert(alert));
    }

    /// Of the medicines that it is about: what else the patient takes goes on.
    fn hold(&mut self, hold: Hold, reason: LocalizedText, source: Source) {
        if !self.memory.holds.insert(hold) {
            return;
        }
        let medicines = match hold {
            Hold::Renewal => medicines::prevention(&self.chart),
            Hold::Kidney => medicines::by_kidney(&self.chart),
            Hold::Urgent | Hold::Reactive | Hold::Symptoms | Hold::Overdue | Hold::Safety => {
                medicines::course(&self.chart)
            }
        };
        self.directives.push(Directive::Hold(xinglin_sdk::follow_up::Hold {
            code: hold.code().to_owned(),
            stops: Acts::PRESCRIBE | Acts::APPROVE | Acts::CHARGE | Acts::DISPENSE,
            medicines,
            reason,
            release: if hold == Hold::Renewal { ReleaseBy::Pathway } else { ReleaseBy::Doctor },
            citation: source.citation(),
        }));
    }

    fn release(&mut self, hold: Hold) {
        if self.memory.holds.remove(&hold) {
            self.directives.push(Directive::Release(hold.code().to_owned()));
        }
    }

    /// Minutes until midnight in Beijing, at least an hour.
    fn minutes_left_today(&self) -> u32 {
        let left = (china::midnight(china::day(self.now) + 1) - self.now) / MINUTE;
        u32::try_from(left.max(TODAY_LEAST.value)).unwrap_or(TODAY_LEAST.minutes())
    }
}
