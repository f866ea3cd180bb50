//! Yearly checks: tests that a doctor orders, and examinations that the patient is referred to. Each is asked for until
//! there is a result; a year after it, it is asked for again, or sooner if the result says so.

use xinglin_sdk::{
    clinical::{Observation, ObservationValue},
    follow_up::{Error, RequestEnd, RequestReport},
    time::{Instant, plus_days},
    types::{Coding, Codings as _, LocalizedText, system, zh_en},
};

use super::{Step, request::Asked};
use crate::{
    measure::{
        ALBUMIN, ALBUMIN_CODES, CREATININE, CREATININE_CODES, FILTRATION, FILTRATION_CODES, LDL, LDL_CODES, Ldl,
        RETINA_CODES,
    },
    numbers::{FIRST_CHECK_DAYS, LIPIDS_AGAIN_DAYS, Number, RESULT_DAYS, YEARLY_DAYS},
    sources::Source,
};

/// One yearly check.
#[derive(Debug)]
pub struct Check {
    /// The task, and the request.
    pub task: &'static str,
    zh: &'static str,
    en: &'static str,
    /// LOINC codes of tests that a doctor orders; empty for an examination.
    order: &'static [&'static str],
    /// LOINC codes of results that complete the check.
    done_by: &'static [&'static str],
}

/// Albumin/creatinine.
pub const KIDNEY_DAMAGE: &Check = &CHECKS[0];
/// Filtration.
pub const KIDNEY_FUNCTION: &Check = &CHECKS[1];
/// Lipids.
pub const LIPIDS: &Check = &CHECKS[2];
/// Retina.
pub const RETINA: &Check = &CHECKS[3];
/// Feet.
pub const FOOT: &Check = &CHECKS[4];

const FILTRATION_DONE_BY: [&str; 5] =
    [FILTRATION_CODES[0], FILTRATION_CODES[1], FILTRATION_CODES[2], CREATININE_CODES[0], CREATININE_CODES[1]];

/// All checks.
pub static CHECKS: [Check; 5] = [
    Check {
        task: "yearly-uacr",
        zh: "尿白蛋白/肌酐比值",
        en: "Urine albumin-creatinine ratio",
        order: &[ALBUMIN],
        done_by: &ALBUMIN_CODES,
    },
    Check {
        task: "yearly-egfr",
        zh: "肾小球滤过率",
        en: "Glomerular filtration rate",
        order: &[FILTRATION, CREATININE],
        done_by: &FILTRATION_DONE_BY,
    },
    Check { task: "yearly-lipids", zh: "血脂", en: "Lipids", order: &[LDL], done_by: &LDL_CODES },
    Check { task: "yearly-retina", zh: "眼底检查", en: "Retinal examination", order: &[], done_by: &RETINA_CODES },
    Check { task: "yearly-foot", zh: "足部检查", en: "Foot examination", order: &[], done_by: &[] },
];

/// The check of a task, or of a request.
pub fn check(code: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.task == code)
}

impl Check {
    /// For display.
    pub fn title(&self) -> LocalizedText {
        zh_en(self.zh, self.en)
    }

    /// Which only its result completes; else an examination.
    pub const fn is_test(&self) -> bool {
        !self.order.is_empty()
    }

    /// Only by a result, of somebody else than the patient.
    fn is_done_by(&self, observation: &Observation) -> bool {
        let has_value = observation.value != ObservationValue::Absent || !observation.components.is_empty();
        let is_result = has_value && !observation.is_self_reported() && observation.refused().is_none();
        is_result && self.done_by.iter().any(|code| observation.code.has(system::LOINC, code))
    }
}

impl Step<'_> {
    pub(super) fn schedule_yearly_checks(&mut self) {
        for check in &CHECKS {
            let first = plus_days(self.now, FIRST_CHECK_DAYS.value);
            let due = self.last_result(check).map_or(first, |last| self.after(last, YEARLY_DAYS));
            self.schedule_check(check, due);
        }
    }

    /// When the last result on record was taken.
    fn last_result(&self, check: &Check) -> Option<Instant> {
        let results = check.done_by.iter().filter_map(|code| {
            let code = Coding::loinc(*code);
            self.snapshot.history(&code).find(|one| check.is_done_by(one))
        });
        results.filter_map(|result| result.effective).max()
    }

    pub(super) fn is_check_due(&self, check: &Check) -> bool {
        self.last_result(check).is_none_or(|last| plus_days(last, YEARLY_DAYS.value) <= self.now)
    }

    /// So many days after `last`, but not before there is time to arrange it.
    fn after(&self, last: Instant, days: Number) -> Instant {
        plus_days(last, days.value).max(plus_days(self.now, FIRST_CHECK_DAYS.value))
    }

    /// A result came, after which it is wanted again in so many days; an older one than the last on record displaces
    /// nothing.
    pub(super) fn check_came(&mut self, check: &Check, observation: &Observation, again: Number) {
        let taken = observation.effective.unwrap_or(self.now);
        let last = self.last_result(check).map_or(taken, |last| last.max(taken));
        self.check_done(check, last, again);
    }

    pub(super) fn check_done(&mut self, check: &Check, last: Instant, again: Number) {
        self.withdraw(check.task);
        self.memory.lapsed.remove(check.task);
        self.schedule_check(check, self.after(last, again));
    }

    pub(super) fn lipids_came(&mut self, ldl: &Ldl, observation: &Observation) -> Result<(), Error> {
        let met = self.goals.ldl_met(ldl)?;
        self.check_came(LIPIDS, observation, if met { YEARLY_DAYS } else { LIPIDS_AGAIN_DAYS });
        if !met {
            self.note(zh_en(
                format!("低密度脂蛋白胆固醇 {},未达标,请评估调脂治疗;12周后复查。", ldl.shown),
                format!(
                    "LDL cholesterol {}: off target; consider lipid-lowering treatment, measured again after 12 weeks.",
                    ldl.shown
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn request_yearly(&mut self, check: &Check) {
        let reason = zh_en(format!("年度{}。", check.zh), format!("{}, once a year.", check.en));
        if !check.is_test() {
            self.refer_yearly(check, reason);
        } else {
            let by = plus_days(self.now, RESULT_DAYS.value);
            self.request(check.task, check.order, reason, (by, Source::Guideline));
        }
        self.tell(
            "yearly-check-due",
            zh_en("您有一项年度检查到期,请按预约完成。", "A yearly check is due: please have it done."),
        );
    }

    fn refer_yearly(&mut self, check: &Check, reason: LocalizedText) {
        let (code, department, display) = if check.task == RETINA.task {
            (RETINA.task, "ophthalmology", "眼科")
        } else {
            (FOOT.task, "endocrinology", "内分泌科")
        };
        self.examine(Asked::offline(code, reason, RESULT_DAYS, Source::Guideline).to(department, display));
    }

    pub(super) fn yearly_ended(&mut self, report: &RequestReport) {
        let Some(check) = check(&report.code) else { return };
        match report.end {
            // Of a test the result was told of before.
            RequestEnd::Fulfilled if !check.is_test() => self.examined(check, report),
            RequestEnd::Fulfilled => {}
            RequestEnd::Lapsed => {
                self.check_lapsed(check.task, &check.title());
                self.request_yearly(check);
            }
            RequestEnd::Declined => {
                self.note(zh_en(
                    format!("{}未做:患者或医护拒绝,下一年度再安排。", check.zh),
                    format!("{}: declined; it will be asked for again next year.", check.en),
                ));
                self.schedule_check(check, plus_days(self.now, YEARLY_DAYS.value));
            }
        }
    }

    pub(super) fn schedule_check(&mut self, check: &Check, due: Instant) {
        self.timer(check.task, check.title(), due, Some(YEARLY_DAYS));
    }
}
