//! Tests that repeat: wanted by the record, done by their result.

use xinglin_sdk::{
    pathway::{Role, Severity},
    time::{Instant, plus_days},
    types::zh_en,
};

use super::{DAY_IN_MINUTES, Step, task};
use crate::{
    memory::Plan,
    schedule::{self, Lab, WINDOW},
    sources,
};

/// Days after which a missed test is due again.
const AGAIN_DAYS: i64 = 14;

impl Step<'_> {
    /// Moves a task only if the record wants another day than when it was planned.
    pub(super) fn plan_labs(&mut self) {
        for lab in Lab::ALL {
            let wanted = schedule::wanted(lab, &self.memory, &self.chart);
            let planned = self.memory.labs.get(&lab).map(|plan| plan.wanted);
            if wanted == planned {
                continue;
            }
            if planned.is_some() {
                self.cancel(&format!("{}{}", lab.code(), task::CHECK));
            }
            match wanted {
                Some(wanted) => {
                    let due = wanted.max(self.now);
                    self.memory.labs.insert(lab, Plan { wanted, due });
                    self.schedule(lab.code(), due);
                }
                None => {
                    self.memory.labs.remove(&lab);
                    self.cancel(lab.code());
                }
            }
        }
    }

    pub(super) fn lab_due(&mut self, lab: Lab) {
        if self.memory.labs.contains_key(&lab) {
            self.request(&[(lab.order(), lab.names()[1])]);
            self.remind_of_laboratory();
        }
    }

    pub(super) fn remind_of_laboratory(&mut self) {
        self.tell(
            "laboratory-due",
            zh_en("您有一项化验到期,请按预约完成。", "A laboratory test is due: please have it done as arranged."),
        );
    }

    /// Its days are over, and there is no result: it is due again.
    pub(super) fn lab_missed(&mut self, lab: Lab) {
        if !self.memory.labs.contains_key(&lab) {
            return;
        }
        let [zh, en] = lab.names();
        if lab == Lab::ViralLoad && schedule::is_repeated(&self.memory, &self.chart) {
            self.alert(
                "VIRAL_LOAD_REPEAT_MISSED",
                Severity::Warning,
                zh_en(
                    "病毒载量>200后28天内未见复测结果。",
                    "No second viral load within 28 days after one above 200 copies/mL.",
                ),
                Role::Doctor,
                DAY_IN_MINUTES,
                sources::FAILURE,
            );
        }
        self.alert(
            "TEST_MISSED",
            Severity::Warning,
            zh_en(
                format!("{zh}到期后未见结果,请联系患者安排。"),
                format!("{en}: due, and there is no result. Please arrange it with the patient."),
            ),
            Role::Assistant,
            DAY_IN_MINUTES,
            sources::PROJECT,
        );
        self.again(lab);
    }

    /// Somebody says that it was done. Before it is due it stays what it was; in its days the team is
    /// told at their end if there is still no result.
    pub(super) fn lab_ticked(&mut self, lab: Lab, due: Instant) {
        let end = plus_days(due, i64::from(WINDOW));
        if self.now < due {
            self.schedule(lab.code(), due);
        } else if self.now < end {
            self.schedule(&format!("{}{}", lab.code(), task::CHECK), end);
        } else {
            self.again(lab);
        }
    }

    fn again(&mut self, lab: Lab) {
        let due = plus_days(self.now, AGAIN_DAYS);
        if let Some(plan) = self.memory.labs.get_mut(&lab) {
            plan.due = due;
            self.schedule(lab.code(), due);
        }
    }
}
