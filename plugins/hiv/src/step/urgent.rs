//! After an exposure: the clock, the course, the weeks of tests.

use xinglin_sdk::{
    clinical::Sex,
    pathway::{Destination, Role, Severity},
    time::{DAY, Instant, MINUTE, plus_days},
    types::{Decimal, zh_en},
};

use super::{DAY_IN_MINUTES, Step, task};
use crate::{
    measure::{self, Found},
    memory::{Arm, Hold},
    questions::{Amount, Answers, link},
    rules, schedule, sources,
};

const HOUR: Instant = 60 * MINUTE;
/// Days after which a referred patient is contacted again.
const RECONTACT_DAYS: u16 = 7;

/// Microseconds in so many hours, rounded down.
fn hours(value: Decimal) -> Instant {
    let micros = value.times(Decimal::whole(HOUR)).map(Decimal::normalized);
    micros.map_or(0, |micros| if micros.scale == 0 { micros.unscaled } else { 0 })
}

impl Step<'_> {
    pub(super) fn exposure(&mut self, ago: Amount) {
        self.enter(Arm::Urgent);
        self.memory.started = None;
        self.memory.expired = false;
        self.memory.exposed = match ago {
            Amount::Of(value) => Some(self.now.saturating_sub(hours(value))),
            Amount::Silent | Amount::Wrong => None,
        };
        match ago {
            Amount::Of(value) if value > Decimal::whole(rules::PEP_WINDOW) => self.window_expired(),
            Amount::Of(value) => self.window_open(&value.to_string()),
            // Nobody waits to find out.
            Amount::Silent | Amount::Wrong => self.window_open("?"),
        }
    }

    fn window_open(&mut self, ago: &str) {
        self.critical(
            "PEP_WINDOW_OPEN",
            zh_en(
                format!(
                    "可能暴露于{ago}小时前。暴露后预防须在72小时内开始,24小时内为佳(国内优先2小时内):\
                     立即线下就诊评估,不等待任何化验;疗程28天。"
                ),
                format!(
                    "Possible exposure {ago} hours ago. PEP begins within 72 hours, best within 24 (in China preferably 2): \
                     assessment face to face now, without waiting for any laboratory test; the course is 28 days."
                ),
            ),
            sources::PEP,
        );
        self.refer(
            Destination::Offline(None),
            zh_en("请现在就诊,不要等待任何检查。", "Please go now, without waiting for any tests."),
            1,
            sources::PEP,
        );
        self.tell(
            "go-now",
            zh_en(
                "根据您的回答,请现在就到医院急诊或门诊当面就诊,不要等待任何检查。医护人员会与您联系。",
                "Going by your answers, please go to a hospital now, without waiting for any tests. Our team will contact you.",
            ),
        );
        self.hold(Hold::Urgent, zh_en("须先当面就诊。", "To be seen face to face first."), sources::INTERNET_CARE);
        self.request_baseline();
        self.schedule(task::CONTACT, self.now.saturating_add(rules::PEP_CONTACT * HOUR));
        self.schedule_course(self.now);
        for (code, limit) in [(task::CLOCK_BEST, rules::PEP_BEST), (task::CLOCK_WINDOW, rules::PEP_WINDOW)] {
            if let Some(exposed) = self.memory.exposed {
                self.ring(code, exposed.saturating_add(limit * HOUR));
            }
        }
    }

    /// Just after the last moment; not if that is past.
    fn ring(&mut self, code: &str, end: Instant) {
        let at = end.saturating_add(MINUTE);
        if at > self.now {
            self.schedule(code, at);
        }
    }

    fn request_baseline(&mut self) {
        let mut tests = vec![
            (measure::HIV_TEST, "HIV antigen and antibody"),
            (measure::HEPATITIS_B, "Hepatitis B surface antigen"),
            (measure::HEPATITIS_C, "Hepatitis C antibody"),
            (measure::CREATININE, "Creatinine"),
            (measure::ALT, "Alanine aminotransferase"),
        ];
        if self.chart.snapshot.subject.sex != Sex::Male {
            tests.push((measure::PREGNANCY, "Choriogonadotropin"));
        }
        self.request(&tests);
    }

    fn schedule_course(&mut self, day_0: Instant) {
        for day in rules::PEP_CHECKS {
            let due = plus_days(day_0, day);
            if due >= self.now {
                self.schedule(&format!("{}{day}", task::COURSE), due);
            }
        }
    }

    fn is_waiting(&self) -> bool {
        self.memory.arm == Arm::Urgent && self.memory.started.is_none() && !self.memory.expired
    }

    pub(super) fn best_hours_over(&mut self) {
        if self.is_waiting() {
            self.not_started(
                "PEP_DELAYED",
                "已超过24小时,尚未确认开始;72小时内仍应开始。",
                "24 hours are over, and it is not known to have begun; it still can within 72.",
            );
        }
    }

    pub(super) fn window_over(&mut self) {
        if self.is_waiting() {
            self.window_expired();
        }
    }

    fn not_started(&mut self, code: &str, zh: &str, en: &str) {
        self.critical(code, zh_en(format!("暴露后预防{zh}"), format!("PEP: {en}")), sources::PEP);
        self.tell(
            "go-now",
            zh_en(
                "请现在就到医院当面就诊,不要等待任何检查。",
                "Please go to a hospital now, without waiting for any tests.",
            ),
        );
    }

    fn window_expired(&mut self) {
        self.memory.expired = true;
        self.cancel_course();
        let weeks = schedule::weeks().iter().map(i64::to_string).collect::<Vec<_>>();
        self.critical(
            "PEP_WINDOW_EXPIRED",
            zh_en(
                format!("距暴露已超过72小时,不再适用暴露后预防;按计划检测:现在及第{}周。", weeks.join("、")),
                format!(
                    "More than 72 hours since the exposure: PEP is over. Tests now and in weeks {}.",
                    weeks.join(", ")
                ),
            ),
            sources::PEP,
        );
        self.refer(
            Destination::Offline(None),
            zh_en("请按团队的安排当面就诊。", "Please see a doctor in person, as our team arranges."),
            RECONTACT_DAYS,
            sources::PEP_FOLLOW_UP,
        );
        self.request_baseline();
        self.tell_to_visit();
    }

    fn cancel_course(&mut self) {
        for code in [task::CLOCK_BEST, task::CLOCK_WINDOW] {
            self.cancel(code);
        }
        for day in rules::PEP_CHECKS {
            let code = format!("{}{day}", task::COURSE);
            self.memory.unanswered.remove(&code);
            self.cancel(&code);
        }
    }

    pub(super) fn course_answered(&mut self, answers: &Answers<'_>) {
        if self.memory.arm != Arm::Urgent {
            return;
        }
        let since = answers.amount(link::STARTED_HOURS, "h", rules::HOURS_PLAUSIBLE);
        if answers.boolean(link::STARTED).is_none() || answers.boolean(link::UNWELL).is_none() || since == Amount::Wrong
        {
            self.answer_unusable();
        }
        match answers.boolean(link::STARTED) {
            Some(true) if self.memory.started.is_none() => self.course_began(since),
            Some(false) if self.is_waiting() => match self.memory.exposed {
                Some(exposed) if self.now.saturating_sub(exposed) > rules::PEP_WINDOW * HOUR => self.window_expired(),
                _ => self.not_started(
                    "PEP_NOT_STARTED",
                    "患者尚未开始,须立即就诊。",
                    "the patient has not begun: face to face at once.",
                ),
            },
            _ => {}
        }
        if answers.yes(link::UNWELL) {
            self.symptoms();
        }
        self.judge_gap(answers);
        if answers.yes(link::FINISHED)
            && let Some(started) = self.memory.started
        {
            self.course_ended(started);
        }
    }

    /// Not before the exposure: such hours are not used.
    fn course_began(&mut self, ago: Amount) {
        let told = match ago {
            Amount::Of(value) => Some(self.now.saturating_sub(hours(value))),
            Amount::Silent | Amount::Wrong => None,
        };
        let possible = told.filter(|began| self.memory.exposed.is_none_or(|exposed| *began >= exposed));
        if told.is_some() && possible.is_none() {
            self.answer_unusable();
        }
        let began = possible.unwrap_or(self.now);
        self.cancel_course();
        self.memory.started = Some(began);
        if self.memory.exposed.is_some_and(|exposed| began.saturating_sub(exposed) > rules::PEP_WINDOW * HOUR) {
            self.critical(
                "PEP_STARTED_LATE",
                zh_en(
                    "开始时已超过暴露后72小时,请评估。",
                    "Begun more than 72 hours after the exposure: please assess.",
                ),
                sources::PEP,
            );
        }
        self.schedule_course(began);
    }

    fn course_ended(&mut self, started: Instant) {
        if self.now.saturating_sub(started) < rules::PEP_COURSE * DAY {
            self.alert(
                "PEP_STOPPED_EARLY",
                Severity::Warning,
                zh_en("未满28天即停止,请药师联系。", "Stopped before 28 days: a pharmacist calls."),
                Role::Pharmacist,
                DAY_IN_MINUTES,
                sources::PEP,
            );
        } else {
            self.note(zh_en(
                "暴露后预防28天疗程已满;按周检测,并评估暴露前预防。",
                "The course of 28 days is over: tests by weeks, and think of PrEP.",
            ));
        }
    }

    /// The newest HIV test.
    pub(super) fn judge_test(&mut self) {
        match self.chart.tests().first() {
            Some((_, Found::Positive)) => self.reactive(),
            Some((_, Found::Negative)) if self.memory.arm == Arm::Urgent => {
                let over = schedule::weeks_are_over(&self.memory, &self.chart);
                if over && !self.memory.holds.contains(&Hold::Reactive) {
                    self.note(zh_en(
                        "暴露后检测已全部完成且为阴性。",
                        "All tests after the exposure are done, the last negative.",
                    ));
                    self.enter(Arm::Assessment);
                    self.ask_intake();
                }
            }
            _ => {}
        }
    }

    /// Confirmed face to face; who is in treatment is known.
    fn reactive(&mut self) {
        if self.memory.arm == Arm::Treatment || self.chart.is_infected() {
            return;
        }
        self.critical(
            "HIV_TEST_REACTIVE",
            zh_en(
                "HIV检测有反应或阳性:停止线上处方,立即线下确证。",
                "HIV test reactive or positive: no online prescription, confirm face to face now.",
            ),
            sources::PREP,
        );
        self.alert(
            "STATUTORY_REPORTING_BY_INSTITUTION",
            Severity::Info,
            zh_en(
                "确证后的法定报告与告知由医疗机构依法完成,本路径不代报。",
                "After confirmation the institution reports and informs as the law demands; this pathway does not.",
            ),
            Role::PublicHealthDoctor,
            DAY_IN_MINUTES,
            sources::LAW,
        );
        self.hold(
            Hold::Reactive,
            zh_en("化验结果须当面确证。", "A result is to be confirmed face to face."),
            sources::PREP,
        );
        self.refer(
            Destination::Offline(None),
            zh_en("请按团队的安排当面就诊。", "Please see a doctor in person, as our team arranges."),
            RECONTACT_DAYS,
            sources::PREP,
        );
        self.request(&[(measure::HIV_TEST, "HIV antigen and antibody"), (measure::VIRAL_LOAD, "HIV RNA")]);
        self.tell_to_visit();
        self.schedule(task::PUBLIC_HEALTH, self.now);
        self.end_prevention();
    }

    /// Leaves the arm before, with all that belongs to it.
    pub(super) fn enter(&mut self, arm: Arm) {
        self.cancel_course();
        self.end_prevention();
        self.memory
            .unanswered
            .retain(|code| ![task::REGULAR, task::ROUTINE].iter().any(|before| task::day(code, before).is_some()));
        self.memory.arm = arm;
        self.memory.arm_since = self.now;
        if arm != Arm::Assessment {
            self.memory.unanswered.remove(task::INTAKE);
            self.cancel(task::INTAKE);
        }
    }
}
