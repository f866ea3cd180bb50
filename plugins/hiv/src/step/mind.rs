//! PHQ-9 and GAD-7: what their totals ask for. What the ninth item asks for is a safeguard of the questionnaire, that the host
//! carries out before this plugin is told.

use xinglin_sdk::{
    follow_up::{Role, Severity},
    types::{LocalizedText, zh_en},
};

use super::{Step, request::Visit};
use crate::{
    numbers::{DAYS_MINUTES, GAD7_REVIEW, GAD7_SEVERE, ITEM9_CONTACT, PHQ9_REVIEW, PHQ9_TODAY},
    questions::{Answers, link},
    sources::Source,
};

impl Step<'_> {
    pub(super) fn mood_answered(&mut self, answers: &Answers<'_>) {
        if answers.points(link::ITEM9).is_some_and(|points| points >= ITEM9_CONTACT.value) {
            self.refer(Visit::Crisis);
        }
        match answers.total(9) {
            Some(total) if total >= PHQ9_TODAY.value => {
                let today = (Role::Doctor, self.minutes_left_today());
                self.push_alert("PHQ9_SEVERE", Severity::Warning, scored("PHQ-9", total), today, Source::Phq9);
            }
            Some(total) if total >= PHQ9_REVIEW.value => {
                let within = (Role::Doctor, DAYS_MINUTES);
                self.alert("PHQ9_REVIEW", Severity::Warning, scored("PHQ-9", total), within, Source::Phq9);
            }
            _ => {}
        }
    }

    pub(super) fn worry_answered(&mut self, answers: &Answers<'_>) {
        let found = match answers.total(7) {
            Some(total) if total >= GAD7_SEVERE.value => ("GAD7_SEVERE", total, Role::Doctor),
            Some(total) if total >= GAD7_REVIEW.value => ("GAD7_REVIEW", total, Role::Counsellor),
            _ => return,
        };
        let (code, total, owner) = found;
        self.alert(code, Severity::Warning, scored("GAD-7", total), (owner, DAYS_MINUTES), Source::Gad7);
    }
}

fn scored(scale: &str, total: i64) -> LocalizedText {
    zh_en(format!("{scale} {total}分,请评估。"), format!("{scale} of {total}: please assess."))
}
