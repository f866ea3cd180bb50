//! The scales in time: cadence, review, response, remission, maintenance.

use xinglin_sdk::{
    follow_up::{Role, Severity},
    time::{Instant, days_between, plus_days},
    types::zh_en,
};

use super::Step;
use crate::{
    numbers::{
        FIRST_EVERY, FIRST_UNTIL, GAD7_REVIEW, LATER_EVERY, MAINTENANCE, MAINTENANCE_AGAIN, MAINTENANCE_LAST,
        NO_RESPONSE_DAY, PHQ9_REVIEW, PHQ9_SAME_DAY, REMISSION, REMISSIONS_APART, RESPONSE_BASELINE, RESPONSE_PERCENT,
        REVIEW_MINUTES, SCALES_WINDOW,
    },
    scales::{Answers, DIFFICULT, code, gad7_band, phq9_band},
    sources::Source,
};

/// Before the day of the scales.
const SCALES: &str = "scales-";
/// Timer of the end of maintenance.
pub(super) const MAINTENANCE_END: &str = "maintenance-end";

/// The day of the scales, by the code of their task.
pub(crate) fn day_of(code: &str) -> Option<i64> {
    code.strip_prefix(SCALES)?.parse().ok()
}

/// The first day of the cadence after `day` that is after `today`.
fn next_day(day: i64, today: i64) -> i64 {
    let mut next = day;
    loop {
        next += if next < FIRST_UNTIL.value { FIRST_EVERY.value } else { LATER_EVERY.value };
        if next > today {
            return next;
        }
    }
}

impl Step<'_> {
    pub(super) fn start_scales(&mut self) {
        self.ask_scales(0, true);
        self.plan_scales(0, 0);
    }

    pub(super) fn scales_due(&mut self, day: i64) {
        let today = self.days().unwrap_or(day).max(day);
        self.plan_scales(day, today);
        self.ask_scales(day, self.memory.minor);
    }

    fn ask_scales(&mut self, day: i64, asq: bool) {
        self.memory.asked = Some(day);
        for questionnaire in [code::PHQ9, code::GAD7] {
            self.memory.unanswered.insert(questionnaire.to_owned());
            self.ask_for_days(questionnaire, SCALES_WINDOW.days());
        }
        self.ask_for_days(code::SIGNS, SCALES_WINDOW.days());
        if asq {
            self.ask_for_days(code::ASQ, SCALES_WINDOW.days());
        }
    }

    /// Those after `day`.
    fn plan_scales(&mut self, day: i64, today: i64) {
        let next = next_day(day, today);
        let due = plus_days(self.memory.started.unwrap_or(self.now), next);
        self.schedule_scales(next, due);
    }

    /// A timer: what is asked then has its own time.
    pub(super) fn schedule_scales(&mut self, day: i64, due: Instant) {
        let title = zh_en(format!("第{day}天问卷"), format!("Questionnaires, day {day}"));
        self.schedule(&format!("{SCALES}{day}"), title, Role::Patient, due, 0);
    }

    /// Once of those of a day.
    pub(super) fn scales_missed(&mut self) {
        if self.memory.asked.take().is_some() {
            self.not_answered();
        }
    }

    /// What is answered nobody waits for any more.
    pub(super) fn answered_one(&mut self, questionnaire: &str) {
        self.memory.unanswered.remove(questionnaire);
    }

    // --- PHQ-9 -------------------------------------------------------------------

    /// The tenth item is told and not scored.
    pub(super) fn note_difficulty(&mut self, answers: &Answers<'_>) {
        if let Some((_, zh, en)) = answers.difficulty().and_then(|rank| DIFFICULT.get(rank)) {
            self.note(zh_en(format!("PHQ-9 功能影响:{zh}。"), format!("PHQ-9, effect on life: {en}.")));
        }
    }

    /// An older one than the last is told, and changes nothing.
    pub(super) fn phq9_came(&mut self, total: i64, taken: Instant) {
        let (zh, en) = phq9_band(total);
        let first = self.memory.baseline;
        let (zh_first, en_first) =
            first.map_or_else(Default::default, |first| (format!(",首次{first}分"), format!(", at first {first}")));
        self.note(zh_en(format!("PHQ-9 {total}/27({zh}{zh_first})。"), format!("PHQ-9 {total}/27 ({en}{en_first}).")));
        if total >= PHQ9_SAME_DAY.value {
            let minutes = self.minutes_left_today();
            self.alert(
                "PHQ9_SEVERE",
                Severity::Warning,
                Role::Doctor,
                minutes,
                zh_en(format!("PHQ-9 {total}分(重度),请当日评估。"), format!("PHQ-9 {total}, severe: review today.")),
                PHQ9_SAME_DAY.source,
            );
        } else if total >= PHQ9_REVIEW.value {
            self.alert(
                "PHQ9_REVIEW",
                Severity::Warning,
                Role::Doctor,
                REVIEW_MINUTES.minutes(),
                zh_en(format!("PHQ-9 {total}分({zh}),请医生评估。"), format!("PHQ-9 {total}, {en}: please review.")),
                PHQ9_REVIEW.source,
            );
        }
        if self.memory.last_at.is_some_and(|last| taken < last) {
            return;
        }
        self.memory.last = Some(total);
        self.memory.last_at = Some(taken);
        match first {
            None => self.memory.baseline = Some(total),
            Some(first) => {
                self.judge_response(first, total);
                self.judge_remission(first, total, taken);
            }
        }
    }

    /// Once, by the first total from day 56 on.
    fn judge_response(&mut self, first: i64, total: i64) {
        if self.memory.judged || self.days().is_none_or(|days| days < NO_RESPONSE_DAY.value) {
            return;
        }
        self.memory.judged = true;
        let fell = (first - total) * 100 >= RESPONSE_PERCENT.value * first;
        if first < RESPONSE_BASELINE.value || fell {
            return;
        }
        self.alert(
            "NO_RESPONSE",
            Severity::Warning,
            Role::Doctor,
            REVIEW_MINUTES.minutes(),
            zh_en(
                format!("第56天PHQ-9由{first}分到{total}分,下降不足50%:请组织多学科会诊(精神科、心理治疗、药学)。"),
                format!(
                    "PHQ-9 went from {first} to {total} by day 56, less than half: a conference of psychiatry, \
                     psychotherapy and pharmacy."
                ),
            ),
            Source::Hedis,
        );
        self.confer();
    }

    fn judge_remission(&mut self, first: i64, total: i64, taken: Instant) {
        if total >= REMISSION.value {
            self.memory.remission = None;
            if self.memory.maintenance && total >= PHQ9_REVIEW.value {
                self.memory.maintenance = false;
                self.cancel(MAINTENANCE_END);
            }
            return;
        }
        if first < REMISSION.value {
            return;
        }
        match self.memory.remission {
            None => self.memory.remission = Some(taken),
            Some(since) if !self.memory.maintenance && days_between(since, taken) >= REMISSIONS_APART.value => {
                self.memory.maintenance = true;
                self.schedule_maintenance_end(plus_days(self.now, MAINTENANCE.value));
                self.alert(
                    "REMISSION",
                    Severity::Info,
                    Role::Doctor,
                    REVIEW_MINUTES.minutes(),
                    zh_en(
                        "间隔28天两次缓解(PHQ-9<5),进入90天维持期。",
                        "In remission twice, 28 days apart (PHQ-9 below 5): 90 days of maintenance begin.",
                    ),
                    Source::Hedis,
                );
            }
            Some(_) => {}
        }
    }

    pub(super) fn schedule_maintenance_end(&mut self, due: Instant) {
        if self.memory.maintenance {
            self.schedule(MAINTENANCE_END, zh_en("维持期结束评估", "End of maintenance"), Role::Doctor, due, 0);
        }
    }

    /// It ends in remission and with nothing open about safety; otherwise a doctor decides. Who has not answered of late is
    /// asked again first.
    pub(super) fn end_maintenance(&mut self) {
        if !self.memory.maintenance {
            return;
        }
        let well = self.memory.last.is_some_and(|last| last < REMISSION.value);
        let safe = self.memory.holds.is_empty() && !self.memory.is_watched();
        let recent = |at: Instant| at >= plus_days(self.now, -MAINTENANCE_LAST.value);
        if well && safe && !self.memory.last_at.is_some_and(recent) {
            self.ask_scales(self.days().unwrap_or(0), self.memory.minor);
            self.schedule_maintenance_end(plus_days(self.now, MAINTENANCE_AGAIN.value));
            return;
        }
        if well && safe {
            self.close(
                "REMISSION_MAINTAINED",
                zh_en("维持期满,随访结束。", "Maintenance is complete: the follow-up ends."),
                Source::Project.citation(),
            );
            return;
        }
        self.memory.maintenance = false;
        self.memory.remission = None;
        self.alert(
            "MAINTENANCE_NOT_KEPT",
            Severity::Warning,
            Role::Doctor,
            REVIEW_MINUTES.minutes(),
            zh_en("维持期结束时未保持缓解,随访继续。", "Not in remission at the end of maintenance: it goes on."),
            Source::Project,
        );
    }

    // --- the others --------------------------------------------------------------

    pub(super) fn gad7_came(&mut self, total: i64) {
        let (zh, en) = gad7_band(total);
        self.note(zh_en(format!("GAD-7 {total}/21({zh})。"), format!("GAD-7 {total}/21 ({en}).")));
        if total >= GAD7_REVIEW.value {
            self.alert(
                "GAD7_REVIEW",
                Severity::Warning,
                Role::Doctor,
                REVIEW_MINUTES.minutes(),
                zh_en(format!("GAD-7 {total}分({zh}),请医生评估。"), format!("GAD-7 {total}, {en}: please review.")),
                GAD7_REVIEW.source,
            );
        }
    }

    pub(super) fn isi_came(&mut self, total: i64) {
        let first = *self.memory.isi.get_or_insert(total);
        self.note(zh_en(format!("ISI {total}/28(首次{first})。"), format!("ISI {total}/28 (at first {first}).")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_cadence() {
        let days: Vec<i64> = std::iter::successors(Some(0), |day| Some(next_day(*day, *day))).take(10).collect();
        assert_eq!(days, [0, 14, 28, 42, 56, 70, 84, 112, 140, 168]);
        assert_eq!(next_day(14, 400), 84 + 12 * 28, "after a long stop, the next one to come");
    }
}
