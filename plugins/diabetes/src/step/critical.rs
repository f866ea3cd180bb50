//! Values that stop online care immediately.

use xinglin_sdk::{
    pathway::{Alert, Destination, Directive, Referral, Role, Severity},
    time::{DAY, MINUTE, plus_minutes},
    types::{Decimal, zh_en},
};

use super::{Step, visit};
use crate::{
    measure::{Glucose, Pressure},
    memory::Hold,
    sources,
};

/// mmol/L, from here upwards.
pub const CRITICAL_HIGH: Decimal = Decimal::new(167, 1);
/// mmol/L, from here downwards.
pub const CRITICAL_LOW: Decimal = Decimal::new(39, 1);
/// mmol/L: below it, hypoglycaemia of level 2.
pub const LEVEL_2: Decimal = Decimal::new(30, 1);
/// mmHg.
const CRITICAL_SYSTOLIC: Decimal = Decimal::whole(180);
/// mmHg.
const CRITICAL_DIASTOLIC: Decimal = Decimal::whole(110);
/// Minutes after which a low glucose is measured again.
const RECHECK_MINUTES: i64 = 15;
/// China has one time zone, UTC+8, all year round.
const BEIJING_OFFSET: i64 = DAY / 3;

impl Step<'_> {
    pub(super) fn judge_glucose(&mut self, glucose: &Glucose) {
        let low = glucose.is_below(CRITICAL_LOW);
        if self.memory.recheck && !low {
            self.memory.recheck = false;
            self.cancel(visit::RECHECK);
        }
        if !glucose.is_below(CRITICAL_HIGH) {
            self.critical(
                "GLUCOSE_CRITICAL_HIGH",
                zh_en(
                    format!("血糖 {},≥16.7 mmol/L,须紧急转诊。", glucose.shown),
                    format!("Glucose {}: 16.7 mmol/L or more. Urgent referral.", glucose.shown),
                ),
                sources::public_health(),
            );
            self.stop_for_glucose(&format!("血糖 {}", glucose.shown), &format!("Glucose {}", glucose.shown));
        } else if low || glucose.is_exactly(CRITICAL_LOW) {
            if low {
                self.hypoglycaemia(glucose);
            }
            let shown = &glucose.shown;
            self.critical_low(&format!("血糖 {shown},≤3.9 mmol/L"), &format!("Glucose {shown}: 3.9 mmol/L or less"));
        }
    }

    pub(super) fn judge_pressure(&mut self, pressure: &Pressure) {
        if !pressure.reaches(CRITICAL_SYSTOLIC, CRITICAL_DIASTOLIC) {
            return;
        }
        let shown = pressure.shown();
        self.critical(
            "BLOOD_PRESSURE_CRITICAL",
            zh_en(
                format!("血压 {shown},收缩压≥180和/或舒张压≥110 mmHg,须紧急转诊。"),
                format!("Blood pressure {shown}: 180 systolic or 110 diastolic, or more. Urgent referral."),
            ),
            sources::public_health(),
        );
        self.hold(
            Hold::Pressure,
            zh_en("血压达危急值,须先线下处置。", "Blood pressure at a critical value: face-to-face care first."),
        );
        self.send_offline(&format!("血压 {shown}"), &format!("Blood pressure {shown}"));
    }

    /// Level 3: another person had to help, whatever the value.
    pub(super) fn needed_help(&mut self) {
        self.memory.severe_hypoglycaemia = true;
        self.critical(
            "HYPOGLYCAEMIA_LEVEL_3",
            zh_en("严重低血糖:需要他人帮助。", "Severe hypoglycaemia: needed somebody's help."),
            sources::glycaemic_goals(),
        );
        self.directives.push(Directive::Refer(Referral {
            destination: Destination::Emergency,
            reason: zh_en("严重低血糖,呼叫120。", "Severe hypoglycaemia; call 120."),
            recontact_days: Some(super::RECONTACT_DAYS),
            citation: sources::glycaemic_goals(),
        }));
        self.tell(
            "seek-emergency-care",
            zh_en("如仍感不适,请立即拨打120。", "If you still feel unwell, call 120 now."),
        );
        self.critical_low("需要他人帮助的低血糖", "Hypoglycaemia that needed help");
    }

    /// Levels 1 and 2.
    fn hypoglycaemia(&mut self, glucose: &Glucose) {
        if glucose.is_below(LEVEL_2) {
            self.critical(
                "HYPOGLYCAEMIA_LEVEL_2",
                zh_en(
                    format!("血糖 {},<3.0 mmol/L,2级低血糖。", glucose.shown),
                    format!("Glucose {}: below 3.0 mmol/L, hypoglycaemia of level 2.", glucose.shown),
                ),
                sources::glycaemic_goals(),
            );
        } else {
            let sla_minutes = self.minutes_left_today();
            self.alert(Alert {
                code: "HYPOGLYCAEMIA_LEVEL_1".to_owned(),
                severity: Severity::Warning,
                message: zh_en(
                    format!("血糖 {},1级低血糖,请当日联系。", glucose.shown),
                    format!("Glucose {}: hypoglycaemia of level 1. Contact the patient today.", glucose.shown),
                ),
                owner: Role::Nurse,
                sla_minutes,
                citation: sources::glycaemic_goals(),
            });
        }
        self.memory.recheck = true;
        self.tell(
            "measure-again",
            zh_en(
                "请按医生交代的方法处理,15分钟后再测一次并记录。",
                "Please do as your doctor explained, measure again in 15 minutes and record it.",
            ),
        );
        self.recheck_at(plus_minutes(self.now, RECHECK_MINUTES));
    }

    /// The alert of the national standard, raised for every low glucose.
    fn critical_low(&mut self, zh: &str, en: &str) {
        self.critical(
            "GLUCOSE_CRITICAL_LOW",
            zh_en(format!("{zh},须紧急转诊。"), format!("{en}. Urgent referral.")),
            sources::public_health(),
        );
        self.stop_for_glucose(zh, en);
    }

    fn stop_for_glucose(&mut self, zh: &str, en: &str) {
        self.hold(
            Hold::Glucose,
            zh_en("血糖达危急值,须先线下处置。", "Glucose at a critical value: face-to-face care first."),
        );
        self.send_offline(zh, en);
    }

    fn send_offline(&mut self, zh: &str, en: &str) {
        self.refer_urgently(
            zh_en(format!("{zh},达到紧急转诊标准。"), format!("{en}: meets the criteria of urgent referral.")),
            sources::public_health(),
        );
        self.tell(
            "go-to-hospital",
            zh_en(
                "您最近的一次记录需要医生当面复核,请尽快到医疗机构就诊。医护人员会与您联系。",
                "A doctor should look at your latest record in person: please go to a hospital soon. \
                 Our team will contact you.",
            ),
        );
    }

    /// Minutes until midnight in Beijing, at least 60.
    fn minutes_left_today(&self) -> u32 {
        let since_midnight = self.now.saturating_add(BEIJING_OFFSET).rem_euclid(DAY);
        let left = (DAY - since_midnight) / MINUTE;
        u32::try_from(left.max(60)).unwrap_or(60)
    }
}
