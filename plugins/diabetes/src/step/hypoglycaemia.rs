//! Hypoglycaemia of three levels, and the measurement that follows.

use xinglin_sdk::{
    follow_up::{Destination, Role, Severity},
    time::{DAY, Instant, MINUTE, china, plus_minutes},
    types::zh_en,
};

use super::{
    HOUR, Step,
    request::{Asked, HELP},
    visit,
};
use crate::{
    definition::RECHECK,
    measure::Glucose,
    numbers::{LEVEL_2, RECHECK_ANSWER_MINUTES, RECHECK_MINUTES, SAME_DAY_MINUTES, URGENT_DAYS, decimal},
    sources::Source,
};

impl Step<'_> {
    /// Levels 1 and 2, told.
    pub(super) fn hypoglycaemia(&mut self, glucose: &Glucose) {
        let shown = &glucose.shown;
        if glucose.is_below(decimal(LEVEL_2, 1)) {
            self.critical(
                "HYPOGLYCAEMIA_LEVEL_2",
                zh_en(
                    format!("血糖 {shown},<3.0 mmol/L,2级低血糖。"),
                    format!("Glucose {shown}: below 3.0 mmol/L, hypoglycaemia of level 2."),
                ),
                Source::Goals,
            );
        } else {
            self.alert(
                ("HYPOGLYCAEMIA_LEVEL_1", Severity::Warning, Role::Nurse, self.minutes_left_today()),
                zh_en(
                    format!("血糖 {shown},1级低血糖,请当日联系。"),
                    format!("Glucose {shown}: hypoglycaemia of level 1. Contact the patient today."),
                ),
                Source::Goals,
            );
        }
    }

    /// One that was low then is measured again.
    pub(super) fn recheck(&mut self, at: Instant) {
        self.memory.recheck = true;
        self.memory.low = self.memory.low.max(Some(at));
        self.tell(
            "measure-again",
            zh_en(
                "请按医生交代的方法处理,15分钟后再测一次并记录。",
                "Please do as your doctor explained, measure again in 15 minutes and record it.",
            ),
        );
        self.recheck_at(plus_minutes(self.now, RECHECK_MINUTES.value));
    }

    /// Level 3: another person had to help, whatever the value. The questionnaire has a doctor call (its safeguard).
    pub(super) fn needed_help(&mut self) {
        self.memory.severe_hypoglycaemia = true;
        self.critical(
            "HYPOGLYCAEMIA_LEVEL_3",
            zh_en("严重低血糖:需要他人帮助。", "Severe hypoglycaemia: needed somebody's help."),
            Source::Goals,
        );
        self.refer_to_emergency();
        self.tell(
            "seek-emergency-care",
            zh_en("如仍感不适,请立即拨打120。", "If you still feel unwell, call 120 now."),
        );
        self.critical_low(HELP, "需要他人帮助的低血糖", "Hypoglycaemia that needed help");
    }

    pub(super) fn refer_to_emergency(&mut self) {
        self.refer(Asked {
            code: HELP,
            destination: Destination::Emergency,
            reason: zh_en("请立即就医,必要时拨打120。", "Please get help now; call 120 if need be."),
            within: URGENT_DAYS,
            source: Source::Goals,
        });
    }

    fn recheck_at(&mut self, due: Instant) {
        self.timer(visit::RECHECK, zh_en("15分钟后复测", "Measure again after 15 minutes"), due, None);
    }

    pub(super) fn ask_for_recheck(&mut self) {
        self.ask(RECHECK, RECHECK_ANSWER_MINUTES.minutes());
    }

    /// It is not done by saying so, but by a value.
    pub(super) fn recheck_not_by_saying_so(&mut self, due: Instant) {
        if self.memory.recheck && self.now < due {
            self.recheck_at(due);
        }
    }

    /// A value that is not low came. An older one than the low one says nothing.
    pub(super) fn recheck_no_more(&mut self, at: Instant) {
        if self.memory.low < Some(at) && std::mem::take(&mut self.memory.recheck) {
            self.memory.low = None;
            self.cancel(visit::RECHECK);
            self.withdraw(RECHECK);
        }
    }

    pub(super) fn recheck_unanswered(&mut self) {
        if self.memory.recheck {
            self.alert(
                ("RECHECK_UNANSWERED", Severity::Critical, Role::Nurse, HOUR / 2),
                zh_en(
                    "低血糖后未见复测值,请立即联系患者。",
                    "No value after a low glucose: contact the patient at once.",
                ),
                Source::Goals,
            );
        }
    }

    /// Minutes until midnight in Asia/Shanghai, but not too few.
    fn minutes_left_today(&self) -> u32 {
        let midnight = china::midnight(china::day(self.now)).saturating_add(DAY);
        let left = u32::try_from(midnight.saturating_sub(self.now) / MINUTE).unwrap_or(0);
        left.max(SAME_DAY_MINUTES.minutes())
    }
}
