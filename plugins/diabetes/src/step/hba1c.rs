//! HbA1c: every 90 days off target or after a change of treatment, twice a year otherwise; another regimen; remission.

use xinglin_sdk::{
    clinical::{Medication, Section},
    follow_up::{Error, Role, Severity},
    time::{Instant, plus_days},
    types::{Coding, Codings as _, LocalizedText, system, zh_en},
};

use super::{
    DAY, Step,
    request::{Asked, REGIMEN, in_person},
};
use crate::{
    measure::{HBA1C, HBA1C_CODES, Hba1c, Reading},
    numbers::{
        HBA1C_OFF_DAYS, HBA1C_ON_DAYS, HBA1C_REGIMEN, OFF_TARGET_DAYS, REMISSION_DAYS, REMISSION_HBA1C, RESULT_DAYS,
        decimal,
    },
    sources::Source,
};

/// The task, and the request.
pub(super) const TASK: &str = "hba1c";

/// ATC: medicines for diabetes.
const GLUCOSE_LOWERING: &str = "A10";

impl Step<'_> {
    /// At enrolment: due after the last one on record, or now.
    pub(super) fn enrol_hba1c(&mut self) -> Result<(), Error> {
        let due = self.next_hba1c()?.unwrap_or(self.now);
        self.schedule_hba1c(due.max(self.now));
        Ok(())
    }

    pub(super) fn is_hba1c_due(&self) -> Result<bool, Error> {
        Ok(self.next_hba1c()?.is_none_or(|due| due <= self.now))
    }

    pub(super) fn request_hba1c(&mut self) {
        let reason = zh_en("糖化血红蛋白到期。", "HbA1c is due.");
        self.request(TASK, &[HBA1C], reason, (plus_days(self.now, RESULT_DAYS.value), Source::Goals));
        self.tell_of_tests();
    }

    pub(super) fn tell_of_tests(&mut self) {
        self.tell(
            "laboratory-due",
            zh_en("您有一项化验到期,请按医嘱完成。", "A laboratory test is due: please have it done as ordered."),
        );
    }

    /// The laboratory's. An older one than the last on record displaces nothing.
    pub(super) fn hba1c_came(&mut self, told: &Hba1c) -> Result<(), Error> {
        self.withdraw(TASK);
        self.memory.lapsed.remove(TASK);
        let Some((hba1c, taken)) = self.latest_hba1c() else { return Ok(()) };
        let due = self.next_hba1c()?.unwrap_or(self.now);
        self.schedule_hba1c(due.max(self.now));
        self.judge_remission(&hba1c, taken);
        if *told == hba1c && !self.goals.hba1c_met(&hba1c)? {
            self.hba1c_off_target(&hba1c);
        }
        Ok(())
    }

    fn hba1c_off_target(&mut self, hba1c: &Hba1c) {
        self.schedule_adjustment();
        if hba1c.is_below(decimal(HBA1C_REGIMEN, 1)) {
            self.note(zh_en(
                format!("糖化血红蛋白 {},未达标。线上只宜逐步调整用药,不宜更换方案。", hba1c.shown),
                format!(
                    "HbA1c {}: off target. Online, adjust medication step by step; no change of regimen.",
                    hba1c.shown
                ),
            ));
        } else {
            self.note(zh_en(
                format!(
                    "糖化血红蛋白 {}≥9.0%:可能需要更换治疗方案(如启用胰岛素)。线上只宜逐步调整,请转线下决定。",
                    hba1c.shown
                ),
                format!(
                    "HbA1c {} is 9.0 % or more: another regimen may be needed, such as insulin. Online, adjust step by \
                     step only; let it be decided in a consulting room.",
                    hba1c.shown
                ),
            ));
            self.alert(
                ("REGIMEN_CHANGE_NEEDED", Severity::Warning, Role::Doctor, DAY),
                zh_en(
                    format!("糖化血红蛋白 {}≥9.0%,更换方案须线下决定。", hba1c.shown),
                    format!("HbA1c {} is 9.0 % or more: another regimen is decided face to face.", hba1c.shown),
                ),
                Source::Telemedicine,
            );
            self.refer_for_regimen();
        }
    }

    pub(super) fn refer_for_regimen(&mut self) {
        self.refer(Asked::offline(REGIMEN, in_person(), OFF_TARGET_DAYS, Source::Telemedicine));
    }

    fn judge_remission(&mut self, hba1c: &Hba1c, taken: Instant) {
        let remission = hba1c.is_below(decimal(REMISSION_HBA1C, 1)) && self.is_off_medicines(taken);
        let week = 7 * DAY;
        if remission && !self.memory.remission {
            self.alert(
                ("REMISSION_CRITERIA_MET", Severity::Info, Role::Doctor, week),
                zh_en(
                    format!("停用降糖药≥90天,糖化血红蛋白 {} <6.5%,请评估是否缓解。", hba1c.shown),
                    format!("HbA1c {} without medicines for 90 days or more: assess remission.", hba1c.shown),
                ),
                Source::Remission,
            );
        } else if self.memory.remission && !remission {
            self.alert(
                ("REMISSION_ENDED", Severity::Warning, Role::Doctor, week),
                zh_en(
                    format!("不再符合缓解标准(糖化血红蛋白 {}),请评估治疗。", hba1c.shown),
                    format!(
                        "The criteria of remission are not met any more (HbA1c {}): assess treatment.",
                        hba1c.shown
                    ),
                ),
                Source::Remission,
            );
        }
        self.memory.remission = remission;
    }

    /// Turned down: asked for again after the shorter time.
    pub(super) fn hba1c_declined(&mut self) {
        self.schedule_hba1c(plus_days(self.now, HBA1C_OFF_DAYS.value));
    }

    pub(super) fn schedule_hba1c(&mut self, due: Instant) {
        self.timer(TASK, title(), due, None);
    }

    /// When the next is due, by the last on record, and by the last change of treatment before or after it.
    fn next_hba1c(&self) -> Result<Option<Instant>, Error> {
        let Some((hba1c, taken)) = self.latest_hba1c() else { return Ok(None) };
        let soon = |from| plus_days(from, HBA1C_OFF_DAYS.value);
        let later = plus_days(taken, HBA1C_ON_DAYS.value);
        Ok(Some(match self.last_change() {
            _ if !self.goals.hba1c_met(&hba1c)? => soon(taken),
            Some(change) if change > taken => soon(change).min(later),
            Some(change) if taken < soon(change) => soon(taken),
            _ => later,
        }))
    }

    /// Medicines were changed since the last result: it is measured again sooner. Looked at when a follow-up is answered.
    pub(super) fn replan_hba1c(&mut self) -> Result<(), Error> {
        let changed = self.latest_hba1c().is_some_and(|(_, taken)| self.last_change() > Some(taken));
        if let (true, Some(due)) = (changed && !self.is_open(TASK), self.next_hba1c()?)
            && due > self.now
        {
            self.schedule_hba1c(due);
        }
        Ok(())
    }

    /// When a medicine for diabetes was started or ended last.
    fn last_change(&self) -> Option<Instant> {
        let lowering = self.snapshot.medications.iter().filter(|medication| is_glucose_lowering(medication));
        let changes = lowering.flat_map(|medication| [medication.started, medication.ended]).flatten();
        changes.filter(|change| *change <= self.now).max()
    }

    /// The laboratory's: what a patient remembers decides nothing, and what is not understood neither.
    fn latest_hba1c(&self) -> Option<(Hba1c, Instant)> {
        let candidates = HBA1C_CODES.iter().filter_map(|code| {
            let code = Coding::loinc(*code);
            self.snapshot.history(&code).find(|one| one.quantity().is_some() && !one.is_self_reported())
        });
        let latest = candidates.max_by_key(|observation| observation.effective)?;
        match Reading::of(latest, self.snapshot) {
            Ok(Reading::Hba1c(hba1c)) => Some((hba1c, latest.effective.unwrap_or(self.now))),
            _ => None,
        }
    }

    /// Only if every medication has an ATC code: one without
    /// might be glucose-lowering.
    fn is_off_medicines(&self, at: Instant) -> bool {
        let since = plus_days(at, -REMISSION_DAYS.value);
        self.snapshot.is_complete(Section::Medications)
            && self.snapshot.medications.iter().all(|medication| {
                let known = classes(medication).next().is_some();
                let ended = !medication.is_active() && medication.ended.is_some_and(|end| end <= since);
                ended || (known && !is_glucose_lowering(medication))
            })
    }
}

pub(super) fn title() -> LocalizedText {
    zh_en("糖化血红蛋白检测", "HbA1c")
}

pub(super) fn classes(medication: &Medication) -> impl Iterator<Item = &str> {
    medication.code.codes_in(system::ATC).chain(medication.ingredients.codes_in(system::ATC))
}

fn is_glucose_lowering(medication: &Medication) -> bool {
    classes(medication).any(|class| class.starts_with(GLUCOSE_LOWERING))
}
