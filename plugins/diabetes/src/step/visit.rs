//! Follow-ups: online, and in person at least four times a year.

use xinglin_sdk::{
    follow_up::{Role, Severity, TaskEnd, TaskRef},
    time::{Instant, days_between, plus_days},
    types::zh_en,
};

use super::{Step, THREE_DAYS};
use crate::{
    numbers::{
        Number, OFF_TARGET_DAYS, OFFLINE_DAYS, OFFLINE_WINDOW_DAYS, ONLINE_DAYS, ONLINE_WINDOW_DAYS, VISIT_1, VISIT_2,
        VISIT_3, VISIT_4, VISIT_5,
    },
    sources::Source,
};

/// The online follow-ups of the first twelve weeks.
const FIRST: [Number; 5] = [VISIT_1, VISIT_2, VISIT_3, VISIT_4, VISIT_5];
/// Before the day of an online follow-up.
pub const VISIT: &str = "visit-";
/// The follow-up after one that was off target.
const EXTRA: &str = "visit-extra";
/// The later ones.
pub const REGULAR: &str = "visit-regular";

/// In-person visit.
pub const OFFLINE: &str = "offline-visit";
/// A timer of an older version, that watched it.
const OFFLINE_LOOK: &str = "offline-visit-missed";

/// Repeated measurement of a low glucose.
pub const RECHECK: &str = "glucose-recheck";

impl Step<'_> {
    pub(super) fn schedule_first_visits(&mut self) {
        for day in FIRST {
            self.schedule_visit(day.value);
        }
    }

    /// From the fifth on, every so many days; of a patient who has been followed for long, the next that is to come.
    pub(super) fn schedule_regular_visits(&mut self) {
        let title = zh_en("常规线上随访", "Regular online follow-up");
        let due = plus_days(self.memory.enrolled, self.next_regular_day());
        self.schedule(REGULAR, (title, Role::Patient), (due, ONLINE_WINDOW_DAYS), Some(ONLINE_DAYS));
    }

    /// The next one that an older version scheduled is of the same day.
    pub(super) fn cancel_older_visit(&mut self) {
        if self.memory.maintenance {
            let day = self.next_regular_day();
            self.cancel(&format!("{VISIT}{day}"));
        }
    }

    fn next_regular_day(&self) -> i64 {
        let gone = (days_between(self.memory.enrolled, self.now) - VISIT_5.value).max(0) / ONLINE_DAYS.value;
        VISIT_5.value + (gone + 1) * ONLINE_DAYS.value
    }

    pub(super) fn visit_due(&mut self, code: &str) {
        // One of an older version is followed by the regular ones too.
        if code == REGULAR || day_of(code).is_some_and(|day| day >= VISIT_5.value) {
            self.memory.maintenance = true;
        }
        self.memory.unanswered.insert(code.to_owned());
        self.ask_follow_up();
        self.remind_of_follow_up();
    }

    /// Somebody says that a follow-up took place, or will not. Earlier than its days of grace before it is due, it was
    /// another: this one stays.
    pub(super) fn visit_ended(&mut self, TaskRef { code, due }: &TaskRef, end: TaskEnd) {
        match end {
            TaskEnd::Overdue if self.memory.unanswered.contains(code) => self.remind_of_follow_up(),
            TaskEnd::Missed if self.memory.unanswered.remove(code) => self.report_missed_follow_up(),
            TaskEnd::Done if self.now < plus_days(*due, -ONLINE_WINDOW_DAYS.value) => {
                if code == EXTRA {
                    self.schedule_extra_visit(*due);
                } else if let Some(day) = day_of(code) {
                    self.schedule_visit(day);
                } else if code == REGULAR {
                    self.schedule_regular_visits();
                }
            }
            TaskEnd::Done | TaskEnd::Declined => {
                self.memory.unanswered.remove(code);
                if day_of(code).is_some_and(|day| day >= VISIT_5.value) {
                    self.memory.maintenance = true;
                }
            }
            TaskEnd::Overdue | TaskEnd::Missed => {}
        }
    }

    /// It was answered: nobody waits for it any more.
    pub(super) fn visits_answered(&mut self) {
        for code in std::mem::take(&mut self.memory.unanswered) {
            if code == REGULAR {
                // Scheduled anew, as its repetitions would end if it were cancelled.
                self.schedule_regular_visits();
            } else {
                self.cancel(&code);
            }
        }
    }

    fn remind_of_follow_up(&mut self) {
        self.tell(
            "follow-up-due",
            zh_en("您有一份随访问卷待填写。", "There is a follow-up questionnaire for you to fill in."),
        );
    }

    fn report_missed_follow_up(&mut self) {
        self.alert(
            ("FOLLOW_UP_MISSED", Severity::Warning, Role::HealthManager, THREE_DAYS),
            zh_en("随访问卷超期未填写,请联系患者。", "The follow-up was not answered: please contact the patient."),
            Source::PrimaryCare,
        );
    }

    /// Repeated for ever. A doctor records that it took place, not the patient.
    pub(super) fn schedule_offline_visit(&mut self, from: Instant) {
        self.memory.repeating = true;
        let title = zh_en("面对面随访", "Face-to-face visit");
        let due = plus_days(from, OFFLINE_DAYS.value);
        self.schedule(OFFLINE, (title, Role::Doctor), (due, OFFLINE_WINDOW_DAYS), Some(OFFLINE_DAYS));
    }

    pub(super) fn remind_of_offline_visit(&mut self) {
        self.tell(
            "offline-visit-due",
            zh_en("您本季度的门诊随访时间到了,请预约。", "Your quarterly visit is due: please make an appointment."),
        );
    }

    pub(super) fn offline_visit_ended(&mut self, task: &TaskRef, end: TaskEnd) {
        match end {
            TaskEnd::Done => {
                self.cancel(OFFLINE_LOOK);
                // By the day on which it was due: what is late takes nothing from the next.
                self.schedule_offline_visit(self.last_quarter(task.due));
            }
            TaskEnd::Missed => {
                self.repeat_offline_visit(task.due);
                self.report_no_offline_visit(
                    "OFFLINE_VISIT_OVERDUE",
                    (
                        "面对面随访超期未完成(每年至少4次)。",
                        "The face-to-face visit is overdue (at least four a year).",
                    ),
                );
            }
            TaskEnd::Declined => {
                self.repeat_offline_visit(task.due);
                self.report_no_offline_visit(
                    "OFFLINE_VISIT_DECLINED",
                    (
                        "患者不来面对面随访(每年至少4次),请联系。",
                        "A face-to-face visit is declined (at least four a year).",
                    ),
                );
            }
            TaskEnd::Overdue => {}
        }
    }

    /// One of an older version does not repeat itself: the next is of the same days, and to come.
    fn repeat_offline_visit(&mut self, due: Instant) {
        if !self.memory.repeating {
            self.schedule_offline_visit(self.last_quarter(due));
        }
    }

    /// The last day of the quarters from `due` on that is over, or `due`.
    fn last_quarter(&self, due: Instant) -> Instant {
        let quarters = days_between(due, self.now).max(0) / OFFLINE_DAYS.value;
        plus_days(due, quarters * OFFLINE_DAYS.value)
    }

    fn report_no_offline_visit(&mut self, code: &str, (zh, en): (&str, &str)) {
        let whose = (code, Severity::Warning, Role::HealthManager, THREE_DAYS);
        self.alert(whose, zh_en(zh, en), Source::PrimaryCare);
    }

    fn schedule_visit(&mut self, day: i64) {
        let due = plus_days(self.memory.enrolled, day);
        let title = zh_en(format!("第{day}天线上随访"), format!("Online follow-up, day {day}"));
        self.schedule(&format!("{VISIT}{day}"), (title, Role::Patient), (due, ONLINE_WINDOW_DAYS), None);
    }

    pub(super) fn schedule_extra_visit(&mut self, due: Instant) {
        let title = zh_en("两周内再次随访", "Follow-up within two weeks");
        self.schedule(EXTRA, (title, Role::Patient), (due, ONLINE_WINDOW_DAYS), None);
    }

    pub(super) fn extra_visit_in(&self) -> Instant {
        plus_days(self.now, OFF_TARGET_DAYS.value)
    }
}

/// The day of an online follow-up, by its code.
fn day_of(code: &str) -> Option<i64> {
    code.strip_prefix(VISIT)?.parse().ok()
}
