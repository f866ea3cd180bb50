//! The suicide branch, and what else stops online care. Who speaks with the patient, and until when, is said by the
//! safeguards of the questionnaires: the host sees to it.

use xinglin_sdk::{
    follow_up::{Acts, Destination, Directive, Hold as HoldDirective, ReleaseBy, Role, Severity},
    time::Instant,
    types::{LocalizedText, zh_en},
};

use super::{DAY_MINUTES, Step, hours, request::discipline};
use crate::{
    conditions::{BIPOLAR, PSYCHOSIS, SELF_HARM},
    contact,
    definition::link,
    memory::Hold,
    numbers::{RECONTACT_FIRST, RECONTACT_SECOND, RECONTACT_THIRD},
    scales::{Answers, Level, Safety, code},
    sources::Source,
    tenant,
};

/// Before the hours of a timer at which safety is asked about again.
const RESCREEN: &str = "asq-";
/// Before the hours of a task of version 1.0 to contact the patient again.
const RECONTACT: &str = "recontact-";
/// Tasks of version 1.0 in whose place there is a contact now.
pub(super) const BEFORE: [&str; 2] = ["safety-assessment", "contact-kin"];
/// The guardian stays with the patient.
const STAY: &str = "guardian-stay";
/// Days of grace of what concerns safety.
const WINDOW_DAYS: u16 = 1;
/// The referral to an emergency department.
pub(super) const EMERGENCY: &str = "emergency";
/// The referral to a sleep clinic.
pub(super) const SLEEP_CLINIC: &str = "sleep-clinic";
/// Minutes to take up that a patient did not reach the emergency department.
pub(super) const UNATTENDED_MINUTES: u32 = 60;

/// Whether it is a timer at which safety is asked about again.
pub(super) fn is_rescreen(code: &str) -> bool {
    code.starts_with(RESCREEN)
}

/// Whether it is a task of version 1.0 to contact the patient again.
pub(super) fn is_recontact(code: &str) -> bool {
    code.starts_with(RECONTACT)
}

/// Whether it is the code of a referral.
pub(super) fn is_referral(code: &str) -> bool {
    [EMERGENCY, SLEEP_CLINIC, Hold::Psychosis.code(), Hold::Mania.code()].contains(&code)
}

impl Step<'_> {
    /// Answers to a questionnaire, whose safeguards have acted. After any but the interview itself staff are asked for it.
    pub(super) fn judge_safety(&mut self, level: Level, questionnaire: &str) {
        match level {
            Level::Clear => return,
            // The same news again is told to who is about to speak with the patient.
            Level::Concern if self.memory.danger.is_some() => return,
            Level::Acute if self.memory.danger == Some(Level::Acute) => return,
            Level::Concern => {}
            Level::Acute => self.acute(),
        }
        self.tell("emergency-help", tenant::emergency_text());
        if questionnaire != code::CSSRS {
            self.ask_of(Role::Doctor, code::CSSRS, tenant::concern_minutes());
        }
        self.memory.danger = Some(level);
    }

    /// Item 9 of another system: the host's own list of safety items has asked for the contact. What cannot be read
    /// may be danger.
    pub(super) fn judge_foreign(&mut self, safety: Safety) {
        let level = if safety.unreadable { safety.level.max(Level::Concern) } else { safety.level };
        self.judge_safety(level, code::PHQ9);
    }

    fn acute(&mut self) {
        self.hold(
            Hold::Suicide,
            zh_en(
                "急性自杀风险:线上诊疗暂停,须由医生评估后解除。",
                "Acute risk of suicide: online care stops until a doctor has assessed it.",
            ),
        );
        self.refer(
            EMERGENCY,
            Destination::Emergency,
            zh_en("请在家人陪同下立即前往急诊。", "Please go to an emergency department now, with somebody you trust."),
            Some(1),
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
    }

    /// Somebody has spoken with the patient, unless it was a mistake. The host contacts who was in acute danger again, and
    /// the pathway asks again.
    pub(super) fn contact_ended(&mut self, spoken: bool) {
        let danger = self.memory.danger.take();
        if !spoken {
            return self.take_back(code::CSSRS);
        }
        if danger == Some(Level::Acute) {
            for after in [RECONTACT_FIRST, RECONTACT_SECOND, RECONTACT_THIRD] {
                self.rescreen_at(&format!("{RESCREEN}{}h", after.value), self.now + hours(after.value));
            }
        }
    }

    fn rescreen_at(&mut self, code: &str, due: Instant) {
        self.memory.rescreens.insert(code.to_owned());
        self.schedule(code, zh_en("再次询问安全状况", "Ask about safety again"), Role::Doctor, due, 0);
    }

    pub(super) fn rescreen(&mut self, code: &str) {
        if self.memory.rescreens.remove(code) {
            self.ask(code::ASQ, DAY_MINUTES);
        }
    }

    /// Before its time it stays.
    pub(super) fn rescreen_ticked(&mut self, code: &str, due: Instant) {
        if self.memory.rescreens.contains(code) && self.now < due {
            self.rescreen_at(code, due);
        }
    }

    /// The time of a task of version 1.0 has come, or nobody did it.
    pub(super) fn recontact(&mut self, code: &str) {
        if self.memory.recontacts.remove(code) {
            self.put(Directive::Contact(contact::contact(Level::Concern)));
            self.cancel(code);
            self.ask(code::ASQ, DAY_MINUTES);
            self.memory.danger = self.memory.danger.max(Some(Level::Concern));
        }
    }

    fn hold(&mut self, hold: Hold, reason: LocalizedText) {
        if self.memory.holds.insert(hold) {
            self.put(Directive::Hold(HoldDirective {
                code: hold.code().to_owned(),
                stops: Acts::PRESCRIBE | Acts::APPROVE | Acts::CHARGE | Acts::DISPENSE,
                medicines: Vec::new(),
                reason,
                release: ReleaseBy::Doctor,
                citation: Source::Project.citation(),
            }));
        }
    }

    // --- psychosis, mania --------------------------------------------------------

    pub(super) fn signs_answered(&mut self, answers: &Answers<'_>) {
        for (link, hold) in [(link::PSYCHOSIS, Hold::Psychosis), (link::MANIA, Hold::Mania)] {
            if answers.yes(link) == Some(true) {
                self.send_offline(hold);
            }
        }
    }

    /// A diagnosis that is made during the follow-up stops it once. Self-harm is acute danger, as an acute answer.
    pub(super) fn look_at_diagnoses(&mut self) {
        if SELF_HARM.is_active(self.snapshot) && self.memory.known.insert(Hold::Suicide) {
            // No safeguard reads a diagnosis.
            if self.memory.danger != Some(Level::Acute) {
                self.put(Directive::Contact(contact::contact(Level::Acute)));
            }
            self.judge_safety(Level::Acute, code::PHQ9);
        }
        for (group, hold) in [(&PSYCHOSIS, Hold::Psychosis), (&BIPOLAR, Hold::Mania)] {
            if group.is_active(self.snapshot) && self.memory.known.insert(hold) {
                self.send_offline(hold);
            }
        }
        self.look_at_sleep();
    }

    fn send_offline(&mut self, hold: Hold) {
        let (code, zh, en) = match hold {
            Hold::Mania => ("MANIA_SIGNS", "躁狂", "mania"),
            Hold::Psychosis | Hold::Suicide => ("PSYCHOSIS_SIGNS", "精神病性症状", "psychosis"),
        };
        let minutes = tenant::concern_minutes();
        self.alert(
            code,
            Severity::Critical,
            Role::Doctor,
            minutes,
            zh_en(format!("提示{zh},请转线下诊治。"), format!("Signs of {en}: face-to-face care.")),
            Source::Project,
        );
        if self.memory.holds.contains(&hold) {
            return;
        }
        let reason = zh_en(format!("提示{zh},须先线下处置。"), format!("Signs of {en}: face-to-face care first."));
        self.stop_visit(code, reason.clone(), Source::Project);
        self.hold(hold, reason);
        self.refer(
            hold.code(),
            Destination::Offline(Some(discipline("psychiatry", "精神科"))),
            zh_en("医生需要当面评估您的近况。", "A doctor should see you in person."),
            Some(1),
        );
    }
}
