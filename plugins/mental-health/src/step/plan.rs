//! The plan of two (双师): the psychiatrist owns diagnosis and medicines, the therapist the sessions.
//! Both sign it, both review it.

use xinglin_sdk::{
    pathway::{Role, Severity},
    time::{Instant, plus_days},
    types::{LocalizedText, zh_en},
};

use super::Step;
use crate::{
    numbers::{MDT_DAYS, MDT_DISCIPLINES, PLAN_DAYS, REVIEW_DAYS, REVIEW_MINUTES, REVIEW_SESSIONS, REVIEW_WINDOW},
    sources::Source,
    tenant,
};

/// A session.
pub(super) const SESSION: &str = "session";
/// Timer of the next joint review.
pub(super) const REVIEW: &str = "joint-review";
const SIGN_DOCTOR: &str = "plan-doctor";
const SIGN_THERAPIST: &str = "plan-therapist";
const REVIEW_DOCTOR: &str = "review-doctor";
const REVIEW_THERAPIST: &str = "review-therapist";
#[allow(clippy::cast_possible_truncation, reason = "a small constant")]
const DISCIPLINES: usize = MDT_DISCIPLINES.value as usize;
/// Days of grace of a session.
const SESSION_WINDOW: u16 = 3;

/// The disciplines of a conference, each with who gives its opinion.
pub(super) fn opinions() -> [(&'static str, Role, LocalizedText); DISCIPLINES] {
    [
        ("mdt-psychiatry", Role::Doctor, zh_en("会诊意见:精神科", "Opinion of psychiatry")),
        ("mdt-psychotherapy", Role::Psychotherapist, zh_en("会诊意见:心理治疗", "Opinion of psychotherapy")),
        ("mdt-pharmacy", Role::Pharmacist, zh_en("会诊意见:药学", "Opinion of pharmacy")),
    ]
}

fn signers() -> [(&'static str, Role, LocalizedText); 2] {
    [
        (
            SIGN_DOCTOR,
            Role::Doctor,
            zh_en("签署共同方案(诊断与用药)", "Sign the shared plan (diagnosis and medicines)"),
        ),
        (SIGN_THERAPIST, Role::Psychotherapist, zh_en("签署共同方案(会谈)", "Sign the shared plan (sessions)")),
    ]
}

fn reviewers() -> [(&'static str, Role, LocalizedText); 2] {
    [
        (REVIEW_DOCTOR, Role::Doctor, zh_en("联合评估(精神科)", "Joint review (psychiatrist)")),
        (REVIEW_THERAPIST, Role::Psychotherapist, zh_en("联合评估(治疗师)", "Joint review (therapist)")),
    ]
}

impl Step<'_> {
    pub(super) fn start_plan(&mut self) {
        for (code, owner, title) in signers() {
            self.memory.plan.unsigned.insert(code.to_owned());
            // It can be signed at once; after so many days it is missed.
            self.schedule(code, title, owner, self.now, PLAN_DAYS.days());
        }
    }

    /// A task of the plan, the review or a conference was done.
    pub(super) fn plan_done(&mut self, code: &str) {
        if self.memory.plan.unsigned.remove(code) && self.memory.plan.unsigned.is_empty() {
            self.sign();
        } else if self.memory.plan.reviewing.remove(code) && self.memory.plan.reviewing.is_empty() {
            self.reviewed();
        } else if self.memory.plan.opinions.remove(code) && self.memory.plan.opinions.is_empty() {
            self.note(zh_en(
                "三方会诊意见已齐,请据此修订并重新签署共同方案。",
                "All three opinions are there: revise the shared plan, and sign it again.",
            ));
            self.start_plan();
        }
    }

    /// Both have signed.
    fn sign(&mut self) {
        if !self.memory.plan.in_force {
            self.memory.plan.in_force = true;
            self.schedule_session(plus_days(self.now, tenant::session_days()));
        }
        self.reviewed();
    }

    fn reviewed(&mut self) {
        self.memory.plan.sessions = 0;
        self.schedule_review(plus_days(self.now, REVIEW_DAYS.value));
    }

    pub(super) fn plan_missed(&mut self, code: &str) {
        let plan = &self.memory.plan;
        if plan.unsigned.contains(code) {
            self.remind(
                code,
                &signers(),
                "PLAN_UNSIGNED",
                ("共同方案尚未由双方签署。", "The shared plan is not signed by both."),
                PLAN_DAYS.days(),
            );
        } else if plan.reviewing.contains(code) {
            self.remind(
                code,
                &reviewers(),
                "JOINT_REVIEW_MISSED",
                ("联合评估超期未完成。", "The joint review is overdue."),
                REVIEW_WINDOW.days(),
            );
        } else if plan.opinions.contains(code) {
            self.remind(
                code,
                &opinions(),
                "MDT_OPINION_MISSING",
                ("会诊意见尚缺。", "An opinion of the conference is missing."),
                MDT_DAYS.days(),
            );
        }
    }

    /// An alert to who owes it, and the task again.
    fn remind(
        &mut self,
        code: &str,
        tasks: &[(&'static str, Role, LocalizedText)],
        alert: &str,
        said: (&str, &str),
        window: u16,
    ) {
        let Some((_, owner, title)) = tasks.iter().find(|(known, ..)| *known == code) else { return };
        let message = zh_en(said.0, said.1);
        self.alert(alert, Severity::Warning, *owner, REVIEW_MINUTES.minutes(), message, Source::Project);
        self.schedule(code, title.clone(), *owner, self.now, window);
    }

    pub(super) fn await_opinion(&mut self, code: &str, owner: Role, title: LocalizedText) {
        self.memory.plan.opinions.insert(code.to_owned());
        self.schedule(code, title, owner, self.now, MDT_DAYS.days());
    }

    // --- sessions ------------------------------------------------------------------

    /// The sleep programme has sessions of its own.
    fn schedule_session(&mut self, due: Instant) {
        if self.memory.mood {
            self.schedule(SESSION, zh_en("会谈", "Session"), Role::Psychotherapist, due, SESSION_WINDOW);
        }
    }

    pub(super) fn session_done(&mut self) {
        self.session_held();
        self.schedule_session(plus_days(self.now, tenant::session_days()));
    }

    /// Of whatever kind.
    pub(super) fn session_held(&mut self) {
        self.memory.plan.sessions += 1;
        if self.memory.plan.sessions >= REVIEW_SESSIONS.value {
            self.review_jointly();
        }
    }

    pub(super) fn session_missed(&mut self) {
        self.alert(
            "SESSION_MISSED",
            Severity::Warning,
            Role::Psychotherapist,
            REVIEW_MINUTES.minutes(),
            zh_en("会谈未按计划进行,请联系患者。", "A session did not take place: please contact the patient."),
            Source::Project,
        );
        self.schedule_session(plus_days(self.now, tenant::session_days()));
    }

    // --- joint review --------------------------------------------------------------

    pub(super) fn schedule_review(&mut self, due: Instant) {
        self.schedule(REVIEW, zh_en("安排联合评估", "Arrange the joint review"), Role::HealthManager, due, 0);
    }

    /// Now, unless one is under way.
    pub(super) fn review_jointly(&mut self) {
        if !self.memory.plan.reviewing.is_empty() {
            return;
        }
        self.cancel(REVIEW);
        for (code, owner, title) in reviewers() {
            self.memory.plan.reviewing.insert(code.to_owned());
            self.schedule(code, title, owner, self.now, REVIEW_WINDOW.days());
        }
    }
}
