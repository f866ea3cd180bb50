//! The plan of two (双师): the psychiatrist owns diagnosis and medicines, the therapist the sessions. Both decide it and
//! sign it, both review it; where treatment does not help, a conference of three disciplines.

use xinglin_sdk::{
    follow_up::{Directive, Participant, Role, Severity, Team},
    time::{Instant, plus_days},
    types::{LocalizedText, zh_en},
};

use super::{Step, request::discipline};
use crate::{
    numbers::{
        MDT_DAYS, MDT_DISCIPLINES, Number, PLAN_DAYS, REVIEW_DAYS, REVIEW_MINUTES, REVIEW_SESSIONS, REVIEW_WINDOW,
    },
    sources::Source,
    tenant,
};

/// A session.
pub(super) const SESSION: &str = "session";
/// The joint review, and the timer of the next one.
pub(super) const REVIEW: &str = "joint-review";
/// The plan that both sign.
pub(super) const PLAN: &str = "shared-plan";
/// The conference.
pub(super) const CONFERENCE: &str = "no-response";
/// Tasks of version 1.0 in whose place there is a decision of several now.
pub(super) const BEFORE: [&str; 7] = [
    "plan-doctor",
    "plan-therapist",
    "review-doctor",
    "review-therapist",
    "mdt-psychiatry",
    "mdt-psychotherapy",
    "mdt-pharmacy",
];
#[allow(clippy::cast_possible_truncation, reason = "a small constant")]
const DISCIPLINES: usize = MDT_DISCIPLINES.value as usize;
/// Days of grace of a session.
const SESSION_WINDOW: u16 = 3;

/// The disciplines of a conference: all. The two teachers are the first two.
fn participants() -> [Participant; DISCIPLINES] {
    let seat = |role, discipline, responsibility| Participant { role, discipline, responsibility };
    [
        seat(Role::Doctor, Some(discipline("psychiatry", "精神科")), zh_en("诊断与用药", "diagnosis and medicines")),
        seat(Role::Psychotherapist, None, zh_en("会谈", "sessions")),
        seat(Role::Pharmacist, None, zh_en("药学评估", "review of the medicines")),
    ]
}

impl Step<'_> {
    fn convene(&mut self, code: &str, question: LocalizedText, participants: &[Participant], within: Number) {
        self.put(Directive::Convene(Team {
            code: code.to_owned(),
            question,
            participants: participants.to_vec(),
            deadline: plus_days(self.now, within.value),
            citation: within.source.citation(),
        }));
    }

    fn undecided(&mut self, code: &str, message: LocalizedText) {
        let minutes = REVIEW_MINUTES.minutes();
        self.alert(code, Severity::Warning, Role::Doctor, minutes, message, Source::Project);
    }

    /// As far as it was under way in version 1.0.
    pub(super) fn take_over_plan(&mut self) {
        if self.memory.plan.signing {
            self.sign_plan();
        }
        if std::mem::take(&mut self.memory.plan.reviewing) {
            self.review_jointly();
        }
        if self.memory.plan.conferring {
            self.confer();
        }
    }

    // --- the plan ------------------------------------------------------------------

    pub(super) fn sign_plan(&mut self) {
        self.memory.plan.signing = true;
        let question = zh_en(
            "请共同制定方案并双方签署:精神科负责诊断与用药,治疗师负责会谈。",
            "Decide a plan together, and sign it: psychiatrist diagnosis and medicines, therapist the sessions.",
        );
        self.convene(PLAN, question, &participants()[..2], PLAN_DAYS);
    }

    /// By both.
    pub(super) fn signed(&mut self) {
        self.memory.plan.signing = false;
        if !self.memory.plan.in_force {
            self.memory.plan.in_force = true;
            self.schedule_session(plus_days(self.now, tenant::session_days()));
        }
        self.reviewed();
    }

    pub(super) fn plan_unsigned(&mut self) {
        let message = zh_en("共同方案尚未由双方签署。", "The shared plan is not signed by both.");
        self.undecided("PLAN_UNSIGNED", message);
        self.sign_plan();
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
        if self.memory.plan.reviewing {
            return;
        }
        self.cancel(REVIEW);
        self.review();
    }

    fn review(&mut self) {
        self.memory.plan.reviewing = true;
        let question = zh_en("联合评估:共同方案是否需要调整?", "Joint review: does the shared plan need a change?");
        self.convene(REVIEW, question, &participants()[..2], REVIEW_WINDOW);
    }

    pub(super) fn reviewed(&mut self) {
        self.memory.plan.reviewing = false;
        self.memory.plan.sessions = 0;
        self.schedule_review(plus_days(self.now, REVIEW_DAYS.value));
    }

    pub(super) fn review_missed(&mut self) {
        self.undecided("JOINT_REVIEW_MISSED", zh_en("联合评估超期未完成。", "The joint review is overdue."));
        self.review();
    }

    // --- the conference ------------------------------------------------------------

    pub(super) fn confer(&mut self) {
        self.memory.plan.conferring = true;
        let question = zh_en(
            "治疗应答不足:请精神科、心理治疗、药学共同讨论方案。",
            "No response to treatment: psychiatry, psychotherapy and pharmacy go through the plan together.",
        );
        self.convene(CONFERENCE, question, &participants(), MDT_DAYS);
    }

    pub(super) fn conferred(&mut self) {
        self.memory.plan.conferring = false;
        self.note(zh_en(
            "三方会诊意见已齐,请据此修订并重新签署共同方案。",
            "All three opinions are there: revise the shared plan, and sign it again.",
        ));
        self.sign_plan();
    }

    pub(super) fn conference_missed(&mut self) {
        self.undecided("MDT_OPINION_MISSING", zh_en("会诊意见尚缺。", "An opinion of the conference is missing."));
        self.confer();
    }
}
