//! Treatment: viral load, CD4, adherence.

use xinglin_sdk::{
    pathway::{Destination, Role, Severity},
    time::{Instant, MINUTE, plus_days},
    types::{Decimal, zh_en},
};

use super::{DAY_IN_MINUTES, Step, task};
use crate::{
    chart::Therapy,
    measure::{self, Load},
    memory::Arm,
    questions::{Amount, Answers, link},
    rules, schedule, sources,
};

/// Days between looks at the record: nothing is told of a new medicine.
const REVIEW_DAYS: i64 = 14;
/// Days of the first talks with pharmacist and dietitian.
const PHARMACIST_DAY: i64 = 7;
const DIET_DAY: i64 = 28;
/// Days within which a pharmacist is not called for the same again.
const CALLED_DAYS: i64 = 28;
/// Days after a failure within which the patient is contacted again.
const RECONTACT_DAYS: u16 = 14;
const HOUR: Instant = 60 * MINUTE;

impl Step<'_> {
    pub(super) fn enter_treatment(&mut self) {
        self.enter(Arm::Treatment);
        self.schedule(
            &format!("{}{}", task::ROUTINE, rules::ADHERENCE_EVERY),
            plus_days(self.now, rules::ADHERENCE_EVERY),
        );
        self.schedule(task::REVIEW, plus_days(self.now, REVIEW_DAYS));
        self.schedule(task::PHARMACIST, plus_days(self.now, PHARMACIST_DAY));
        self.schedule(task::PUBLIC_HEALTH, self.now);
        self.schedule_diet(DIET_DAY);
        if self.chart.therapy() == Therapy::Absent {
            self.alert(
                "ART_NOT_ON_RECORD",
                Severity::Warning,
                zh_en(
                    "档案中没有抗病毒治疗记录:请核实并线下启动或补录。",
                    "No antiretroviral treatment on record: please verify, and begin it face to face or record it.",
                ),
                Role::Doctor,
                DAY_IN_MINUTES,
                sources::VIRAL_LOAD,
            );
        }
        self.judge_load();
        self.judge_cd4();
    }

    pub(super) fn schedule_diet(&mut self, days: i64) {
        self.schedule(task::DIET, plus_days(self.now, days));
    }

    /// At the count nearest to the start, once.
    pub(super) fn note_baseline(&mut self) {
        if self.memory.low_baseline.is_some() {
            return;
        }
        let Therapy::Since(start, _) = self.chart.therapy() else { return };
        let before = |(taken, _): &&(Instant, Decimal)| *taken <= plus_days(start, rules::LOAD_FIRST);
        let low =
            self.chart.counts().iter().find(before).map(|(_, count)| *count < Decimal::whole(rules::CD4_BASELINE));
        self.memory.low_baseline = low;
    }

    /// The newest viral load.
    pub(super) fn judge_load(&mut self) {
        if self.memory.arm != Arm::Treatment {
            return;
        }
        match self.chart.loads().first() {
            Some((_, Load::High)) => self.judge_high(),
            Some((_, Load::Low)) => {
                self.memory.failing = false;
                self.alert(
                    "LOW_LEVEL_VIRAEMIA",
                    Severity::Warning,
                    zh_en(
                        "病毒载量50~200拷贝/mL:药师复核依从性与相互作用。",
                        "Viral load 50 to 200 copies/mL: a pharmacist reviews adherence and interactions.",
                    ),
                    Role::Pharmacist,
                    DAY_IN_MINUTES,
                    sources::FAILURE,
                );
            }
            Some((_, Load::Undetectable)) => self.memory.failing = false,
            None => {}
        }
    }

    fn judge_high(&mut self) {
        if self.memory.failing {
            return;
        }
        if schedule::is_failure(&self.chart) {
            self.failure();
        } else if schedule::is_repeated(&self.memory, &self.chart) {
            self.alert(
                "VIRAL_LOAD_HIGH",
                Severity::Warning,
                zh_en(
                    "病毒载量>200拷贝/mL:28天内复测,同时评估依从性。",
                    "Viral load above 200 copies/mL: repeat within 28 days, and assess adherence.",
                ),
                Role::Doctor,
                DAY_IN_MINUTES,
                sources::FAILURE,
            );
        }
    }

    /// Treatment goes on meanwhile: there is no hold.
    fn failure(&mut self) {
        self.memory.failing = true;
        self.alert(
            "VIROLOGICAL_FAILURE",
            Severity::Critical,
            zh_en(
                "连续两次病毒载量>200拷贝/mL(治疗24周后):病毒学失败。耐药检测;感染科、药学、检验(耐药)、心理多学科讨论;期间不停药。",
                "Two viral loads in a row above 200 copies/mL after week 24: virological failure. Resistance test; infectious diseases, pharmacy, laboratory (resistance) and psychology \
                 discuss the regimen; treatment goes on meanwhile.",
            ),
            Role::Doctor,
            DAY_IN_MINUTES,
            sources::FAILURE,
        );
        self.request(&[(measure::RESISTANCE, "HIV-1 drug resistance, genotype"), (measure::CD4, "CD4 count")]);
        self.refer(
            Destination::Multidisciplinary,
            zh_en("团队将共同讨论您的随访安排。", "Our team will discuss your follow-up together."),
            RECONTACT_DAYS,
            sources::FAILURE,
        );
        self.alert(
            "ADHERENCE_REVIEW",
            Severity::Warning,
            zh_en("病毒学失败:药师复核依从性。", "Virological failure: a pharmacist reviews adherence."),
            Role::Pharmacist,
            DAY_IN_MINUTES,
            sources::FAILURE,
        );
        self.tell_to_visit();
    }

    /// The newest CD4 count.
    pub(super) fn judge_cd4(&mut self) {
        let low = |count: &Decimal| *count < Decimal::whole(rules::CD4_PROPHYLAXIS);
        if self.memory.arm == Arm::Treatment && self.chart.counts().first().is_some_and(|(_, count)| low(count)) {
            self.alert(
                "CD4_BELOW_200",
                Severity::Warning,
                zh_en(
                    "CD4<200/μL:评估机会性感染预防。",
                    "CD4 below 200/uL: review prophylaxis of opportunistic infections.",
                ),
                Role::Doctor,
                DAY_IN_MINUTES,
                sources::PROPHYLAXIS,
            );
        }
    }

    pub(super) fn routine_answered(&mut self, answers: &Answers<'_>) {
        if self.memory.arm != Arm::Treatment {
            return;
        }
        if answers.boolean(link::UNWELL).is_none()
            || answers.amount(link::GAP_HOURS, "h", rules::HOURS_PLAUSIBLE) == Amount::Silent
        {
            self.answer_unusable();
        }
        if answers.yes(link::UNWELL) {
            self.symptoms();
        }
        self.judge_gap(answers);
        self.judge_covered();
    }

    pub(super) fn judge_gap(&mut self, answers: &Answers<'_>) {
        match answers.amount(link::GAP_HOURS, "h", rules::HOURS_PLAUSIBLE) {
            Amount::Of(hours) if hours > Decimal::whole(rules::GAP_HOURS) => self.gap(),
            Amount::Wrong => self.answer_unusable(),
            Amount::Of(_) | Amount::Silent => {}
        }
    }

    fn gap(&mut self) {
        self.alert(
            "ADHERENCE_GAP",
            Severity::Warning,
            zh_en("漏服或断药超过48小时,请药师电话联系。", "More than 48 hours without medicine: a pharmacist calls."),
            Role::Pharmacist,
            DAY_IN_MINUTES,
            sources::PROJECT,
        );
    }

    pub(super) fn review(&mut self) {
        if self.memory.arm == Arm::Treatment {
            self.judge_covered();
            self.schedule(task::REVIEW, plus_days(self.now, REVIEW_DAYS));
        }
    }

    fn judge_covered(&mut self) {
        let Some((covered, days)) = self.chart.covered() else { return };
        let called = self.memory.called_until.is_some_and(|until| self.now < until);
        if covered * 100 < days * rules::COVERED && !called {
            self.memory.called_until = Some(plus_days(self.now, CALLED_DAYS));
            self.alert(
                "ADHERENCE_LOW",
                Severity::Warning,
                zh_en(
                    format!("近{days}天药物覆盖{covered}天(低于95%),请药师电话联系。"),
                    format!("{covered} of {days} days covered, below 95 %: a pharmacist calls."),
                ),
                Role::Pharmacist,
                DAY_IN_MINUTES,
                sources::PROJECT,
            );
        }
    }

    /// A timer 48 hours after the supply ends.
    pub(super) fn plan_supply(&mut self) {
        let ring = self.chart.supply_ends().map(|ends| ends.saturating_add(rules::GAP_HOURS * HOUR + MINUTE));
        if ring == self.memory.supply {
            return;
        }
        self.memory.supply = ring;
        match ring {
            Some(ring) => self.schedule(task::SUPPLY, ring.max(self.now)),
            None => self.cancel(task::SUPPLY),
        }
    }

    pub(super) fn supply_over(&mut self) {
        let over = |ends: Instant| self.now.saturating_sub(ends) > rules::GAP_HOURS * HOUR;
        if self.memory.arm == Arm::Treatment && self.chart.supply_ends().is_some_and(over) {
            self.gap();
        }
    }
}
