//! What is asked for, each by its code, and followed to its end.

use xinglin_sdk::{
    follow_up::{Destination, Directive, LabRequest, Question, Referral, Role},
    time::{Instant, plus_days, plus_minutes},
    types::{Coding, LocalizedText, zh_en},
};

use super::Step;
use crate::{
    numbers::{Number, RECONTACT_DAYS, URGENT_DAYS},
    sources::Source,
};

/// Urgent: a critical glucose.
pub const GLUCOSE: &str = "critical-glucose";
/// Urgent: a critical blood pressure.
pub const PRESSURE: &str = "critical-blood-pressure";
/// Urgent: a danger sign.
pub const DANGER: &str = "danger-signs";
/// Urgent: hypoglycaemia that needed help.
pub const HELP: &str = "severe-hypoglycaemia";
/// A diagnosis that is seen to face to face.
pub const DIAGNOSIS: &str = "diagnosis";
/// Off target at several follow-ups.
pub const OFF_TARGET: &str = "off-target";
/// Another regimen is needed.
pub const REGIMEN: &str = "regimen";
/// Kidneys.
pub const NEPHROLOGY: &str = "nephrology";
/// Findings of a retina.
pub const EYES: &str = "ophthalmology";
/// Findings of the feet.
pub const FEET: &str = "foot-care";

/// Those that are urgent.
pub const URGENT: [&str; 4] = [GLUCOSE, PRESSURE, DANGER, HELP];

/// A referral.
pub(super) struct Asked {
    pub code: &'static str,
    pub destination: Destination,
    pub reason: LocalizedText,
    /// Seen within.
    pub within: Number,
    pub source: Source,
}

impl Asked {
    /// To a consulting room of any kind. The patient reads the reason, so it names no disease and no value: those are in what
    /// the care team is told.
    pub(super) const fn offline(code: &'static str, reason: LocalizedText, within: Number, source: Source) -> Self {
        Self { code, destination: Destination::Offline(None), reason, within, source }
    }

    /// To a department, by its code.
    pub(super) fn to(mut self, department: &str, display: &str) -> Self {
        let department = Coding::new("urn:xinglin:discipline", department).displayed(display);
        self.destination = Destination::Offline(Some(department));
        self
    }
}

/// Why a patient is referred, in words that anybody may read.
pub(super) fn in_person() -> LocalizedText {
    zh_en("医生需要当面评估您的近况。", "A doctor should see you in person.")
}

/// The same, at once.
pub(super) fn in_person_soon() -> LocalizedText {
    zh_en("医生需要尽快当面评估您的近况。", "A doctor should see you in person soon.")
}

impl Step<'_> {
    /// Whether it is asked for, and its time is not over.
    pub(super) fn is_open(&self, code: &str) -> bool {
        self.memory.open.get(code).is_some_and(|until| self.now < *until)
    }

    /// Refers the patient, unless that is open and no later, and has them contacted again.
    pub(super) fn refer(&mut self, asked: Asked) {
        let by = plus_days(self.now, asked.within.value);
        if !self.is_open(asked.code) || self.memory.open.get(asked.code).is_some_and(|until| by < *until) {
            self.send(asked, Some(RECONTACT_DAYS.days()));
        }
    }

    /// The same for an examination: its end is reported, nobody calls besides.
    pub(super) fn examine(&mut self, asked: Asked) {
        self.send(asked, None);
    }

    fn send(&mut self, asked: Asked, recontact_days: Option<u16>) {
        let Asked { code, destination, reason, within, source } = asked;
        let attend_by = plus_days(self.now, within.value);
        // Of a referral of an older version nobody reports the end: it is followed as long as it was then.
        self.memory.open.insert(code.to_owned(), attend_by);
        // Once in a step, the last is meant.
        self.directives.retain(|one| !matches!(one, Directive::Refer(known) if known.code == code));
        self.directives.push(Directive::Refer(Referral {
            code: code.to_owned(),
            destination,
            reason,
            attend_by,
            recontact_days,
            citation: source.citation(),
        }));
    }

    pub(super) fn refer_urgently(&mut self, code: &'static str) {
        self.refer(Asked::offline(code, in_person_soon(), URGENT_DAYS, Source::PrimaryCare));
    }

    /// Asks a doctor for tests; if that is open, it has the new time.
    pub(super) fn request(
        &mut self,
        code: &str,
        tests: &[&str],
        reason: LocalizedText,
        (by, source): (Instant, Source),
    ) {
        self.memory.open.insert(code.to_owned(), by);
        self.directives.push(Directive::RequestLab(LabRequest {
            code: code.to_owned(),
            tests: tests.iter().map(|code| Coding::loinc(*code)).collect(),
            by,
            reason,
            citation: source.citation(),
        }));
    }

    pub(super) fn withdraw(&mut self, code: &str) {
        if self.memory.open.remove(code).is_some() {
            self.directives.push(Directive::WithdrawRequest(code.to_owned()));
        }
    }

    /// Asks the patient.
    pub(super) fn ask(&mut self, questionnaire: &str, within_minutes: u32) {
        self.memory.open.insert(questionnaire.to_owned(), plus_minutes(self.now, i64::from(within_minutes)));
        self.directives.push(Directive::Ask(Question {
            questionnaire: questionnaire.to_owned(),
            respondent: Role::Patient,
            within_minutes,
        }));
    }
}
