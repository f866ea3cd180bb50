//! After an exposure: the clock, the course, the weeks of tests.

use xinglin_sdk::{
    follow_up::{Directive, Role, Severity, Stop},
    time::{DAY, Instant, MINUTE, plus_days},
    types::{Decimal, zh_en},
};

use super::{
    Step,
    request::{Visit, Workup},
    task,
};
use crate::{
    measure::Found,
    memory::{Arm, Hold},
    numbers::{COURSE_DAYS, DAY_MINUTES, Number, PEP_BEST, PEP_CONTACT, PEP_COURSE, PEP_PREFERRED, PEP_WINDOW},
    questions::{self, Answers, HOUR, link},
    schedule,
    sources::Source,
};

const fn hours(number: Number) -> Instant {
    number.value.saturating_mul(HOUR)
}

impl Step<'_> {
    /// Who does not know when it was is sent at once, too.
    pub(super) fn exposure(&mut self, exposed: Option<Instant>) {
        self.enter(Arm::Urgent);
        self.memory.started = None;
        self.memory.expired = false;
        self.memory.seen = false;
        self.memory.exposed = exposed;
        if self.is_too_late() {
            self.window_expired();
            self.ask(questions::COURSE);
        } else {
            self.window_open()
        }
        // Nobody waits for them.
        self.request(Workup::Baseline);
    }

    /// When it was; if nobody knows, when it was told.
    fn since(&self) -> Instant {
        self.memory.exposed.unwrap_or(self.memory.arm_since)
    }

    fn is_too_late(&self) -> bool {
        self.now.saturating_sub(self.since()) > hours(PEP_WINDOW)
    }

    fn window_open(&mut self) {
        let reason = zh_en("须立即当面就诊。", "To be seen face to face at once.");
        self.directives.push(Directive::StopVisit(Stop {
            code: "SEE_FACE_TO_FACE_NOW".to_owned(),
            reason: reason.clone(),
            citation: Source::InternetCare.citation(),
        }));
        let (window, best, preferred, course) =
            (PEP_WINDOW.value, PEP_BEST.value, PEP_PREFERRED.value, PEP_COURSE.value);
        let ago = match self.memory.exposed {
            Some(exposed) => Decimal::new(self.now.saturating_sub(exposed) / (HOUR / 10), 1).normalized().to_string(),
            None => "?".to_owned(),
        };
        self.critical(
            "PEP_WINDOW_OPEN",
            zh_en(
                format!(
                    "可能暴露于{ago}小时前。暴露后预防须在{window}小时内开始,{best}小时内为佳(国内优先{preferred}小时内):\
                     立即线下就诊评估,不等待任何化验;疗程{course}天。"
                ),
                format!(
                    "Possible exposure {ago} hours ago. PEP begins within {window} hours, best within {best} (in China \
                     preferably {preferred}): assessment face to face now, without waiting for any laboratory test; the \
                     course is {course} days."
                ),
            ),
            Source::Pep,
        );
        self.refer_urgent();
        self.tell_to_go();
        self.hold(Hold::Urgent, reason, Source::InternetCare);
        self.schedule(task::CONTACT, self.now.saturating_add(hours(PEP_CONTACT)));
        self.schedule_course(self.now);
        // Just after the last moment.
        self.schedule(task::CLOCK_WINDOW, self.since().saturating_add(hours(PEP_WINDOW) + MINUTE));
    }

    /// Seen in the best hours; when they are over, in the window.
    pub(super) fn refer_urgent(&mut self) {
        let best = self.since().saturating_add(hours(PEP_BEST));
        let last = self.since().saturating_add(hours(PEP_WINDOW));
        let attend_by = if best > self.now { best } else { last.max(self.now.saturating_add(HOUR)) };
        self.refer_by(Visit::Urgent, attend_by);
    }

    /// The patient was not seen in time: said again, and sent again.
    pub(super) fn urgent_visit_lapsed(&mut self) {
        if !self.is_waiting() || self.memory.seen {
            return;
        }
        if self.is_too_late() {
            self.window_expired();
            return self.ask(questions::COURSE);
        }
        self.visit_lapsed(Visit::Urgent);
        self.refer_urgent();
        self.tell_to_go();
    }

    fn tell_to_go(&mut self) {
        self.tell(
            "go-now",
            zh_en(
                "根据您的回答,请现在就到医院急诊或门诊当面就诊,不要等待任何检查。医护人员会与您联系。",
                "Going by your answers, please go to a hospital now, without waiting for any tests. Our team will contact you.",
            ),
        );
    }

    fn schedule_course(&mut self, day_0: Instant) {
        for day in COURSE_DAYS {
            let due = plus_days(day_0, day.value);
            if due >= self.now {
                self.schedule(&course_task(day), due);
            }
        }
    }

    /// Nobody knows of a course, and it is not too late.
    pub(super) fn is_waiting(&self) -> bool {
        self.memory.arm == Arm::Urgent && self.memory.started.is_none() && !self.memory.expired
    }

    /// A course after an exposure has begun.
    pub(super) fn is_in_course(&self) -> bool {
        self.memory.arm == Arm::Urgent && self.memory.started.is_some()
    }

    pub(super) fn window_over(&mut self) {
        if !self.is_waiting() {
            return;
        }
        // A course may have begun, and nobody said so: its questions go on, or are asked once.
        if !self.memory.seen {
            self.window_expired();
            return self.ask(questions::COURSE);
        }
        self.memory.expired = true;
        self.note(zh_en(
            "患者已就诊,未见开始暴露后预防的记录:请核实;按周检测照常。",
            "The patient was seen, and no PEP is known to have begun: please verify; the tests go on by weeks.",
        ));
    }

    fn window_expired(&mut self) {
        self.memory.expired = true;
        self.cancel_timers();
        self.withdraw_visit(Visit::Urgent);
        let weeks: Vec<String> = schedule::weeks().iter().map(|week| week.value.to_string()).collect();
        let window = PEP_WINDOW.value;
        self.critical(
            "PEP_WINDOW_EXPIRED",
            zh_en(
                format!("距暴露已超过{window}小时,不再适用暴露后预防;按计划检测:现在及第{}周。", weeks.join("、")),
                format!(
                    "More than {window} hours since the exposure: PEP is over. Tests now and in weeks {}.",
                    weeks.join(", ")
                ),
            ),
            Source::Pep,
        );
        self.refer(Visit::Expired);
        self.tell_to_visit();
    }

    /// Its timers and its questions.
    fn cancel_course(&mut self) {
        self.cancel_timers();
        self.take_back(questions::COURSE);
    }

    fn cancel_timers(&mut self) {
        self.cancel(task::CLOCK_WINDOW);
        for day in COURSE_DAYS {
            self.cancel(&course_task(day));
        }
    }

    pub(super) fn course_answered(&mut self, answers: &Answers<'_>) {
        if self.memory.arm != Arm::Urgent {
            return;
        }
        match answers.yes(link::STARTED) {
            true if self.memory.started.is_none() => {
                self.course_began(answers.hours_before(link::STARTED_HOURS, self.now));
            }
            false if self.is_waiting() => self.not_begun(),
            // Too late to begin one: it is not asked about again.
            false if self.memory.started.is_none() => self.cancel_course(),
            _ => {}
        }
        if answers.yes(link::UNWELL) {
            self.symptoms(answers);
        }
        self.judge_gap(answers);
        if answers.yes(link::FINISHED)
            && let Some(started) = self.memory.started
        {
            self.course_ended(started);
        }
    }

    fn not_begun(&mut self) {
        if self.is_too_late() {
            return self.window_expired();
        }
        self.critical(
            "PEP_NOT_STARTED",
            zh_en("患者尚未开始暴露后预防,须立即就诊。", "PEP: the patient has not begun; face to face at once."),
            Source::Pep,
        );
        self.tell_to_go();
    }

    /// Not before the exposure: such hours are not used.
    fn course_began(&mut self, told: Option<Instant>) {
        let possible = told.filter(|began| self.memory.exposed.is_none_or(|exposed| *began >= exposed));
        if told.is_some() && possible.is_none() {
            self.alert(
                "ANSWER_NOT_USABLE",
                Severity::Warning,
                zh_en(
                    "所述开始时间早于暴露,未用于任何规则,请联系患者核实。",
                    "The start that was told is before the exposure, and was used in no rule: please ask the patient.",
                ),
                (Role::HealthManager, DAY_MINUTES),
                Source::Project,
            );
        }
        let began = possible.unwrap_or(self.now);
        self.cancel_course();
        for visit in [Visit::Urgent, Visit::Expired] {
            self.withdraw_visit(visit);
        }
        self.memory.started = Some(began);
        self.memory.expired = false;
        if self.memory.exposed.is_some_and(|exposed| began.saturating_sub(exposed) > hours(PEP_WINDOW)) {
            self.critical(
                "PEP_STARTED_LATE",
                zh_en(
                    "开始时已超过暴露后72小时,请评估。",
                    "Begun more than 72 hours after the exposure: please assess.",
                ),
                Source::Pep,
            );
        }
        self.schedule_course(began);
    }

    fn course_ended(&mut self, started: Instant) {
        if self.now.saturating_sub(started) < PEP_COURSE.value * DAY {
            self.alert(
                "PEP_STOPPED_EARLY",
                Severity::Warning,
                zh_en("未满28天即停止,请药师联系。", "Stopped before 28 days: a pharmacist calls."),
                (Role::Pharmacist, DAY_MINUTES),
                Source::Pep,
            );
        } else {
            self.note(zh_en(
                "暴露后预防28天疗程已满;按周检测,并评估暴露前预防。",
                "The course of 28 days is over: tests by weeks, and think of PrEP.",
            ));
        }
    }

    /// The newest HIV test, if it is negative, and no sign of an infection waits for a doctor.
    pub(super) fn judge_test(&mut self) {
        let negative = matches!(self.chart.tests().first(), Some((_, Found::Negative)));
        if self.memory.arm != Arm::Urgent || !negative || self.memory.holds.contains(&Hold::Reactive) {
            return;
        }
        if schedule::weeks_are_over(&self.memory, &self.chart) {
            self.note(zh_en(
                "暴露后检测已全部完成且为阴性。",
                "All tests after the exposure are done, the last negative.",
            ));
            self.enter(Arm::Assessment);
            self.ask(questions::INTAKE);
        }
    }

    /// A positive HIV test, or HIV RNA that is found. What was negative after it takes nothing away: a doctor decides, and
    /// only what was taken before that is known.
    pub(super) fn judge_sign(&mut self, taken: Instant) {
        if self.memory.confirmed.is_none_or(|confirmed| taken > confirmed) {
            self.reactive();
        }
    }

    /// Confirmed face to face; who is in treatment is known.
    pub(super) fn reactive(&mut self) {
        if self.memory.arm == Arm::Treatment || self.chart.is_infected() {
            return;
        }
        self.critical(
            "HIV_TEST_REACTIVE",
            zh_en(
                "HIV检测有反应或阳性,或检出HIV核酸:停止线上处方,立即线下确证。",
                "HIV test reactive or positive, or HIV RNA found: no online prescription, confirm face to face now.",
            ),
            Source::Prep,
        );
        self.alert(
            "STATUTORY_REPORTING_BY_INSTITUTION",
            Severity::Info,
            zh_en(
                "确证后的法定报告与告知由医疗机构依法完成,本路径不代报。",
                "After confirmation the institution reports and informs as the law demands; this pathway does not.",
            ),
            (Role::PublicHealthDoctor, DAY_MINUTES),
            Source::Law,
        );
        self.hold(
            Hold::Reactive,
            zh_en("化验结果须当面确证。", "A result is to be confirmed face to face."),
            Source::Prep,
        );
        self.refer(Visit::Confirm);
        self.request(Workup::Confirm);
        self.tell_to_visit();
        self.schedule(task::PUBLIC_HEALTH, self.now);
        self.end_prevention();
    }

    /// Leaves the arm before, with all that belongs to it.
    pub(super) fn enter(&mut self, arm: Arm) {
        self.cancel_course();
        self.end_prevention();
        for visit in [Visit::Urgent, Visit::Expired, Visit::Prevention] {
            self.withdraw_visit(visit);
        }
        for workup in [Workup::Baseline, Workup::Prevention] {
            self.withdraw_tests(workup);
        }
        for series in [task::REGULAR, task::ROUTINE] {
            self.cancel(series);
        }
        for questionnaire in [questions::REGULAR, questions::ROUTINE] {
            self.take_back(questionnaire);
        }
        self.memory.arm = arm;
        self.memory.arm_since = self.now;
        if arm != Arm::Assessment {
            self.take_back(questions::INTAKE);
            self.cancel(task::INTAKE);
        }
    }
}

fn course_task(day: Number) -> String {
    format!("{}-{}", task::COURSE, day.value)
}
