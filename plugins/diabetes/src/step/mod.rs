//! The step at each event.

mod answer;
mod critical;
mod diagnosis;
mod findings;
mod hba1c;
mod hypoglycaemia;
mod kidney;
pub mod request;
mod stream;
mod team;
pub mod visit;
pub mod yearly;

use xinglin_sdk::{
    clinical::Snapshot,
    follow_up::{
        Acts, Alert, Departure, Directive, Error, Event, Message, Outcome, Provenance, Reading as Told, Reason,
        ReleaseBy, Repetition, RequestEnd, RequestReport, Role, Severity, State, Stop, Task, TaskEnd, TaskRef,
        TaskReport,
    },
    time::{Instant, plus_days},
    types::{LocalizedText, zh_en},
};

use crate::{
    definition::{DIARY, FOLLOW_UP, RECHECK},
    measure::{NotUnderstood, Reading},
    memory::{Hold, Memory},
    numbers::{ANSWER_DAYS, LAPSES, Number, RESULT_DAYS, UACR_AGAIN_DAYS, URGENT_DAYS},
    sources::Source,
    targets::{self, Goals},
};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
const THREE_DAYS: u32 = 3 * DAY;

/// One step.
pub fn step(state: Option<&State>, event: &Event, snapshot: &Snapshot, now: Instant) -> Result<Outcome, Error> {
    let memory = match state {
        Some(state) => Memory::read(state)?,
        None => Memory::new(now),
    };
    let goals = Goals::of(snapshot, memory.severe_hypoglycaemia)?;
    let mut step = Step { memory, goals, snapshot, now, directives: Vec::new() };
    match event {
        Event::Departed(how) => step.departed(*how),
        Event::Enrolled => {
            step.enrolled()?;
            step.arm();
        }
        other => {
            step.arm();
            step.told(other)?;
        }
    }
    if !matches!(event, Event::Departed(_)) {
        step.look_at_diagnoses();
    }
    Ok(Outcome { state: step.memory.write()?, stage: step.memory.stage().to_owned(), directives: step.directives })
}

/// A step in progress.
struct Step<'a> {
    memory: Memory,
    goals: Goals,
    snapshot: &'a Snapshot,
    now: Instant,
    directives: Vec<Directive>,
}

impl Step<'_> {
    fn enrolled(&mut self) -> Result<(), Error> {
        // The baseline that the visits are compared with.
        self.ask_follow_up();
        self.schedule_first_visits();
        self.schedule_offline_visit(self.now);
        self.schedule_yearly_checks();
        self.enrol_hba1c()
    }

    /// What every patient has, also one whom an older version enrolled: that did not know of it.
    fn arm(&mut self) {
        if std::mem::replace(&mut self.memory.armed, true) {
            return;
        }
        self.cancel_older_visit();
        self.schedule_regular_visits();
        self.schedule_team();
    }

    fn told(&mut self, event: &Event) -> Result<(), Error> {
        match event {
            Event::TaskDue(task) => self.task_due(task)?,
            Event::TaskEnded(report) => self.task_ended(report)?,
            Event::Observed(told) => self.observed(told)?,
            Event::Streamed(series) => self.streamed(series),
            Event::Answered(response) => self.answered(response)?,
            Event::RequestEnded(report) => self.request_ended(report),
            Event::HoldReleased(code) => self.memory.holds.retain(|hold| hold.code() != code),
            Event::Enrolled
            | Event::Departed(_)
            | Event::AlertAcknowledged(_)
            | Event::Resumed(_)
            | Event::Other(_) => {}
        }
        Ok(())
    }

    fn task_due(&mut self, TaskRef { code, .. }: &TaskRef) -> Result<(), Error> {
        match code.as_str() {
            visit::OFFLINE => self.remind_of_offline_visit(),
            visit::RECHECK => self.ask_for_recheck(),
            hba1c::TASK => self.request_hba1c(),
            kidney::AGAIN => self.request_albumin_again(),
            other if other.starts_with(visit::VISIT) => self.visit_due(other),
            other => match (yearly::check(other), other.strip_suffix(LOOK)) {
                (Some(check), _) => self.request_yearly(check),
                (None, Some(test)) => self.ask_if_due(test)?,
                (None, None) => {}
            },
        }
        Ok(())
    }

    /// Of what only asks for something, `missed` is told of tasks of an older version alone: they had a window.
    fn task_ended(&mut self, TaskReport { task, end, .. }: &TaskReport) -> Result<(), Error> {
        let code = task.code.as_str();
        match (code, end) {
            (visit::OFFLINE, _) => self.offline_visit_ended(task, *end),
            (visit::RECHECK, TaskEnd::Done | TaskEnd::Declined) => self.recheck_not_by_saying_so(task.due),
            (hba1c::TASK | kidney::AGAIN, _) => self.asking_ended(task, *end)?,
            _ if code.starts_with(visit::VISIT) => self.visit_ended(task, *end),
            _ if yearly::check(code).is_some() => self.asking_ended(task, *end)?,
            _ => self.team_ended(code, *end),
        }
        Ok(())
    }

    /// Somebody says that what is only asked for is done, or will not be: before it is due it stays, afterwards its
    /// request is followed.
    fn asking_ended(&mut self, TaskRef { code, due }: &TaskRef, end: TaskEnd) -> Result<(), Error> {
        match end {
            TaskEnd::Missed => self.ask_if_due(code)?,
            TaskEnd::Done | TaskEnd::Declined if self.now < *due => self.schedule_asking(code, *due),
            TaskEnd::Done | TaskEnd::Declined | TaskEnd::Overdue => {}
        }
        Ok(())
    }

    fn schedule_asking(&mut self, code: &str, due: Instant) {
        match yearly::check(code) {
            Some(check) => self.schedule_check(check, due),
            None if code == hba1c::TASK => self.schedule_hba1c(due),
            None => self.schedule_albumin_again(due),
        }
    }

    /// A timer of an older version: whether there was a result.
    fn ask_if_due(&mut self, code: &str) -> Result<(), Error> {
        match yearly::check(code) {
            Some(check) if self.is_check_due(check) => self.request_yearly(check),
            None if code == hba1c::TASK && self.is_hba1c_due()? => self.request_hba1c(),
            _ => {}
        }
        Ok(())
    }

    fn request_ended(&mut self, report: &RequestReport) {
        let code = report.code.as_str();
        // A result takes it away before: it is there still if nobody saw one.
        let was_open = self.memory.open.remove(code).is_some();
        let lapses = match report.end {
            RequestEnd::Lapsed => self.memory.lapsed.get(code).copied().unwrap_or(0).saturating_add(1),
            _ => 0,
        };
        match lapses {
            0 => drop(self.memory.lapsed.remove(code)),
            _ => drop(self.memory.lapsed.insert(code.to_owned(), lapses)),
        }
        match code {
            FOLLOW_UP | DIARY => {}
            RECHECK if report.end != RequestEnd::Fulfilled => self.recheck_unanswered(),
            _ if report.end == RequestEnd::Fulfilled && was_open && is_test(code) => self.done_without_result(code),
            hba1c::TASK | kidney::AGAIN => self.test_ended(code, report.end),
            _ if yearly::check(code).is_some() => self.yearly_ended(report),
            request::NEPHROLOGY if report.end == RequestEnd::Fulfilled => self.memory.nephrology = true,
            _ if request::URGENT.contains(&code) => self.urgent_ended(report),
            _ => self.referral_ended(report),
        }
    }

    /// Somebody says that a test was done, or it gave no value: asked for again, and a doctor may know more.
    fn done_without_result(&mut self, code: &str) {
        let name = title_of(code);
        let text = |language: usize| name.get(language).map_or("", |name| name.text.as_str());
        self.note(zh_en(
            format!("{}已标记完成,但病历中没有结果:请补录,否则将再次申请。", text(0)),
            format!(
                "{}: said to be done, and there is no result on record. Please add it; else it is asked for again.",
                text(1)
            ),
        ));
        self.schedule_asking(code, plus_days(self.now, RESULT_DAYS.value));
    }

    /// Tests without a result: asked for again, or planned anew.
    fn test_ended(&mut self, code: &str, end: RequestEnd) {
        let is_hba1c = code == hba1c::TASK;
        match end {
            RequestEnd::Fulfilled => {}
            RequestEnd::Lapsed => {
                self.check_lapsed(code, &title_of(code));
                if is_hba1c { self.request_hba1c() } else { self.request_albumin_again() }
            }
            RequestEnd::Declined if is_hba1c => self.hba1c_declined(),
            RequestEnd::Declined => self.schedule_albumin_again(plus_days(self.now, UACR_AGAIN_DAYS.value)),
        }
    }

    /// A check that was asked for lapsed, so often in a row that somebody calls the patient. The host has told a doctor of
    /// each time.
    fn check_lapsed(&mut self, code: &str, name: &LocalizedText) {
        if i64::from(self.memory.lapsed.get(code).copied().unwrap_or(0)) < LAPSES.value {
            return;
        }
        let text = |language: usize| name.get(language).map_or("", |name| name.text.as_str());
        self.alert(
            ("CHECK_MISSED", Severity::Warning, Role::HealthManager, THREE_DAYS),
            zh_en(
                format!("{}多次到期后未见结果,请联系患者。", text(0)),
                format!("{}: asked for more than once, and there is no result. Please contact the patient.", text(1)),
            ),
            Source::PrimaryCare,
        );
    }

    /// Other referrals: asked for again so often; then somebody has been told by the host.
    fn referral_ended(&mut self, report: &RequestReport) {
        let code = report.code.as_str();
        if report.end == RequestEnd::Lapsed && self.is_asked_again(code) {
            match code {
                request::OFF_TARGET => self.refer_off_target(),
                request::REGIMEN => self.refer_for_regimen(),
                request::NEPHROLOGY => self.refer_to_nephrology(),
                request::DIAGNOSIS => self.refer_for_diagnosis(URGENT_DAYS),
                request::EYES => self.refer_eyes(self.memory.urgent.contains(code)),
                request::FEET => self.refer_feet(self.memory.urgent.contains(code)),
                _ => {}
            }
        } else {
            self.memory.urgent.remove(code);
        }
    }

    /// Whether a referral that lapsed is asked for once more: not after so many in a row. What is found anew is counted
    /// anew.
    fn is_asked_again(&mut self, code: &str) -> bool {
        let again = i64::from(self.memory.lapsed.get(code).copied().unwrap_or(0)) < LAPSES.value;
        if !again {
            self.memory.lapsed.remove(code);
        }
        again
    }

    /// The host decides what is news: late results and corrections are. What a patient types is no laboratory result.
    fn observed(&mut self, Told { observation, provenance }: &Told) -> Result<(), Error> {
        let reading = match Reading::of(observation, self.snapshot) {
            Ok(reading) => reading,
            Err(NotUnderstood(what)) => {
                self.not_understood(&what);
                return Ok(());
            }
        };
        match reading {
            Reading::Glucose(glucose) => self.judge_glucose(&glucose, observation.effective.unwrap_or(self.now)),
            Reading::Pressure(pressure) => self.judge_pressure(&pressure, observation.effective.unwrap_or(self.now)),
            _ if *provenance == Provenance::SelfReported || observation.refused().is_some() => {}
            Reading::Hba1c(hba1c) => self.hba1c_came(&hba1c)?,
            Reading::Ldl(ldl) => self.lipids_came(&ldl, observation)?,
            Reading::Albumin(albumin) => self.albumin_came(&albumin, observation),
            Reading::Filtration(filtration) => self.filtration_came(&filtration, observation),
            Reading::Retina(codes) => self.retina_came(&codes, observation),
            Reading::Other => {}
        }
        Ok(())
    }

    /// It is not judged, and somebody looks.
    fn not_understood(&mut self, what: &str) {
        self.alert(
            ("UNIT_NOT_UNDERSTOOD", Severity::Warning, Role::Doctor, HOUR),
            zh_en(
                format!("无法理解的检测值({what}),未用于任何规则,请人工核实。"),
                format!("Not understood: {what}. No rule got it; please verify it."),
            ),
            Source::Units,
        );
    }

    fn departed(&mut self, how: Departure) {
        let (code, message) = match how {
            Departure::Withdrawn => ("WITHDRAWN", zh_en("患者退出随访。", "The patient leaves the follow-up.")),
            Departure::Transferred => {
                ("TRANSFERRED", zh_en("转由其他医疗机构随访。", "Another hospital goes on with the follow-up."))
            }
        };
        let reason = Reason { code: code.to_owned(), message, citation: Source::Rights.citation() };
        self.directives.push(Directive::Close(reason));
    }

    // --- helpers for directives ------------------------------------------------

    /// A task with a window of days, that somebody does.
    fn schedule(
        &mut self,
        code: &str,
        (title, owner): (LocalizedText, Role),
        (due, window_days): (Instant, Number),
        every: Option<Number>,
    ) {
        let window_minutes = window_days.minutes().saturating_mul(DAY);
        let task = Task { code: code.to_owned(), title, owner, due, window_minutes, repeat: repetition(every) };
        self.directives.push(Directive::ScheduleTask(task));
    }

    /// A timer, after which the pathway asks for something.
    fn timer(&mut self, code: &str, title: LocalizedText, due: Instant, every: Option<Number>) {
        let owner = Role::HealthManager;
        let task = Task { code: code.to_owned(), title, owner, due, window_minutes: 0, repeat: repetition(every) };
        self.directives.push(Directive::ScheduleTask(task));
    }

    fn cancel(&mut self, code: &str) {
        self.directives.push(Directive::CancelTask(code.to_owned()));
    }

    fn ask_follow_up(&mut self) {
        self.ask(FOLLOW_UP, ANSWER_DAYS.minutes().saturating_mul(DAY));
    }

    /// Once in a step. It may be shown on a lock screen, so it contains no disease and no value.
    fn tell(&mut self, template: &str, fallback: LocalizedText) {
        if self.directives.iter().any(|one| matches!(one, Directive::SendMessage(known) if known.template == template))
        {
            return;
        }
        let template = template.to_owned();
        self.directives.push(Directive::SendMessage(Message { template, arguments: Vec::new(), fallback }));
    }

    fn note(&mut self, text: LocalizedText) {
        self.directives.push(Directive::ProposeNote(text));
    }

    fn critical(&mut self, code: &str, message: LocalizedText, source: Source) {
        self.alert((code, Severity::Critical, Role::Doctor, targets::acknowledge_minutes()), message, source);
    }

    /// Once in a step.
    fn alert(
        &mut self,
        (code, severity, owner, sla_minutes): (&str, Severity, Role, u32),
        message: LocalizedText,
        source: Source,
    ) {
        if self.directives.iter().any(|one| matches!(one, Directive::RaiseAlert(known) if known.code == code)) {
            return;
        }
        self.directives.push(Directive::RaiseAlert(Alert {
            code: code.to_owned(),
            severity,
            message,
            owner,
            sla_minutes,
            escalation: Vec::new(),
            citation: source.citation(),
        }));
    }

    /// Stops the visit, if there is one, and what is done on the patient online until a doctor releases it.
    fn stop(&mut self, code: &str, hold: Hold, (reason, source): (LocalizedText, Source)) {
        if self.directives.iter().any(|one| matches!(one, Directive::Hold(known) if known.code == hold.code())) {
            return;
        }
        self.memory.holds.insert(hold);
        self.directives.push(Directive::StopVisit(Stop {
            code: code.to_owned(),
            reason: reason.clone(),
            citation: source.citation(),
        }));
        self.directives.push(Directive::Hold(xinglin_sdk::follow_up::Hold {
            code: hold.code().to_owned(),
            stops: Acts::PRESCRIBE | Acts::APPROVE | Acts::CHARGE | Acts::DISPENSE,
            medicines: Vec::new(),
            reason,
            release: ReleaseBy::Doctor,
            citation: source.citation(),
        }));
    }
}

/// After the code of a test: a timer of an older version, after which it looked for the result.
const LOOK: &str = "-missed";

/// What a result completes, not an examination.
fn is_test(code: &str) -> bool {
    [hba1c::TASK, kidney::AGAIN].contains(&code) || yearly::check(code).is_some_and(yearly::Check::is_test)
}

fn title_of(code: &str) -> LocalizedText {
    match yearly::check(code) {
        Some(check) => check.title(),
        None if code == hba1c::TASK => hba1c::title(),
        None => kidney::title(),
    }
}

fn repetition(every: Option<Number>) -> Option<Repetition> {
    every.map(|every| Repetition { every_days: every.days(), times: None })
}
