//! Diagnoses with which nobody would have been enrolled, made afterwards.

use xinglin_sdk::types::zh_en;

use super::{
    Step,
    request::{Asked, DIAGNOSIS, in_person},
};
use crate::{
    memory::Hold,
    numbers::{DIAGNOSIS_DAYS, Number, URGENT_DAYS},
    screen,
    sources::Source,
};

impl Step<'_> {
    /// Each stops online care once; a doctor decides how it goes on.
    pub(super) fn look_at_diagnoses(&mut self) {
        for (code, message, source) in screen::offline(self.snapshot, self.now) {
            if !self.memory.known.insert(code.to_owned()) {
                continue;
            }
            self.critical(code, message, source);
            let reason = zh_en("有新的诊断,须先线下处置。", "A new diagnosis: face-to-face care first.");
            self.stop(code, Hold::Diagnosis, (reason, source));
            self.refer_for_diagnosis(if code == screen::KETOACIDOSIS { URGENT_DAYS } else { DIAGNOSIS_DAYS });
            self.ask_to_come();
        }
    }

    pub(super) fn refer_for_diagnosis(&mut self, within: Number) {
        self.refer(Asked::offline(DIAGNOSIS, in_person(), within, Source::Telemedicine));
    }
}
