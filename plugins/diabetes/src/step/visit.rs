//! Follow-ups: online, and in person at least four times a year.

use xinglin_sdk::{
    pathway::{Alert, AnswerValue, Error, Response, Role, Severity},
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
pub(super) const RECHECK: &str = "glucose-recheck";

impl Step<'_> {
    pub(super) fn schedule_first_visits(&mut self) {
        for day in FIRST_DAYS {
            self.schedule_visit(day);
        }
    }

    pub(super) fn visit_due(&mut self, code: &str) {
        let Some(day) = code.strip_prefix("visit-") else { return };
        if let Ok(day) = day.parse::<i64>()
            && day >= LAST_FIRST_DAY
        {
            self.memory.maintenance = true;
            // After a long stop of the host, the next one that is still to come.
            let gone = days_between(plus_days(self.memory.enrolled, day), self.now).max(0) / REGULAR_DAYS;
            self.schedule_visit(day.saturating_add((gone + 1) * REGULAR_DAYS));
        }
        self.memory.unanswered.insert(code.to_owned());
        self.ask(FOLLOW_UP);
        self.remind_of_follow_up();
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

    pub(super) fn report_missed_offline_visit(&mut self) {
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
            let due = plus_days(self.now, EXTRA_DAYS);
            self.schedule(
                EXTRA,
                zh_en("两周内再次随访", "Follow-up within two weeks"),
                Role::Patient,
                due,
                WINDOW_DAYS,
            );
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
        self.schedule(format!("visit-{day}"), title, Role::Patient, due, WINDOW_DAYS);
    }
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
