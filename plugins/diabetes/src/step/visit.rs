//! Follow-ups: online, and in person at least four times a year.

use xinglin_sdk::{
    pathway::{Alert, AnswerValue, Error, Response, Role, Severity, TaskRef},
    time::{Instant, days_between, plus_days},
    types::{LocalizedText, Quantity, zh_en},
};

use super::{Step, THREE_DAYS_IN_MINUTES};
use crate::{
    definition::{FOLLOW_UP, RECHECK as RECHECK_QUESTIONS, link},
    measure::{Glucose, Hba1c, Pressure},
    sources, targets,
};

/// Days of the online follow-ups in the first twelve weeks.
const FIRST_DAYS: [i64; 5] = [7, 14, 28, 56, 84];
/// The last of them, after which regular follow-up begins.
const LAST_FIRST_DAY: i64 = 84;
/// Days between the later ones.
const REGULAR_DAYS: i64 = 90;
const WINDOW_DAYS: u16 = 3;
/// Before the day of an online follow-up.
pub const VISIT: &str = "visit-";
/// The follow-up after one that was off target.
const EXTRA: &str = "visit-extra";
const EXTRA_DAYS: i64 = 14;

/// In-person visit.
pub(super) const OFFLINE: &str = "offline-visit";
/// Task that checks whether an in-person visit is overdue.
pub(super) const OFFLINE_MISSED: &str = "offline-visit-missed";
const OFFLINE_DAYS: i64 = 90;
const OFFLINE_WINDOW_DAYS: u16 = 14;

/// Repeated measurement of a low glucose.
pub const RECHECK: &str = "glucose-recheck";

impl Step<'_> {
    pub(super) fn schedule_first_visits(&mut self) {
        for day in FIRST_DAYS {
            self.schedule_visit(day);
        }
    }

    pub(super) fn visit_due(&mut self, code: &str) {
        if !code.starts_with(VISIT) {
            return;
        }
        self.plan_next_visit(code);
        self.memory.unanswered.insert(code.to_owned());
        self.ask(FOLLOW_UP);
        self.remind_of_follow_up();
    }

    /// Somebody says that a follow-up took place. Earlier than its days of grace before it is due, it
    /// was another: this one stays.
    pub(super) fn visit_done(&mut self, TaskRef { code, due }: &TaskRef) {
        if !code.starts_with(VISIT) {
            return;
        }
        if self.now >= plus_days(*due, -i64::from(WINDOW_DAYS)) {
            self.memory.unanswered.remove(code);
            self.plan_next_visit(code);
        } else if code == EXTRA {
            self.schedule_extra_visit(*due);
        } else if let Some(day) = day_of(code) {
            self.schedule_visit(day);
        }
    }

    /// From the last of the first weeks on, each is followed by another.
    fn plan_next_visit(&mut self, code: &str) {
        let Some(day) = day_of(code).filter(|day| *day >= LAST_FIRST_DAY) else { return };
        self.memory.maintenance = true;
        // After a long stop of the host, the next one that is still to come.
        let gone = days_between(plus_days(self.memory.enrolled, day), self.now).max(0) / REGULAR_DAYS;
        self.schedule_visit(day.saturating_add((gone + 1) * REGULAR_DAYS));
    }

    pub(super) fn remind_of_follow_up(&mut self) {
        self.tell(
            "follow-up-due",
            zh_en("您有一份随访问卷待填写。", "There is a follow-up questionnaire for you to fill in."),
        );
    }

    pub(super) fn report_missed_follow_up(&mut self) {
        self.alert(Alert {
            code: "FOLLOW_UP_MISSED".to_owned(),
            severity: Severity::Warning,
            message: zh_en(
                "随访问卷超期未填写,请联系患者。",
                "The follow-up was not answered: please contact the patient.",
            ),
            owner: Role::HealthManager,
            sla_minutes: THREE_DAYS_IN_MINUTES,
            citation: sources::public_health(),
        });
    }

    pub(super) fn schedule_offline_visit(&mut self, from: Instant) {
        let due = plus_days(from, OFFLINE_DAYS);
        self.schedule(OFFLINE, zh_en("面对面随访", "Face-to-face visit"), Role::Patient, due, OFFLINE_WINDOW_DAYS);
        self.schedule(
            OFFLINE_MISSED,
            zh_en("核对面对面随访是否完成", "Check whether the face-to-face visit took place"),
            Role::HealthManager,
            plus_days(due, i64::from(OFFLINE_WINDOW_DAYS)),
            0,
        );
    }

    pub(super) fn remind_of_offline_visit(&mut self) {
        self.tell(
            "offline-visit-due",
            zh_en("您本季度的门诊随访时间到了,请预约。", "Your quarterly visit is due: please make an appointment."),
        );
    }

    /// `checked` is when its absence was to be noticed. The next one is on the day of this one if that
    /// is still to come, otherwise a quarter later; after a long stop of the host, a quarter from now.
    pub(super) fn plan_next_offline_visit(&mut self, checked: Instant) {
        let day = plus_days(checked, -i64::from(OFFLINE_WINDOW_DAYS));
        let is_ahead = |from: &Instant| plus_days(*from, OFFLINE_DAYS) > self.now;
        let from = [plus_days(day, -OFFLINE_DAYS), day].into_iter().find(is_ahead);
        self.schedule_offline_visit(from.unwrap_or(self.now));
    }

    pub(super) fn offline_visit_missed(&mut self, checked: Instant) {
        self.plan_next_offline_visit(checked);
        self.alert(Alert {
            code: "OFFLINE_VISIT_OVERDUE".to_owned(),
            severity: Severity::Warning,
            message: zh_en(
                "面对面随访超期未完成(每年至少4次)。",
                "The face-to-face visit is overdue (at least four a year).",
            ),
            owner: Role::HealthManager,
            sla_minutes: THREE_DAYS_IN_MINUTES,
            citation: sources::public_health(),
        });
    }

    pub(super) fn recheck_at(&mut self, due: Instant) {
        self.schedule(RECHECK, zh_en("15分钟后复测", "Measure again after 15 minutes"), Role::Patient, due, 0);
    }

    pub(super) fn ask_again(&mut self) {
        self.ask(RECHECK_QUESTIONS);
    }

    /// The values are also delivered as observations, in separate events before, where critical ones
    /// are handled. Here the visit is evaluated as a whole.
    pub(super) fn answered(&mut self, response: &Response) -> Result<(), Error> {
        let answers = Answers(response);
        if answers.boolean(link::NEEDED_HELP) {
            self.needed_help();
        }
        if response.questionnaire != FOLLOW_UP {
            return Ok(());
        }
        for code in std::mem::take(&mut self.memory.unanswered) {
            self.cancel(&code);
        }
        self.note_reported_hba1c(&answers)?;
        let off_target = self.off_target(&answers)?;
        if off_target.is_empty() {
            self.memory.off_target = 0;
            return Ok(());
        }
        self.memory.off_target = self.memory.off_target.saturating_add(1);
        let (zh, en) = (join(&off_target, 0, "、"), join(&off_target, 1, ", "));
        self.note(zh_en(
            format!("随访未达标:{zh}。线上只宜逐步调整用药,不宜更换方案。"),
            format!("Off target: {en}. Online, adjust medication step by step; no change of regimen."),
        ));
        if self.memory.off_target >= 2 {
            self.memory.off_target = 0;
            self.refer(
                zh_en(format!("连续两次随访未达标:{zh}。"), format!("Off target at two visits in a row: {en}.")),
                sources::public_health(),
            );
        } else {
            self.schedule_extra_visit(plus_days(self.now, EXTRA_DAYS));
        }
        Ok(())
    }

    /// The values off target, in both languages.
    fn off_target(&self, answers: &Answers) -> Result<Vec<LocalizedText>, Error> {
        let mut found = Vec::new();
        if let Some(quantity) = answers.quantity(link::GLUCOSE) {
            let glucose = Glucose::of(quantity, answers.boolean(link::FASTING))?;
            if !targets::glucose_met(&glucose)? {
                found.push(zh_en(format!("血糖 {}", glucose.shown), format!("glucose {}", glucose.shown)));
            }
        }
        let pressure = Pressure::of_values(answers.quantity(link::SYSTOLIC), answers.quantity(link::DIASTOLIC))?;
        if !targets::pressure_met(&pressure)? {
            found.push(zh_en(format!("血压 {}", pressure.shown()), format!("blood pressure {}", pressure.shown())));
        }
        Ok(found)
    }

    /// What the patient remembers is no laboratory result: it decides nothing, and a doctor reads it.
    fn note_reported_hba1c(&mut self, answers: &Answers<'_>) -> Result<(), Error> {
        let Some(quantity) = answers.quantity(link::HBA1C) else { return Ok(()) };
        let hba1c = Hba1c::of(quantity)?;
        if !targets::hba1c_met(&hba1c, self.memory.severe_hypoglycaemia)? {
            self.note(zh_en(
                format!("患者自报糖化血红蛋白 {},未达标;以检验结果为准。", hba1c.shown),
                format!("HbA1c {} by the patient's own account, off target: a laboratory result decides.", hba1c.shown),
            ));
        }
        Ok(())
    }

    fn schedule_visit(&mut self, day: i64) {
        let due = plus_days(self.memory.enrolled, day);
        let title = zh_en(format!("第{day}天线上随访"), format!("Online follow-up, day {day}"));
        self.schedule(format!("{VISIT}{day}"), title, Role::Patient, due, WINDOW_DAYS);
    }

    fn schedule_extra_visit(&mut self, due: Instant) {
        let title = zh_en("两周内再次随访", "Follow-up within two weeks");
        self.schedule(EXTRA, title, Role::Patient, due, WINDOW_DAYS);
    }
}

/// The day of an online follow-up, by its code.
fn day_of(code: &str) -> Option<i64> {
    code.strip_prefix(VISIT)?.parse().ok()
}

struct Answers<'a>(&'a Response);

impl Answers<'_> {
    fn value(&self, link_id: &str) -> Option<&AnswerValue> {
        self.0.answers.iter().find(|answer| answer.link_id == link_id).map(|answer| &answer.value)
    }

    fn quantity(&self, link_id: &str) -> Option<&Quantity> {
        match self.value(link_id)? {
            AnswerValue::Quantity(quantity) => Some(quantity),
            _ => None,
        }
    }

    fn boolean(&self, link_id: &str) -> bool {
        matches!(self.value(link_id), Some(AnswerValue::Boolean(true)))
    }
}

fn join(texts: &[LocalizedText], language: usize, separator: &str) -> String {
    let words: Vec<&str> = texts.iter().filter_map(|text| text.get(language)).map(|t| t.text.as_str()).collect();
    words.join(separator)
}
