//! The sleep programme: diary, six sessions of CBT-I, titration of the time in bed.

use xinglin_sdk::{
    follow_up::{Destination, Directive, Repetition, Role, Severity, Task, TaskRef},
    time::{Instant, china, days_between, plus_days, plus_minutes},
    types::{LocalizedText, zh_en},
};

use super::{DAY_MINUTES, Step, hours, request::discipline, safety::SLEEP_CLINIC};
use crate::{
    conditions::{APNOEA, BIPOLAR, EPILEPSY, INSOMNIA},
    definition::link,
    memory::{Night, Sleep},
    numbers::{
        CBTI_EVERY, CBTI_SESSIONS, EFFICIENCY_HIGH, EFFICIENCY_LOW, FLOOR, LONGEST_NIGHT, NIGHTS, REVIEW_MINUTES,
        TITRATION,
    },
    scales::{Answers, code},
    sources::Source,
};

/// The diary of each day.
pub const DIARY: &str = "sleep-diary";
/// Timer of the end of a week.
pub(super) const WEEK: &str = "sleep-week";
/// The therapist agrees a time in bed with the patient.
pub(super) const WINDOW: &str = "sleep-window";
/// A session of CBT-I.
const SESSION: &str = "cbti";
const SESSION_WINDOW: u16 = 3;
/// Days within which the questions at the beginning are answered.
const ENTRY_DAYS: u16 = 7;
/// Minutes within which the diary is answered: until it is asked anew, the next morning.
const DIARY_MINUTES: u32 = 25 * 60;
/// Hour of the day, in Beijing, at which the diary is asked for.
const DIARY_HOUR: i64 = 8;
/// Nights that are kept.
const KEPT_DAYS: i64 = 14;

/// Whether it is a session; those of version 1.0 have a number.
pub(super) fn is_cbti(code: &str) -> bool {
    code == SESSION || is_single(code)
}

fn is_single(code: &str) -> bool {
    code.strip_prefix(SESSION).is_some_and(|rest| rest.starts_with('-'))
}

/// The next time in bed, in minutes; `None` if it stays as it is. `window` is what was agreed last.
fn titrated(window: Option<i64>, asleep: i64, in_bed: i64, nights: i64) -> Option<i64> {
    let Some(window) = window else {
        // The average night, of the first week.
        return Some((asleep / nights.max(1)).max(FLOOR.value));
    };
    let next = if asleep * 100 > EFFICIENCY_HIGH.value * in_bed {
        (window + TITRATION.value).min(LONGEST_NIGHT.value)
    } else if asleep * 100 < EFFICIENCY_LOW.value * in_bed {
        (window - TITRATION.value).max(FLOOR.value)
    } else {
        window
    };
    (next != window).then_some(next)
}

impl Step<'_> {
    pub(super) fn start_sleep(&mut self) {
        if !INSOMNIA.stands(self.snapshot) {
            return;
        }
        if self.is_excluded() {
            return self.exclude();
        }
        self.memory.sleep = Some(Sleep::default());
        self.ask_for_days(code::ISI, ENTRY_DAYS);
        self.ask_for_days(code::SLEEP_ENTRY, ENTRY_DAYS);
        let next = plus_days(self.now, CBTI_EVERY.value);
        self.schedule_diary();
        self.schedule_week(next);
        self.schedule_cbti(next);
    }

    /// The diary and the end of a week come again by themselves now; the session that is planned is held first.
    pub(super) fn take_over_sleep(&mut self) {
        let (Some(started), Some(_)) = (self.memory.started, &self.memory.sleep) else { return };
        let weeks = days_between(started, self.now) / CBTI_EVERY.value + 1;
        self.schedule_diary();
        self.schedule_week(plus_days(started, weeks * CBTI_EVERY.value));
    }

    fn repeat(&mut self, code: &str, title: LocalizedText, owner: Role, due: Instant, (days, window): (u16, u16)) {
        self.put(Directive::ScheduleTask(Task {
            code: code.to_owned(),
            title,
            owner,
            due,
            window_minutes: u32::from(window).saturating_mul(DAY_MINUTES),
            repeat: Some(Repetition { every_days: days, times: None }),
        }));
    }

    /// By a diagnosis.
    fn is_excluded(&self) -> bool {
        let apnoea = APNOEA.is_active(self.snapshot) && !self.memory.apnoea_treated;
        apnoea || BIPOLAR.stands(self.snapshot) || EPILEPSY.is_active(self.snapshot)
    }

    /// A diagnosis that is made during the programme ends it.
    pub(super) fn look_at_sleep(&mut self) {
        if self.memory.sleep.is_some() && self.is_excluded() {
            self.exclude();
        }
    }

    fn exclude(&mut self) {
        self.end_sleep();
        if self.memory.sleep_excluded {
            return;
        }
        self.memory.sleep_excluded = true;
        self.alert(
            "SLEEP_RESTRICTION_EXCLUDED",
            Severity::Warning,
            Role::Doctor,
            REVIEW_MINUTES.minutes(),
            zh_en(
                "双相障碍、癫痫或未治疗的睡眠呼吸暂停:不做睡眠限制,请转线下睡眠门诊。",
                "Bipolar disorder, epilepsy or untreated sleep apnoea: no restriction of sleep; a sleep clinic.",
            ),
            Source::Project,
        );
        self.refer(
            SLEEP_CLINIC,
            Destination::Offline(Some(discipline("sleep-medicine", "睡眠医学"))),
            zh_en("建议到医院当面评估睡眠。", "Your sleep should be looked at in a hospital."),
            None,
        );
    }

    fn end_sleep(&mut self) {
        if let Some(sleep) = self.memory.sleep.take() {
            for task in [DIARY, WEEK, WINDOW, SESSION] {
                self.cancel(task);
            }
            self.cancel(&format!("{SESSION}-{}", sleep.sessions + 1));
            self.take_back(code::DIARY);
        }
    }

    /// Nothing is restricted before each of these was answered.
    pub(super) fn sleep_entry_answered(&mut self, answers: &Answers<'_>) {
        let said = [link::BIPOLAR, link::EPILEPSY, link::APNOEA].map(|link| answers.yes(link));
        let treated = answers.yes(link::APNOEA_TREATED) == Some(true);
        let [Some(bipolar), Some(epilepsy), Some(apnoea)] = said else { return };
        self.memory.apnoea_treated = apnoea && treated;
        if bipolar || epilepsy || (apnoea && !treated) {
            return self.exclude();
        }
        if self.memory.started.is_some() && self.memory.sleep_excluded && !self.is_excluded() {
            // What excluded it is treated.
            self.memory.sleep_excluded = false;
            self.start_sleep();
        }
        if let Some(sleep) = &mut self.memory.sleep {
            sleep.cleared = true;
        }
    }

    // --- the diary -----------------------------------------------------------------

    fn schedule_diary(&mut self) {
        let due = china::midnight(china::day(self.now) + 1) + hours(DIARY_HOUR);
        self.repeat(DIARY, zh_en("昨夜记录", "Last night"), Role::Patient, due, (1, 0));
    }

    pub(super) fn ask_diary(&mut self) {
        if self.memory.sleep.is_some() {
            // What is open keeps its nearer deadline: of yesterday's an hour is left.
            self.take_back(code::DIARY);
            self.ask(code::DIARY, DIARY_MINUTES);
        }
    }

    /// One entry a day; a later one replaces it. What cannot be is not kept, and the patient is told.
    pub(super) fn diary_answered(&mut self, answers: &Answers<'_>) {
        let (in_bed, asleep) =
            (answers.minutes(link::IN_BED, LONGEST_NIGHT.value), answers.minutes(link::ASLEEP, LONGEST_NIGHT.value));
        let today = china::day(self.now);
        let Some(sleep) = &mut self.memory.sleep else { return };
        match (in_bed, asleep) {
            (Some(in_bed), Some(asleep)) if in_bed > 0 && asleep <= in_bed => {
                sleep.nights.retain(|night| night.day != today && night.day > today - KEPT_DAYS);
                sleep.nights.push(Night { day: today, in_bed, asleep });
            }
            _ => self.tell(
                "diary-check",
                zh_en("昨夜的记录可能有误,请核对后重填。", "Please check what you entered for last night."),
            ),
        }
    }

    fn schedule_week(&mut self, due: Instant) {
        let title = zh_en("一周睡眠小结", "The week's sleep");
        self.repeat(WEEK, title, Role::Psychotherapist, due, (CBTI_EVERY.days(), 0));
    }

    /// It only proposes: the therapist agrees the time in bed with the patient.
    pub(super) fn judge_week(&mut self) {
        let since = china::day(self.now) - CBTI_EVERY.value;
        let Some(sleep) = &self.memory.sleep else { return };
        let week = sleep.nights.iter().filter(|night| night.day > since);
        let (nights, in_bed, asleep) = week.fold((0, 0, 0), |(nights, in_bed, asleep), night| {
            (nights + 1, in_bed + night.in_bed, asleep + night.asleep)
        });
        if nights < NIGHTS.value {
            self.tell(
                "diary-due",
                zh_en(
                    "本周记录不足,请每天早晨填写。",
                    "There are few entries this week: please write one each morning.",
                ),
            );
            return;
        }
        if !sleep.cleared || !self.memory.holds.is_empty() {
            return;
        }
        let efficiency = asleep * 100 / in_bed;
        let Some(next) = titrated(sleep.window, asleep, in_bed, nights) else { return };
        if let Some(sleep) = &mut self.memory.sleep {
            sleep.proposed = Some(next);
        }
        let title = zh_en(
            format!("与患者商定卧床时间 {next} 分钟(本周睡眠效率 {efficiency}%)"),
            format!("Agree {next} minutes in bed with the patient (efficiency of the week {efficiency} %)"),
        );
        // At a timer the host takes nothing that is due already.
        self.schedule(WINDOW, title, Role::Psychotherapist, plus_minutes(self.now, 1), SESSION_WINDOW);
    }

    pub(super) fn window_agreed(&mut self) {
        if let Some(sleep) = &mut self.memory.sleep
            && let Some(agreed) = sleep.proposed.take()
        {
            sleep.window = Some(agreed);
        }
    }

    /// Nobody agreed it: the next week proposes anew.
    pub(super) fn window_not_agreed(&mut self) {
        if let Some(sleep) = &mut self.memory.sleep {
            sleep.proposed = None;
        }
        self.cancel(WINDOW);
    }

    // --- sessions ------------------------------------------------------------------

    fn schedule_cbti(&mut self, due: Instant) {
        let (title, days) = (zh_en("CBT-I会谈", "CBT-I session"), (CBTI_EVERY.days(), SESSION_WINDOW));
        self.repeat(SESSION, title, Role::Psychotherapist, due, days);
    }

    /// The next session of one of version 1.0, which does not come again by itself.
    fn after_single(&mut self, task: &TaskRef) {
        if is_single(&task.code) {
            self.cancel(&task.code);
            self.schedule_cbti(self.days_after(task.due, CBTI_EVERY.value));
        }
    }

    /// Earlier than its days of grace before it is due, it was another session: this one stays.
    pub(super) fn cbti_done(&mut self, task: &TaskRef) {
        let Some(sleep) = &mut self.memory.sleep else { return };
        if self.now < plus_days(task.due, -i64::from(SESSION_WINDOW)) {
            return self.schedule_cbti(task.due);
        }
        sleep.sessions += 1;
        let held = sleep.sessions;
        self.session_held();
        if held < CBTI_SESSIONS.value {
            return self.after_single(task);
        }
        self.end_sleep();
        self.ask_for_days(code::ISI, ENTRY_DAYS);
        self.alert(
            "CBTI_COMPLETED",
            Severity::Info,
            Role::Doctor,
            REVIEW_MINUTES.minutes(),
            zh_en("六次CBT-I会谈已完成,请评估效果。", "Six sessions of CBT-I are done: please review."),
            Source::Project,
        );
    }

    /// The next one comes a week later.
    pub(super) fn cbti_missed(&mut self, task: &TaskRef) {
        if self.memory.sleep.is_none() {
            return;
        }
        self.alert(
            "CBTI_SESSION_MISSED",
            Severity::Warning,
            Role::Psychotherapist,
            REVIEW_MINUTES.minutes(),
            zh_en(
                "CBT-I会谈未按计划进行,请联系患者。",
                "A session of CBT-I did not take place: please contact the patient.",
            ),
            Source::Project,
        );
        self.after_single(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a week of five nights of 500 minutes in bed.
    fn week(window: i64, asleep: i64) -> Option<i64> {
        titrated(Some(window), asleep, 2500, 5)
    }

    #[test]
    fn titration_of_time_in_bed() {
        for (asleep, next) in [
            (2251, Some(415)), // above 90 %
            (2250, None),      // 90 %
            (2249, None),
            (2001, None),
            (2000, None),      // 80 %
            (1999, Some(385)), // below 80 %
        ] {
            assert_eq!(week(400, asleep), next, "{asleep} of 2500");
        }
    }

    #[test]
    fn time_in_bed_has_a_floor() {
        for (window, next) in [(346, Some(331)), (345, Some(330)), (344, Some(330)), (331, Some(330)), (330, None)] {
            assert_eq!(week(window, 1000), next, "{window}");
        }
        for (average, next) in [(329, 330), (330, 330), (331, 331)] {
            assert_eq!(titrated(None, average * 5, 2500, 5), Some(next), "the first week, {average}");
        }
    }
}
