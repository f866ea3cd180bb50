//! Tests that repeat: wanted by the record, done by their result.

use xinglin_sdk::{
    follow_up::{RequestEnd, Role, Severity},
    time::{Instant, plus_days},
    types::zh_en,
};

use super::{Step, task};
use crate::{
    memory::Plan,
    numbers::{DAY_MINUTES, LAB_AGAIN, LAB_RESULT, LAB_WINDOW},
    schedule::{self, Lab},
    sources::Source,
};

impl Step<'_> {
    /// Moves a task only if the record wants another day than when it was planned. Nobody waits for the result of the last
    /// request then.
    pub(super) fn plan_labs(&mut self) {
        for lab in Lab::ALL {
            let wanted = schedule::wanted(lab, &self.memory, &self.chart);
            let planned = self.memory.labs.get(&lab).copied();
            if wanted == planned.map(|plan| plan.wanted) {
                continue;
            }
            if planned.is_some_and(|plan| plan.due <= self.now) {
                for code in [lab.code(), &format!("{}{}", lab.code(), task::CHECK)] {
                    self.cancel(code);
                }
                self.withdraw(lab.code());
            }
            match wanted {
                Some(wanted) => {
                    let due = wanted.max(self.soonest);
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

    /// Its result is there in the days of its task and as many again; of a high viral load in the days of its task.
    pub(super) fn lab_due(&mut self, lab: Lab) {
        let Some(plan) = self.memory.labs.get(&lab).copied() else { return };
        let days = if self.is_repeat(lab) { LAB_WINDOW } else { LAB_RESULT };
        let by = plus_days(plan.due, days.value).max(plus_days(self.now, 1));
        self.request_tests(lab.code(), &[(lab.order(), lab.names()[1])], by, lab.source());
        self.remind_of_laboratory();
    }

    fn is_repeat(&self, lab: Lab) -> bool {
        lab == Lab::ViralLoad && schedule::is_repeated(&self.memory, &self.chart)
    }

    pub(super) fn remind_of_laboratory(&mut self) {
        self.tell(
            "laboratory-due",
            zh_en("您有一项化验到期,请按预约完成。", "A laboratory test is due: please have it done as arranged."),
        );
    }

    /// Its days are over, and there is no result: the assistant is told. The request still has time.
    pub(super) fn lab_missed(&mut self, lab: Lab) {
        if !self.memory.labs.contains_key(&lab) {
            return;
        }
        let [zh, en] = lab.names();
        self.alert(
            "TEST_MISSED",
            Severity::Warning,
            zh_en(
                format!("{zh}到期后未见结果,请联系患者安排。"),
                format!("{en}: due, and there is no result. Please arrange it with the patient."),
            ),
            (Role::Assistant, DAY_MINUTES),
            Source::Project,
        );
    }

    /// The result is not there in time: the host has told the doctor, the next is the health manager. It is due again now.
    pub(super) fn lab_request_ended(&mut self, lab: Lab, end: RequestEnd) {
        let Some(plan) = self.memory.labs.get(&lab).copied() else { return };
        match end {
            // What was found came before it, and has moved the test; if not, nobody could use it.
            RequestEnd::Fulfilled if plan.due <= self.now => {
                self.again(lab, plus_days(self.now, LAB_AGAIN.value));
            }
            RequestEnd::Fulfilled => {}
            RequestEnd::Declined => self.lab_declined(lab),
            RequestEnd::Lapsed => {
                if self.is_repeat(lab) {
                    self.alert(
                        "VIRAL_LOAD_REPEAT_MISSED",
                        Severity::Warning,
                        zh_en(
                            "病毒载量>200后28天内未见复测结果。",
                            "No second viral load within 28 days after one above 200 copies/mL.",
                        ),
                        (Role::Doctor, DAY_MINUTES),
                        Source::Failure,
                    );
                }
                self.results_missing(lab.names()[1], lab.source());
                self.again(lab, self.soonest);
            }
        }
    }

    /// Somebody says that it was done. Before it is due it stays what it was; then its request waits for the result.
    pub(super) fn lab_ticked(&mut self, lab: Lab, due: Instant) {
        if self.now < due && self.memory.labs.contains_key(&lab) {
            self.schedule(lab.code(), due);
        }
    }

    /// The patient does not want it, or staff gave it up.
    pub(super) fn lab_declined(&mut self, lab: Lab) {
        if self.memory.labs.contains_key(&lab) {
            self.tests_declined(lab.names()[1]);
            self.withdraw(lab.code());
            self.again(lab, plus_days(self.now, LAB_AGAIN.value));
        }
    }

    fn again(&mut self, lab: Lab, due: Instant) {
        if let Some(plan) = self.memory.labs.get_mut(&lab) {
            plan.due = due;
            self.schedule(lab.code(), due);
        }
    }
}
