//! The suicide branch, and what else stops online care.

use xinglin_sdk::{
    pathway::{Destination, Role, Severity, TaskRef},
    time::{Instant, plus_days, plus_minutes},
    types::{LocalizedText, zh_en},
};

use super::{Step, hours};
use crate::{
    conditions::{BIPOLAR, PSYCHOSIS},
    definition::link,
    memory::{Alarm, Hold},
    numbers::{RECONTACT_EARLY, RECONTACT_FIRST, RECONTACT_SECOND, RECONTACT_THIRD},
    scales::{Answers, Level, Safety, code},
    sources::Source,
    tenant,
};

/// A clinician assesses safety.
pub(super) const ASSESSMENT: &str = "safety-assessment";
const RECONTACT: &str = "recontact-";
/// Somebody reaches the guardian or the emergency contact.
const KIN: &str = "contact-kin";
/// The guardian stays with the patient.
const STAY: &str = "guardian-stay";
/// Days of grace of what concerns safety: then it is an alert.
const WINDOW_DAYS: u16 = 1;
/// Minutes to take up that a recontact is due or was missed.
const RECONTACT_MINUTES: u32 = 60;

/// Whether it is a task of contacting the patient again.
pub(super) fn is_recontact(code: &str) -> bool {
    code.starts_with(RECONTACT)
}

/// Whether it is a task of reaching relatives.
pub(super) fn is_kin(code: &str) -> bool {
    code == KIN
}

impl Step<'_> {
    /// `again` is the questionnaire to ask once more if it could not be read.
    pub(super) fn judge_safety(&mut self, safety: Safety, source: Source, again: Option<&str>) {
        match safety.level {
            Level::Clear => {}
            Level::Concern => self.concern(source),
            Level::Acute => self.acute(source),
        }
        if safety.unreadable {
            self.unreadable(again);
        }
    }

    /// Whether an alert of this kind is still to be taken up: the same news again need not repeat it.
    /// Once acknowledged, or after its time, it is raised anew.
    fn stands(&self, alarm: Alarm) -> bool {
        let minutes = match alarm {
            Alarm::Acute => tenant::acute_minutes(),
            Alarm::Concern | Alarm::Unreadable => tenant::concern_minutes(),
        };
        let until = |at: Instant| plus_minutes(at, i64::from(minutes));
        self.memory.alarms.get(&alarm).is_some_and(|at| self.now < until(*at))
    }

    fn concern(&mut self, source: Source) {
        if self.stands(Alarm::Concern) || self.stands(Alarm::Acute) {
            return;
        }
        self.alarm(
            Alarm::Concern,
            zh_en(
                "患者的回答提示自杀风险,请在4小时内完成安全评估。",
                "The patient's answers point to a risk of suicide: assess safety within four hours.",
            ),
            source,
        );
        self.await_assessment();
        self.show_emergency_text();
    }

    fn acute(&mut self, source: Source) {
        if self.stands(Alarm::Acute) {
            return;
        }
        self.alarm(
            Alarm::Acute,
            zh_en(
                "急性自杀风险:请在5分钟内由人工联系患者,保持联系,不要结束问诊,并转线下急诊。",
                "Acute risk of suicide: contact the patient in person within five minutes, stay in contact, do not \
                 end the visit, and arrange emergency care.",
            ),
            source,
        );
        self.hold(
            Hold::Suicide,
            zh_en(
                "急性自杀风险:线上诊疗暂停,须由医生评估后解除。",
                "Acute risk of suicide: online care stops until a doctor has assessed it.",
            ),
        );
        self.show_emergency_text();
        self.refer(
            Destination::Emergency,
            zh_en("请在家人陪同下立即前往急诊。", "Please go to an emergency department now, with somebody you trust."),
            Some(1),
            Source::Project,
        );
        self.schedule(
            KIN,
            zh_en("联系监护人或紧急联系人", "Reach the guardian or the emergency contact"),
            Role::Nurse,
            self.now,
            WINDOW_DAYS,
        );
        if self.memory.minor {
            self.schedule(
                STAY,
                zh_en(
                    "请立即陪在孩子身边,并与医疗团队联系",
                    "Please be with your child now, and get in touch with our team",
                ),
                Role::Guardian,
                self.now,
                WINDOW_DAYS,
            );
        }
        self.await_assessment();
        for after in [RECONTACT_FIRST, RECONTACT_SECOND, RECONTACT_THIRD] {
            self.recontact_at(&format!("{RECONTACT}{}h", after.value), self.now + hours(after.value));
        }
    }

    fn unreadable(&mut self, again: Option<&str>) {
        if let Some(questionnaire) = again {
            self.ask(questionnaire);
        }
        if self.stands(Alarm::Unreadable) {
            return;
        }
        self.alarm(
            Alarm::Unreadable,
            zh_en(
                "一项安全相关的回答无法读取,请按有风险处理并联系患者。",
                "An answer about safety could not be read: treat it as a risk, and contact the patient.",
            ),
            Source::Project,
        );
        self.await_assessment();
    }

    fn alarm(&mut self, alarm: Alarm, message: LocalizedText, source: Source) {
        let (severity, minutes) = match alarm {
            Alarm::Acute => (Severity::Critical, tenant::acute_minutes()),
            Alarm::Concern | Alarm::Unreadable => (Severity::Warning, tenant::concern_minutes()),
        };
        self.memory.alarms.insert(alarm, self.now);
        self.alert(alarm.code(), severity, Role::Doctor, minutes, message, source);
    }

    fn show_emergency_text(&mut self) {
        self.tell("emergency-help", tenant::emergency_text());
    }

    // --- the assessment ----------------------------------------------------------

    /// What is awaited already is not put off.
    fn await_assessment(&mut self) {
        if !self.memory.assessment {
            self.memory.assessment = true;
            self.assess_at(plus_minutes(self.now, i64::from(tenant::concern_minutes())));
        }
    }

    fn assess_at(&mut self, due: Instant) {
        self.schedule(ASSESSMENT, zh_en("安全评估", "Assess safety"), Role::Doctor, due, WINDOW_DAYS);
    }

    pub(super) fn assessment_overdue(&mut self) {
        if self.memory.assessment {
            self.alert(
                "SAFETY_ASSESSMENT_OVERDUE",
                Severity::Critical,
                Role::Doctor,
                tenant::acute_minutes(),
                zh_en("安全评估未按时完成。", "Safety was not assessed in time."),
                Source::Project,
            );
        }
    }

    pub(super) fn assessment_missed(&mut self) {
        self.assessment_overdue();
        if self.memory.assessment {
            self.assess_at(plus_days(self.now, 1));
        }
    }

    pub(super) fn kin_missed(&mut self) {
        self.alert(
            "KIN_NOT_REACHED",
            Severity::Critical,
            Role::Doctor,
            RECONTACT_MINUTES,
            zh_en("监护人或紧急联系人尚未联系上。", "Guardian or emergency contact not reached yet."),
            Source::Project,
        );
        self.schedule(
            KIN,
            zh_en("联系监护人或紧急联系人", "Reach the guardian or the emergency contact"),
            Role::Nurse,
            plus_days(self.now, 1),
            WINDOW_DAYS,
        );
    }

    // --- contact again -----------------------------------------------------------

    fn recontact_at(&mut self, code: &str, due: Instant) {
        self.memory.recontacts.insert(code.to_owned());
        self.schedule(
            code,
            zh_en("再次联系患者并评估安全", "Contact the patient again and assess safety"),
            Role::Doctor,
            due,
            WINDOW_DAYS,
        );
    }

    pub(super) fn recontact_due(&mut self, code: &str) {
        if !self.memory.recontacts.contains(code) {
            return;
        }
        self.alert(
            "RECONTACT_DUE",
            Severity::Warning,
            Role::Doctor,
            RECONTACT_MINUTES,
            zh_en("到了再次联系患者的时间。", "It is time to contact the patient again."),
            Source::Project,
        );
        self.ask(code::ASQ);
    }

    /// Long before its time it was another contact: this one stays.
    pub(super) fn recontact_done(&mut self, task: &TaskRef) {
        if !self.memory.recontacts.contains(&task.code) {
            return;
        }
        if self.now + hours(RECONTACT_EARLY.value) < task.due {
            self.recontact_at(&task.code, task.due);
        } else {
            self.memory.recontacts.remove(&task.code);
        }
    }

    pub(super) fn recontact_missed(&mut self, code: &str) {
        if !self.memory.recontacts.contains(code) {
            return;
        }
        self.alert(
            "RECONTACT_MISSED",
            Severity::Critical,
            Role::Doctor,
            RECONTACT_MINUTES,
            zh_en("未按时再次联系患者。", "The patient was not contacted again in time."),
            Source::Project,
        );
        self.recontact_at(code, plus_days(self.now, 1));
    }

    // --- psychosis, mania --------------------------------------------------------

    pub(super) fn signs_answered(&mut self, answers: &Answers<'_>) {
        let mut unreadable = false;
        for (link, hold) in [(link::PSYCHOSIS, Hold::Psychosis), (link::MANIA, Hold::Mania)] {
            match answers.yes(link) {
                Some(true) => self.send_offline(hold),
                Some(false) => {}
                None => unreadable = true,
            }
        }
        if unreadable {
            self.unreadable(Some(code::SIGNS));
        }
    }

    /// A diagnosis that is made during the follow-up stops it once.
    pub(super) fn look_at_diagnoses(&mut self) {
        for (group, hold) in [(&PSYCHOSIS, Hold::Psychosis), (&BIPOLAR, Hold::Mania)] {
            if group.is_active(self.snapshot) && self.memory.known.insert(hold) {
                self.send_offline(hold);
            }
        }
        self.look_at_sleep();
    }

    fn send_offline(&mut self, hold: Hold) {
        let (alert, zh, en) = match hold {
            Hold::Mania => ("MANIA_SIGNS", "躁狂", "mania"),
            Hold::Psychosis | Hold::Suicide => ("PSYCHOSIS_SIGNS", "精神病性症状", "psychosis"),
        };
        let minutes = tenant::concern_minutes();
        self.alert(
            alert,
            Severity::Critical,
            Role::Doctor,
            minutes,
            zh_en(format!("提示{zh},请转线下诊治。"), format!("Signs of {en}: face-to-face care.")),
            Source::Project,
        );
        if self.memory.holds.contains(&hold) {
            return;
        }
        self.hold(hold, zh_en(format!("提示{zh},须先线下处置。"), format!("Signs of {en}: face-to-face care first.")));
        self.refer(
            Destination::Offline(None),
            zh_en("医生需要当面评估您的近况。", "A doctor should see you in person."),
            Some(1),
            Source::Project,
        );
    }
}
