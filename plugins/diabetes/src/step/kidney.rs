//! What follows from albumin in urine and from the filtration rate.

use std::collections::BTreeMap;

use xinglin_sdk::{
    clinical::Observation,
    follow_up::{Role, Severity},
    time::{Instant, china, plus_days},
    types::{Coding, LocalizedText, zh_en},
};

use super::{
    Step,
    hba1c::classes,
    request::{Asked, NEPHROLOGY, in_person},
    yearly::{KIDNEY_DAMAGE, KIDNEY_FUNCTION},
};
use crate::{
    measure::{ALBUMIN, ALBUMIN_CODES, Albumin, Filtration, Reading},
    numbers::{
        EGFR_REDUCED, EGFR_REVIEW, EGFR_SEVERE, KIDNEY_DAYS, METFORMIN_MINUTES, NEPHROLOGY_DAYS, RESULT_DAYS,
        UACR_AGAIN_DAYS, UACR_RAISED, UACR_SEVERE, UACR_TIMES, YEARLY_DAYS,
    },
    sources::Source,
};

/// The repeated test: its task, and its request.
pub(super) const AGAIN: &str = "repeat-uacr";
/// ATC: metformin, and the combinations with it.
const METFORMIN: &str = "A10BA02";
const COMBINATIONS: [&str; 17] = [
    "A10BD02", "A10BD03", "A10BD05", "A10BD07", "A10BD08", "A10BD10", "A10BD11", "A10BD13", "A10BD14", "A10BD15",
    "A10BD16", "A10BD17", "A10BD18", "A10BD20", "A10BD22", "A10BD23", "A10BD25",
];

impl Step<'_> {
    /// Raised once it is repeated, since much may raise it for days; so often in a row it is confirmed.
    pub(super) fn albumin_came(&mut self, albumin: &Albumin, observation: &Observation) {
        self.withdraw(AGAIN);
        self.cancel(AGAIN);
        self.memory.lapsed.remove(AGAIN);
        let results = self.albumin_by_day();
        let in_a_row = |least: i64| results.iter().take_while(|result| result.reaches(least)).count();
        let is_confirmed = |least: i64| i64::try_from(in_a_row(least)).is_ok_and(|times| times >= UACR_TIMES.value);
        let (confirmed, severe) = (is_confirmed(UACR_RAISED.value), is_confirmed(UACR_SEVERE.value));
        self.check_came(KIDNEY_DAMAGE, observation, if confirmed { KIDNEY_DAYS } else { YEARLY_DAYS });
        let shown = &albumin.shown;
        if severe {
            self.note(zh_en(
                format!("尿白蛋白/肌酐 {shown},连续≥300 mg/g,已转肾内科。"),
                format!("Albumin/creatinine {shown}, 300 mg/g or more repeatedly: referred to a nephrologist."),
            ));
            self.refer_to_nephrology();
        }
        if confirmed {
            self.note(zh_en(
                format!("尿白蛋白/肌酐 {shown},连续≥30 mg/g:糖尿病肾病,请评估肾脏保护治疗。"),
                format!(
                    "Albumin/creatinine {shown}, 30 mg/g or more repeatedly: consider treatment that protects the kidneys."
                ),
            ));
        } else if in_a_row(UACR_RAISED.value) > 0 {
            self.note(zh_en(
                format!("尿白蛋白/肌酐 {shown},≥30 mg/g,3个月内复查。"),
                format!("Albumin/creatinine {shown}, 30 mg/g or more: repeated within 3 months."),
            ));
            self.schedule_albumin_again(plus_days(self.now, UACR_AGAIN_DAYS.value));
        }
    }

    /// Results on record that are understood, the newest first, one of a day.
    fn albumin_by_day(&self) -> Vec<Albumin> {
        let results = ALBUMIN_CODES.iter().flat_map(|code| {
            let code = Coding::loinc(*code);
            self.snapshot.history(&code).filter(|one| !one.is_self_reported()).collect::<Vec<_>>()
        });
        let understood = results.filter_map(|one| match Reading::of(one, self.snapshot) {
            Ok(Reading::Albumin(albumin)) => Some((china::day(one.effective?), albumin)),
            _ => None,
        });
        let by_day: BTreeMap<i64, Albumin> = understood.collect();
        by_day.into_values().rev().collect()
    }

    pub(super) fn schedule_albumin_again(&mut self, due: Instant) {
        self.timer(AGAIN, title(), due, None);
    }

    pub(super) fn request_albumin_again(&mut self) {
        let reason = zh_en("尿白蛋白/肌酐升高,需复查确认。", "Albumin/creatinine was raised: to be confirmed.");
        self.request(AGAIN, &[ALBUMIN], reason, (plus_days(self.now, RESULT_DAYS.value), Source::Kidney));
        self.tell_of_tests();
    }

    pub(super) fn filtration_came(&mut self, filtration: &Filtration, observation: &Observation) {
        let reduced = filtration.is_below(EGFR_REDUCED.value);
        self.check_came(KIDNEY_FUNCTION, observation, if reduced { KIDNEY_DAYS } else { YEARLY_DAYS });
        let shown = &filtration.shown;
        if !filtration.is_below(EGFR_SEVERE.value) {
            self.memory.nephrology = false;
        } else {
            if !self.memory.nephrology {
                self.refer_to_nephrology();
            }
            self.metformin(
                shown,
                ("eGFR<30:二甲双胍禁用", "below 30: metformin is contraindicated"),
                Severity::Critical,
            );
            return;
        }
        if filtration.is_below(EGFR_REVIEW.value) {
            self.metformin(
                shown,
                (
                    "eGFR<45:不新用二甲双胍,已用者评估获益并减量",
                    "below 45: metformin is not started; who takes it needs a review and a lower dose",
                ),
                Severity::Warning,
            );
        } else if reduced {
            self.note(zh_en(
                format!("eGFR {shown},<60:每半年复查肾功能与尿白蛋白。"),
                format!("eGFR {shown}, below 60: kidneys are tested twice a year."),
            ));
        }
    }

    /// A note to the doctor; an alert if the record says that it is taken.
    fn metformin(&mut self, shown: &str, (zh, en): (&str, &str), severity: Severity) {
        let text = zh_en(format!("eGFR {shown}。{zh}。"), format!("eGFR {shown}, {en}."));
        self.note(text.clone());
        let taken = self
            .snapshot
            .active_medications()
            .any(|medication| classes(medication).any(|class| class == METFORMIN || COMBINATIONS.contains(&class)));
        if taken {
            self.alert(
                ("METFORMIN_KIDNEYS", severity, Role::Doctor, METFORMIN_MINUTES.minutes()),
                text,
                Source::Kidney,
            );
        }
    }

    pub(super) fn refer_to_nephrology(&mut self) {
        let asked = Asked::offline(NEPHROLOGY, in_person(), NEPHROLOGY_DAYS, Source::Nephrology);
        self.refer(asked.to("nephrology", "肾内科"));
    }
}

pub(super) fn title() -> LocalizedText {
    zh_en("复查尿白蛋白/肌酐", "Albumin/creatinine, repeated")
}
