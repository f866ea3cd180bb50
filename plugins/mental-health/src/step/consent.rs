//! Minors: nothing begins without the guardian, except that danger is always met.

use xinglin_sdk::{
    follow_up::{Role, Severity},
    types::zh_en,
};

use super::Step;
use crate::{
    numbers::{CONSENT_DAYS, REVIEW_MINUTES},
    sources::Source,
};

/// The guardian consents to the follow-up.
pub(super) const GUARDIAN: &str = "guardian-consent";
/// The guardian consents to the school's knowing of it.
pub(super) const SCHOOL: &str = "school-consent";
const SCHOOL_STATUS: &str = "school-status";
/// Days for the consent that nobody is reminded of.
const SCHOOL_DAYS: u16 = 30;

impl Step<'_> {
    pub(super) fn ask_guardian(&mut self) {
        let title = zh_en("随访知情同意(监护人)", "Consent to the follow-up (guardian)");
        self.schedule(GUARDIAN, title, Role::Guardian, self.now, CONSENT_DAYS.days());
    }

    pub(super) fn remind_guardian(&mut self) {
        self.tell(
            "guardian-consent-due",
            zh_en("请您的监护人完成知情同意。", "Please ask your guardian to give their consent."),
        );
    }

    pub(super) fn guardian_consents(&mut self) {
        if self.memory.started.is_some() {
            return;
        }
        self.start();
        let title = zh_en("是否同意告知学校(仅随访状态)", "Consent to telling the school (the status only)");
        self.schedule(SCHOOL, title, Role::Guardian, self.now, SCHOOL_DAYS);
    }

    /// Who has come of age in the meantime needs nobody's consent.
    pub(super) fn consent_missed(&mut self) {
        if self.memory.started.is_some() {
            return;
        }
        if !self.is_minor() {
            return self.start();
        }
        self.alert(
            "GUARDIAN_CONSENT_MISSING",
            Severity::Warning,
            Role::Assistant,
            REVIEW_MINUTES.minutes(),
            zh_en("监护人尚未同意,随访未开始。", "The guardian has not consented: the follow-up has not begun."),
            Source::CivilCode,
        );
        self.ask_guardian();
    }

    /// A person tells the school, and only this.
    pub(super) fn school_consented(&mut self) {
        if self.memory.started.is_none() || self.memory.school {
            return;
        }
        self.memory.school = true;
        self.schedule(
            SCHOOL_STATUS,
            zh_en(
                "可告知学校:仅“在随访中”,不含诊断、量表和会谈内容",
                "The school may be told “in follow-up”, and neither diagnosis nor scores nor sessions",
            ),
            Role::HealthManager,
            self.now,
            CONSENT_DAYS.days(),
        );
    }
}
