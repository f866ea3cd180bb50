//! Values and signs that stop online care immediately.

use xinglin_sdk::{
    follow_up::{RequestEnd, RequestReport},
    time::{Instant, plus_minutes},
    types::zh_en,
};

use super::{
    Step,
    request::{DANGER, GLUCOSE, HELP, PRESSURE},
    yearly::FOOT,
};
use crate::{
    definition::SYMPTOMS,
    measure::{Glucose, Pressure},
    memory::Hold,
    numbers::{DIASTOLIC_CRITICAL, GLUCOSE_HIGH, GLUCOSE_LOW, PRESSURE_MINUTES, SYSTOLIC_CRITICAL, decimal},
    sources::Source,
};

const HIGH: &str = "GLUCOSE_CRITICAL_HIGH";
const LOW: &str = "GLUCOSE_CRITICAL_LOW";

impl Step<'_> {
    /// Of a value that was taken then.
    pub(super) fn judge_glucose(&mut self, glucose: &Glucose, at: Instant) {
        self.judge_critical_glucose(glucose);
        self.judge_recheck(glucose, at);
    }

    /// A low one is measured again, and a later one that is not low ends that.
    pub(super) fn judge_recheck(&mut self, glucose: &Glucose, at: Instant) {
        if glucose.is_below(decimal(GLUCOSE_LOW, 1)) { self.recheck(at) } else { self.recheck_no_more(at) }
    }

    pub(super) fn judge_critical_glucose(&mut self, glucose: &Glucose) {
        if let Some(code) = self.tell_critical_glucose(glucose) {
            self.stop_for_glucose(code, GLUCOSE);
        }
    }

    /// Tells a doctor, and of hypoglycaemia by its level; the code of what is critical.
    pub(super) fn tell_critical_glucose(&mut self, glucose: &Glucose) -> Option<&'static str> {
        let (low, shown) = (decimal(GLUCOSE_LOW, 1), &glucose.shown);
        if !glucose.is_below(decimal(GLUCOSE_HIGH, 1)) {
            self.critical(
                HIGH,
                zh_en(
                    format!("血糖 {shown},≥16.7 mmol/L,须紧急转诊。"),
                    format!("Glucose {shown}: 16.7 mmol/L or more. Urgent referral."),
                ),
                Source::PrimaryCare,
            );
            return Some(HIGH);
        }
        if glucose.is_below(low) {
            self.hypoglycaemia(glucose);
        } else if !glucose.is_exactly(low) {
            return None;
        }
        self.tell_critical_low(&format!("血糖 {shown},≤3.9 mmol/L"), &format!("Glucose {shown}: 3.9 mmol/L or less"));
        Some(LOW)
    }

    /// Of values that were taken then. Where systole and diastole come one by one, the first that is critical tells of both.
    pub(super) fn judge_pressure(&mut self, pressure: &Pressure, at: Instant) {
        if !pressure.reaches(decimal(SYSTOLIC_CRITICAL, 0), decimal(DIASTOLIC_CRITICAL, 0)) {
            return;
        }
        let soon = |told: Instant| self.now <= plus_minutes(told, PRESSURE_MINUTES.value);
        if !pressure.is_whole() && self.memory.pressure.is_some_and(|(taken, told)| taken == at && soon(told)) {
            return;
        }
        self.memory.pressure = Some((at, self.now));
        let shown = pressure.shown();
        self.critical(
            "BLOOD_PRESSURE_CRITICAL",
            zh_en(
                format!("血压 {shown},收缩压≥180和/或舒张压≥110 mmHg,须紧急转诊。"),
                format!("Blood pressure {shown}: 180 systolic or 110 diastolic, or more. Urgent referral."),
            ),
            Source::PrimaryCare,
        );
        let reason =
            zh_en("血压达危急值,须先线下处置。", "Blood pressure at a critical value: face-to-face care first.");
        self.stop("BLOOD_PRESSURE_CRITICAL", Hold::Pressure, (reason, Source::PrimaryCare));
        self.send_offline(PRESSURE);
    }

    /// What the patient feels: of the danger signs of the national standard each is one.
    pub(super) fn judge_symptoms(&mut self, symptoms: &[&str]) {
        let found = || SYMPTOMS.iter().filter(|(code, ..)| symptoms.contains(code));
        let join = |words: Vec<&str>, separator: &str| words.join(separator);
        let zh = join(found().map(|(_, zh, ..)| *zh).collect(), "、");
        let en = join(found().map(|(_, _, en, _)| *en).collect(), "; ");
        if found().any(|(.., danger)| *danger) {
            self.critical(
                "DANGER_SIGNS",
                zh_en(format!("危险情况:{zh},须紧急转诊。"), format!("Danger signs: {en}. Urgent referral.")),
                Source::PrimaryCare,
            );
            let reason = zh_en("出现危险情况,须先线下处置。", "Danger signs: face-to-face care first.");
            self.stop("DANGER_SIGNS", Hold::Danger, (reason, Source::PrimaryCare));
            self.send_offline(DANGER);
        } else if found().next().is_some() {
            if symptoms.contains(&"foot") && !self.is_open(FOOT.task) {
                self.request_yearly(FOOT);
            }
            self.note(zh_en(format!("患者自述:{zh}。"), format!("The patient reports: {en}.")));
        }
    }

    /// The alert of the national standard, raised for every low glucose.
    pub(super) fn critical_low(&mut self, referral: &'static str, zh: &str, en: &str) {
        self.tell_critical_low(zh, en);
        self.stop_for_glucose(LOW, referral);
    }

    fn tell_critical_low(&mut self, zh: &str, en: &str) {
        let message = zh_en(format!("{zh},须紧急转诊。"), format!("{en}. Urgent referral."));
        self.critical(LOW, message, Source::PrimaryCare);
    }

    fn stop_for_glucose(&mut self, code: &str, referral: &'static str) {
        let reason = zh_en("血糖达危急值,须先线下处置。", "Glucose at a critical value: face-to-face care first.");
        self.stop(code, Hold::Glucose, (reason, Source::PrimaryCare));
        self.send_offline(referral);
    }

    /// With the message in any case: the patient may have thought that it was over.
    fn send_offline(&mut self, referral: &'static str) {
        // An emergency department sees to the low glucose too.
        if !(referral == GLUCOSE && self.is_open(HELP)) {
            self.refer_urgently(referral);
        }
        self.ask_to_come();
    }

    pub(super) fn ask_to_come(&mut self) {
        self.tell(
            "go-to-hospital",
            zh_en(
                "您最近的一次记录需要医生当面复核,请尽快到医疗机构就诊。医护人员会与您联系。",
                "A doctor should look at your latest record in person: please go to a hospital soon. \
                 Our team will contact you.",
            ),
        );
    }

    /// Nobody has seen who was in danger: a doctor is told at once, and the patient is referred again; a doctor decides
    /// after that.
    pub(super) fn urgent_ended(&mut self, report: &RequestReport) {
        if report.end == RequestEnd::Fulfilled {
            return;
        }
        self.critical(
            "URGENT_REFERRAL_NOT_ATTENDED",
            zh_en(
                "紧急转诊未完成,请立即联系患者。",
                "An urgent referral was not attended: contact the patient at once.",
            ),
            Source::PrimaryCare,
        );
        if report.end == RequestEnd::Lapsed && self.is_asked_again(&report.code) {
            match report.code.as_str() {
                PRESSURE => self.refer_urgently(PRESSURE),
                DANGER => self.refer_urgently(DANGER),
                HELP => self.refer_to_emergency(),
                _ => self.refer_urgently(GLUCOSE),
            }
        }
    }
}
