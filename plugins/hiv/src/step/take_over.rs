//! The first step of a patient whom the first version, of pathway 1.0, has enrolled. Its tasks go on under their codes. What it
//! could not follow is asked anew, so that its end is told; what it held too widely is held of some medicines.

use xinglin_sdk::time::plus_days;

use super::{Step, task};
use crate::{
    memory::{Arm, Hold},
    numbers::{DIET_FIRST, PHARMACIST_FIRST, REVIEW_EVERY},
    schedule::Lab,
};

impl Step<'_> {
    pub(super) fn take_over(&mut self) {
        let Some(inherited) = self.memory.inherited.take() else { return };
        for code in inherited {
            self.cancel(&code);
        }
        for questionnaire in self.memory.asked.clone() {
            // Nobody is told how a question of the first version ends: it is another one.
            self.withdraw(&questionnaire);
            self.ask(&questionnaire);
        }
        // In its place comes the one of prevention, if a test is still overdue.
        self.release(Hold::Overdue);
        for lab in Lab::ALL {
            if self.memory.labs.get(&lab).is_some_and(|plan| plan.due <= self.now) {
                self.lab_due(lab);
            }
        }
        match self.memory.arm {
            Arm::Urgent if self.is_waiting() => {
                self.cancel(task::CLOCK_BEST);
                self.refer_urgent();
            }
            Arm::Treatment => {
                for (code, days) in
                    [(task::REVIEW, REVIEW_EVERY), (task::PHARMACIST, PHARMACIST_FIRST), (task::DIET, DIET_FIRST)]
                {
                    self.schedule(code, plus_days(self.now, days.value));
                }
                if self.memory.failing {
                    self.convene();
                }
            }
            _ => {}
        }
    }
}
