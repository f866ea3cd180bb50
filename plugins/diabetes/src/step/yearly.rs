//! Yearly checks.

use xinglin_sdk::{
    clinical::{Observation, ObservationValue},
    pathway::{Destination, Directive, Referral, Role, Task},
    time::{Instant, plus_days},
    types::{Coding, Codings as _, system, zh_en},
};

use super::{AGAIN_DAYS, MISSED, Step};
use crate::{measure::LDL_CODES, sources};

const YEAR_DAYS: i64 = 365;
/// Days within which a check that is due at enrolment is done.
const FIRST_DAYS: i64 = 28;
const WINDOW_DAYS: u16 = 30;

/// One yearly check.
#[derive(Debug)]
pub struct Check {
    task: &'static str,
    zh: &'static str,
    en: &'static str,
    /// LOINC codes of tests that a doctor orders; empty for an examination.
    order: &'static [&'static str],
    /// LOINC codes of results that complete the check.
    pub done_by: &'static [&'static str],
}

/// All checks.
pub static CHECKS: [Check; 5] = [
    Check {
        task: "yearly-uacr",
        zh: "尿白蛋白/肌酐比值",
        en: "Urine albumin-creatinine ratio",
        order: &["9318-7"],
        done_by: &["9318-7", "14959-1"],
    },
    Check {
        task: "yearly-egfr",
        zh: "肾小球滤过率",
        en: "Glomerular filtration rate",
        order: &["98979-8", "14682-9"],
        done_by: &["98979-8", "62238-1", "33914-3"],
    },
    Check { task: "yearly-lipids", zh: "血脂", en: "Lipids", order: &["22748-8"], done_by: &LDL_CODES },
    Check {
        task: "yearly-retina",
        zh: "眼底检查",
        en: "Retinal examination",
        order: &[],
        done_by: &["71490-7", "71491-5"],
    },
    Check { task: "yearly-foot", zh: "足部检查", en: "Foot examination", order: &[], done_by: &[] },
];

/// The check of a task.
pub(super) fn check(task: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.task == task)
}

impl Check {
    /// Only by a result, of somebody else than the patient.
    pub(super) fn is_done_by(&self, observation: &Observation) -> bool {
        let has_value = observation.value != ObservationValue::Absent || !observation.components.is_empty();
        let is_result = has_value && !observation.is_self_reported() && observation.refused().is_none();
        is_result && self.done_by.iter().any(|code| observation.code.has(system::LOINC, code))
    }

    /// A test, which only its result completes; otherwise an examination.
    const fn is_test(&self) -> bool {
        !self.order.is_empty()
    }

    fn task(&self, due: Instant) -> Task {
        let title = zh_en(self.zh, self.en);
        Task { code: self.task.to_owned(), title, owner: Role::Patient, due, window_days: WINDOW_DAYS }
    }
}

impl Step<'_> {
    pub(super) fn schedule_yearly_checks(&mut self) {
        for check in &CHECKS {
            match self.last_result(check) {
                Some(last) => self.schedule_yearly(check, last),
                None => self.schedule_check(check, plus_days(self.now, FIRST_DAYS)),
            }
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

    /// A result came; an older one than the last on record displaces nothing.
    pub(super) fn yearly_came(&mut self, check: &Check, taken: Instant) {
        self.cancel(&format!("{}{MISSED}", check.task));
        let last = self.last_result(check).map_or(taken, |last| last.max(taken));
        self.schedule_yearly(check, last);
    }

    /// Somebody says that it was done.
    pub(super) fn yearly_done(&mut self, check: &Check, due: Instant) {
        if !check.is_test() {
            self.schedule_yearly(check, self.now);
        } else if !self.test_done(check.task(due)) {
            self.plan_yearly(check);
        }
    }

    /// A year after the last result on record, but not before there is time to arrange it.
    pub(super) fn plan_yearly(&mut self, check: &Check) {
        let again = plus_days(self.now, AGAIN_DAYS);
        let next = self.last_result(check).map(|last| plus_days(last, YEAR_DAYS));
        self.schedule_check(check, next.map_or(again, |next| next.max(again)));
    }

    /// A year after `last`, but not before there is time to arrange it.
    fn schedule_yearly(&mut self, check: &Check, last: Instant) {
        self.schedule_check(check, plus_days(last, YEAR_DAYS).max(plus_days(self.now, FIRST_DAYS)));
    }

    pub(super) fn request_yearly(&mut self, check: &Check) {
        if check.is_test() {
            self.request(check.order);
        } else {
            self.directives.push(Directive::Refer(Referral {
                destination: Destination::Offline(None),
                reason: zh_en(format!("年度{}。", check.zh), format!("{}, once a year.", check.en)),
                recontact_days: None,
                citation: sources::guideline(),
            }));
        }
        self.tell(
            "yearly-check-due",
            zh_en("您有一项年度检查到期,请按预约完成。", "A yearly check is due: please have it done."),
        );
    }

    pub(super) fn yearly_missed(&mut self, check: &Check) {
        self.check_missed(&zh_en(check.zh, check.en));
        self.schedule_check(check, plus_days(self.now, AGAIN_DAYS));
    }

    fn schedule_check(&mut self, check: &Check, due: Instant) {
        self.directives.push(Directive::ScheduleTask(check.task(due)));
    }
}
