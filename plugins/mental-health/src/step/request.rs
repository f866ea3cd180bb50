//! What is asked of people, and what became of it.

use xinglin_sdk::{
    follow_up::{Destination, Directive, Question, Referral, RequestEnd, Role, Severity},
    time::plus_days,
    types::{Coding, LocalizedText, zh_en},
};

use super::{DAY_MINUTES, RequestReport, Step, plan, safety};
use crate::{
    contact,
    numbers::{EMERGENCY_DAYS, REFERRAL_DAYS, REVIEW_MINUTES},
    scales::code,
    sources::Source,
};

/// Somebody of a discipline, as in a referral or a team.
pub(super) fn discipline(code: &str, zh: &str) -> Coding {
    Coding::new("urn:xinglin:discipline", code).displayed(zh)
}

impl Step<'_> {
    /// Asks the patient; asked once more at half of the time.
    pub(super) fn ask(&mut self, questionnaire: &str, within_minutes: u32) {
        self.ask_of(Role::Patient, questionnaire, within_minutes);
    }

    pub(super) fn ask_of(&mut self, respondent: Role, questionnaire: &str, within_minutes: u32) {
        let questionnaire = questionnaire.to_owned();
        self.put(Directive::Ask(Question { questionnaire, respondent, within_minutes }));
    }

    /// Asks for days.
    pub(super) fn ask_for_days(&mut self, questionnaire: &str, days: u16) {
        self.ask(questionnaire, u32::from(days).saturating_mul(DAY_MINUTES));
    }

    pub(super) fn take_back(&mut self, request: &str) {
        self.put(Directive::WithdrawRequest(request.to_owned()));
    }

    /// The reason reaches the patient, so it names no illness.
    pub(super) fn refer(
        &mut self,
        code: &str,
        destination: Destination,
        reason: LocalizedText,
        recontact_days: Option<u16>,
    ) {
        let days = match destination {
            Destination::Emergency => EMERGENCY_DAYS,
            Destination::Offline(_) => REFERRAL_DAYS,
        };
        self.put(Directive::Refer(Referral {
            code: code.to_owned(),
            destination,
            reason,
            attend_by: plus_days(self.now, days.value),
            recontact_days,
            citation: Source::Project.citation(),
        }));
    }

    pub(super) fn request_ended(&mut self, RequestReport { code, end, .. }: &RequestReport) {
        let fulfilled = *end == RequestEnd::Fulfilled;
        match code.as_str() {
            contact::CODE => self.contact_ended(fulfilled),
            plan::PLAN if fulfilled => self.signed(),
            plan::PLAN => self.plan_unsigned(),
            plan::REVIEW if fulfilled => self.reviewed(),
            plan::REVIEW => self.review_missed(),
            plan::CONFERENCE if fulfilled => self.conferred(),
            plan::CONFERENCE => self.conference_missed(),
            code if safety::is_referral(code) && !fulfilled => self.not_attended(code),
            code::PHQ9 | code::GAD7 | code::SIGNS | code::ASQ if !fulfilled => self.scales_missed(),
            code::ISI | code::SLEEP_ENTRY if !fulfilled => self.not_answered(),
            _ => {}
        }
    }

    fn not_attended(&mut self, code: &str) {
        let urgent = code == safety::EMERGENCY;
        self.alert(
            "REFERRAL_LAPSED",
            if urgent { Severity::Critical } else { Severity::Warning },
            Role::Doctor,
            if urgent { safety::UNATTENDED_MINUTES } else { REVIEW_MINUTES.minutes() },
            zh_en(
                "转诊未完成:患者未按期线下就诊,请联系患者。",
                "A referral was not attended in time: please contact the patient.",
            ),
            REFERRAL_DAYS.source,
        );
    }

    pub(super) fn not_answered(&mut self) {
        self.alert(
            "SCALES_MISSED",
            Severity::Warning,
            Role::HealthManager,
            REVIEW_MINUTES.minutes(),
            zh_en("问卷超期未填写,请联系患者。", "The questionnaires were not answered: please contact the patient."),
            Source::Project,
        );
    }
}
