//! HbA1c: every 90 days off target or after a change of treatment, twice a year
//! otherwise; and remission.

use xinglin_sdk::{
    clinical::{Medication, Section},
    pathway::{Alert, Directive, Error, Role, Severity, Task},
    time::{Instant, days_between, plus_days},
    types::{Coding, Codings as _, Decimal, LocalizedText, system, zh_en},
};

use super::{AGAIN_DAYS, MISSED, Step};
use crate::{
    measure::{HBA1C, HBA1C_CODES, Hba1c, Reading},
    sources, targets,
};

pub(super) const TASK: &str = "hba1c";

const OFF_TARGET_DAYS: i64 = 90;
const ON_TARGET_DAYS: i64 = 180;
const WINDOW_DAYS: u16 = 14;
/// Percent; below it without medicines for [`OFF_MEDICINE_DAYS`] is remission.
const REMISSION: Decimal = Decimal::new(65, 1);
const OFF_MEDICINE_DAYS: i64 = 90;
/// ATC: medicines for diabetes.
const GLUCOSE_LOWERING: &str = "A10";
const WEEK_IN_MINUTES: u32 = 7 * 24 * 60;

impl Step<'_> {
    /// At enrolment: due after the last one on record, or now.
    pub(super) fn enrol_hba1c(&mut self) -> Result<(), Error> {
        match self.latest_hba1c()? {
            Some((hba1c, taken)) => {
                let days = self.hba1c_interval(&hba1c)?;
                self.schedule_hba1c(plus_days(taken, days).max(self.now));
            }
            None => self.schedule_hba1c(self.now),
        }
        Ok(())
    }

    pub(super) fn request_hba1c(&mut self) {
        self.request(&[HBA1C]);
        self.tell(
            "laboratory-due",
            zh_en("您有一项化验到期,请按医嘱完成。", "A laboratory test is due: please have it done as ordered."),
        );
    }

    pub(super) fn hba1c_came(&mut self) -> Result<(), Error> {
        let Some((hba1c, taken)) = self.latest_hba1c()? else { return Ok(()) };
        self.cancel(&format!("{TASK}{MISSED}"));
        let days = self.hba1c_interval(&hba1c)?;
        self.schedule_hba1c(plus_days(taken, days).max(self.now));
        let remission = hba1c.is_below(REMISSION) && self.is_off_medicines(taken);
        if remission && !self.memory.remission {
            self.alert(Alert {
                code: "REMISSION_CRITERIA_MET".to_owned(),
                severity: Severity::Info,
                message: zh_en(
                    format!("停用降糖药≥90天,糖化血红蛋白 {} <6.5%,请评估是否缓解。", hba1c.shown),
                    format!("HbA1c {} without medicines for 90 days or more: assess remission.", hba1c.shown),
                ),
                owner: Role::Doctor,
                sla_minutes: WEEK_IN_MINUTES,
                citation: sources::remission(),
            });
        }
        self.memory.remission = remission;
        Ok(())
    }

    pub(super) fn hba1c_missed(&mut self) {
        self.check_missed(&title());
        self.schedule_hba1c(plus_days(self.now, AGAIN_DAYS));
    }

    /// Somebody says that it was done.
    pub(super) fn hba1c_done(&mut self, due: Instant) -> Result<(), Error> {
        if self.test_done(task(due)) { Ok(()) } else { self.plan_hba1c() }
    }

    /// After the last result on record, but not before there is time to arrange it.
    pub(super) fn plan_hba1c(&mut self) -> Result<(), Error> {
        let again = plus_days(self.now, AGAIN_DAYS);
        let due = match self.latest_hba1c()? {
            Some((hba1c, taken)) => plus_days(taken, self.hba1c_interval(&hba1c)?).max(again),
            None => again,
        };
        self.schedule_hba1c(due);
        Ok(())
    }

    fn schedule_hba1c(&mut self, due: Instant) {
        self.directives.push(Directive::ScheduleTask(task(due)));
    }

    fn hba1c_interval(&self, hba1c: &Hba1c) -> Result<i64, Error> {
        let met = targets::hba1c_met(hba1c, self.memory.severe_hypoglycaemia)?;
        let changed = self.snapshot.medications.iter().filter(|m| is_glucose_lowering(m)).any(|medication| {
            [medication.started, medication.ended]
                .into_iter()
                .flatten()
                .any(|change| (0..OFF_TARGET_DAYS).contains(&days_between(change, self.now)))
        });
        Ok(if met && !changed { ON_TARGET_DAYS } else { OFF_TARGET_DAYS })
    }

    fn latest_hba1c(&self) -> Result<Option<(Hba1c, Instant)>, Error> {
        // The laboratory's: what a patient remembers decides nothing.
        let candidates = HBA1C_CODES.iter().filter_map(|code| {
            let code = Coding::loinc(*code);
            self.snapshot.history(&code).find(|one| one.quantity().is_some() && !one.is_self_reported())
        });
        let Some(latest) = candidates.max_by_key(|observation| observation.effective) else { return Ok(None) };
        Ok(match Reading::of(latest)? {
            Reading::Hba1c(hba1c) => Some((hba1c, latest.effective.unwrap_or(self.now))),
            _ => None,
        })
    }

    /// Only if every medication has an ATC code: one without
    /// might be glucose-lowering.
    fn is_off_medicines(&self, at: Instant) -> bool {
        let since = plus_days(at, -OFF_MEDICINE_DAYS);
        self.snapshot.is_complete(Section::Medications)
            && self.snapshot.medications.iter().all(|medication| {
                let known = classes(medication).next().is_some();
                let ended = !medication.is_active() && medication.ended.is_some_and(|end| end <= since);
                ended || (known && !is_glucose_lowering(medication))
            })
    }
}

fn task(due: Instant) -> Task {
    Task { code: TASK.to_owned(), title: title(), owner: Role::Patient, due, window_days: WINDOW_DAYS }
}

fn title() -> LocalizedText {
    zh_en("糖化血红蛋白检测", "HbA1c")
}

fn classes(medication: &Medication) -> impl Iterator<Item = &str> {
    medication.code.codes_in(system::ATC).chain(medication.ingredients.codes_in(system::ATC))
}

fn is_glucose_lowering(medication: &Medication) -> bool {
    classes(medication).any(|class| class.starts_with(GLUCOSE_LOWERING))
}
