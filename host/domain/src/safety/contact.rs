//! The contact with a patient in danger, from the first finding to its end.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Danger;
use crate::{
    access::{Action, Actor, can},
    coding::{Citation, Coding, LocalizedText},
    enrolment::CareError,
    id::{AccountId, AlertId, ContactId, EnrolmentId, PatientId},
    pathway::{Alert, Contact, RequestEnd, RequestReport, Role},
    review::Severity,
    time::Instant,
};

/// Code of the contact, and of its alert.
pub const SUICIDE_RISK: &str = "SUICIDE_RISK";

/// Hours after the end of a contact for which a patient who was in acute danger is contacted again: a day, three, a
/// week.
const AGAIN_HOURS: [u16; 3] = [24, 72, 168];
/// For how many minutes an attempt keeps the alert from climbing: while the danger is to be assessed, …
const ATTEMPT_MINUTES: i64 = 30;
/// … and while it is acute.
const ACUTE_ATTEMPT_MINUTES: i64 = 5;
/// How many attempts in a row do so, before the alert climbs all the same.
const ATTEMPTS_IN_A_ROW: usize = 2;
/// Most attempts that are kept with a contact.
const MAX_ATTEMPTS: usize = 200;
/// Most findings that are kept with a contact: the first ones, and the last.
const MAX_FINDINGS: usize = 100;
/// Most contacts asked for by pathways that are kept with a contact.
const MAX_ASKED: usize = 20;
/// Of how many of them its alert gives the reason.
const MAX_REASONS: usize = 3;

/// What somebody of the care team heard or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// Who.
    pub by: AccountId,
    /// What, in their words.
    pub note: String,
}

/// What says that the patient is in danger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Its number within the contact, from 1.
    pub number: u32,
    /// How great the danger is.
    pub danger: Danger,
    /// Minutes for the contact, if not those of the danger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// What it was found in: `Observation/…/_history/…`, `QuestionnaireResponse/…/_history/…`, `enr-…/questionnaire`,
    /// `enc-…` of a visit that was stopped, `acc-…` of who reported it.
    pub found_in: String,
    /// When.
    pub at: Instant,
    /// What was heard, of a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Heard>,
    /// Whether the record said that the patient had died: who answers is alive, and the record is to be corrected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub against_death: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Finding {
    /// A finding that is in no contact yet.
    pub const fn new(danger: Danger, found_in: String, at: Instant) -> Self {
        Self { number: 1, danger, minutes: None, found_in, at, heard: None, against_death: false }
    }

    fn minutes(&self) -> u32 {
        self.minutes.unwrap_or(self.danger.minutes())
    }
}

/// An attempt to reach the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Who.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// What happened.
    pub note: String,
}

/// How a contact ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A clinician spoke with the patient, and found no acute danger.
    Safe,
    /// The patient is with an emergency department, 120 or the family.
    HandedOver,
    /// The answer was entered by mistake, or is not the patient's.
    Mistaken,
    /// The record says that the patient has died; the host ends the contact.
    Died,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::HandedOver => "handed_over",
            Self::Mistaken => "mistaken",
            Self::Died => "died",
        }
    }

    /// Whether a person spoke with the patient, or is with them.
    const fn is_spoken(self) -> bool {
        matches!(self, Self::Safe | Self::HandedOver)
    }
}

/// The end of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Who recorded it; the host, if nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
    /// When.
    pub at: Instant,
    /// How.
    pub outcome: Outcome,
    /// What was said and done.
    pub note: String,
}

/// What is to be done when it is time to contact a patient again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Somebody is about to speak with them: look again when that has ended.
    Wait,
    /// Nothing: it was a mistake, they have died, or somebody has spoken with them since it was time.
    Never,
    /// Contact them.
    Now,
}

/// A contact that a pathway asked for: by a directive, or by a safeguard of a questionnaire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedContact {
    /// Whose pathway asked.
    pub enrolment: EnrolmentId,
    /// What it asked for.
    pub contact: Contact,
}

impl AskedContact {
    /// It is asked for again.
    fn join(&mut self, other: Contact) {
        let known = &mut self.contact;
        if other.within_minutes < known.within_minutes {
            (known.reason, known.citation) = (other.reason, other.citation);
            known.within_minutes = other.within_minutes;
        }
        known.locks_visit |= other.locks_visit;
        known.inform_kin |= other.inform_kin;
        let hours: BTreeSet<u16> = known.recontact_hours.iter().copied().chain(other.recontact_hours).collect();
        known.recontact_hours = hours.into_iter().collect();
        for line in other.helplines {
            if !known.helplines.contains(&line) {
                known.helplines.push(line);
            }
        }
        for role in other.escalation {
            if !known.escalation.contains(&role) {
                known.escalation.push(role);
            }
        }
    }

    /// A contact that locks the visit is one for acute danger.
    pub const fn danger(&self) -> Danger {
        if self.contact.locks_visit { Danger::Acute } else { Danger::Assess }
    }
}

/// Somebody must speak with the patient in person, until a clinician records how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SafetyContact {
    /// Generated by the caller.
    pub id: ContactId,
    /// Its alert, generated by the caller.
    pub alert: AlertId,
    /// The patient.
    pub patient: PatientId,
    /// Code that a pathway gave it; [`SUICIDE_RISK`], if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// What pathways asked for, each code of a pathway once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedContact>,
    /// How great the danger is: the greatest of the findings.
    pub danger: Danger,
    /// What that was found in.
    pub found_in: String,
    /// Everything that was found while it was open, oldest first.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// When it was opened.
    pub opened: Instant,
    /// Until when the contact must take place.
    pub deadline: Instant,
    /// Minutes for it: the fewest of the findings; those of the danger, if a contact of an earlier release has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// The contact that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<ContactId>,
    /// Attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
}

impl SafetyContact {
    /// Opened because of a finding.
    pub fn open((id, alert): (ContactId, AlertId), patient: PatientId, finding: Finding) -> Self {
        let Finding { danger, at: opened, .. } = finding;
        let minutes = finding.minutes();
        let deadline = opened.plus_minutes(i64::from(minutes));
        let (named, asked, minutes) = (None, Vec::new(), Some(minutes));
        let finding = Finding { number: 1, ..finding };
        let found_in = finding.found_in.clone();
        let (again, findings, attempts, ended) = (None, vec![finding], Vec::new(), None);
        Self {
            id,
            alert,
            patient,
            named,
            asked,
            danger,
            found_in,
            findings,
            opened,
            deadline,
            minutes,
            again,
            attempts,
            ended,
        }
    }

    /// The contact that repeats this one.
    #[must_use]
    pub fn repeated(&self, ids: (ContactId, AlertId), now: Instant) -> Self {
        let finding = Finding::new(Danger::Assess, self.found_in.clone(), now);
        let again = Some(self.again.unwrap_or(self.id));
        let (named, asked) = (self.named.clone(), self.asked.clone());
        Self { again, named, asked, ..Self::open(ids, self.patient, finding) }
    }

    /// Pathways asked for it. Of the same code of a pathway the shorter time counts, and whatever either asks for.
    #[must_use]
    pub fn asked_by(mut self, asked: Vec<AskedContact>) -> Self {
        for one in asked {
            let same =
                |known: &AskedContact| known.enrolment == one.enrolment && known.contact.code == one.contact.code;
            let room = self.asked.len() < MAX_ASKED;
            let known = self.asked.iter().position(same).and_then(|place| self.asked.get_mut(place));
            match known {
                Some(known) => known.join(one.contact),
                None if room => self.asked.push(one),
                None => {}
            }
        }
        self
    }

    /// Whether a pathway asked for it by this code.
    pub fn carries(&self, asked: &AskedContact) -> bool {
        let same = |one: &AskedContact| one.enrolment == asked.enrolment && one.contact.code == asked.contact.code;
        self.again.is_none() && self.asked.iter().any(same)
    }

    /// Whether it is the one of a code, or was asked for by it.
    pub fn is_of(&self, code: &str) -> bool {
        self.code() == code || self.again.is_none() && self.asked.iter().any(|one| one.contact.code == code)
    }

    /// Minutes within which somebody must speak with the patient.
    pub fn minutes(&self) -> u32 {
        self.minutes.unwrap_or(self.danger.minutes())
    }

    /// Whether it is a matter of minutes: all who may speak with the patient are told at once.
    pub fn is_urgent(&self) -> bool {
        self.danger == Danger::Acute || self.minutes() <= Danger::Acute.minutes()
    }

    /// Whether guardian or emergency contact are to be told too.
    pub fn informs_kin(&self) -> bool {
        self.danger == Danger::Acute && self.named.is_none() || self.asked.iter().any(|one| one.contact.inform_kin)
    }

    /// What pathways are told when it has ended: how, in a code of `urn:xinglin:contact-outcome`. Of a contact that is
    /// made again, and of a patient who has died, nothing.
    pub fn reports(&self) -> impl Iterator<Item = (EnrolmentId, RequestReport)> {
        let told = self.ended.as_ref().filter(|ended| self.again.is_none() && ended.outcome != Outcome::Died);
        self.asked.iter().filter_map(move |one| {
            let Ended { at, outcome, .. } = told?;
            let end = if outcome.is_spoken() { RequestEnd::Fulfilled } else { RequestEnd::Declined };
            let outcome = vec![Coding::new("urn:xinglin:contact-outcome", outcome.as_str())];
            Some((one.enrolment, RequestReport { code: one.contact.code.clone(), end, at: *at, outcome }))
        })
    }

    /// Whether nobody has recorded how it ended.
    pub const fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether no visit of the patient may be closed, and nothing prescribed, charged or dispensed.
    pub fn locks_visits(&self) -> bool {
        self.is_open() && self.danger == Danger::Acute
    }

    /// Its code: that of a contact that is made again ends with `_RECONTACT`.
    pub fn code(&self) -> String {
        let again = if self.again.is_some() { "_RECONTACT" } else { "" };
        format!("{}{again}", self.first_code())
    }

    fn first_code(&self) -> &str {
        self.named.as_deref().unwrap_or(SUICIDE_RISK)
    }

    /// Unique while it is open: one contact of a code at a time.
    pub fn exclusive_key(&self) -> Option<String> {
        self.is_open().then(|| format!("{}/{}", self.code(), self.patient))
    }

    /// Number of the last finding; 0 of a contact of an earlier release.
    pub fn last_finding(&self) -> u32 {
        self.findings.last().map_or(0, |last| last.number)
    }

    /// Whether it rests on what was found in this.
    pub fn rests_on(&self, found_in: &str) -> bool {
        self.found_in == found_in || self.findings.iter().any(|finding| finding.found_in == found_in)
    }

    /// Something else was found while it is open: it is kept, whatever was found before. Of the dangers the greater,
    /// and of the times the shorter counts.
    #[must_use]
    pub fn found(mut self, finding: Finding) -> Self {
        let finding = Finding { number: self.last_finding().saturating_add(1), ..finding };
        self.deadline = self.deadline.min(finding.at.plus_minutes(i64::from(finding.minutes())));
        self.minutes = Some(self.minutes().min(finding.minutes()));
        if finding.danger > self.danger {
            self.danger = finding.danger;
            self.found_in.clone_from(&finding.found_in);
        }
        self.findings.push(finding);
        if self.findings.len() > MAX_FINDINGS {
            self.findings.remove(MAX_FINDINGS - 2);
        }
        self
    }

    /// When the patient is contacted again, with the hours after it ended: who was in acute danger, or as a pathway
    /// asked; and with whom a person spoke.
    pub fn repeats(&self) -> impl Iterator<Item = (u16, Instant)> {
        let from = self.ended.as_ref().filter(|ended| ended.outcome.is_spoken()).map(|ended| ended.at);
        let own = if self.danger == Danger::Acute && self.named.is_none() { &AGAIN_HOURS[..] } else { &[] };
        let asked = self.asked.iter().flat_map(|one| &one.contact.recontact_hours);
        let hours: BTreeSet<u16> = own.iter().chain(asked).copied().filter(|_| self.again.is_none()).collect();
        hours.into_iter().filter_map(move |hours| Some((hours, from?.plus_hours(i64::from(hours)))))
    }

    /// What is to be done at the time `due` at which the patient of this contact is contacted again, given all
    /// contacts of the patient: those of another code are about something else.
    pub fn repeat<'a>(&self, all: impl IntoIterator<Item = &'a Self>, due: Instant) -> Repeat {
        let mut repeat = match &self.ended {
            None => return Repeat::Wait,
            Some(ended) if !ended.outcome.is_spoken() => return Repeat::Never,
            Some(_) => Repeat::Now,
        };
        for other in all.into_iter().filter(|other| other.id != self.id && other.first_code() == self.first_code()) {
            match &other.ended {
                None => return Repeat::Wait,
                Some(ended) if ended.outcome.is_spoken() && ended.at >= due => repeat = Repeat::Never,
                Some(_) => {}
            }
        }
        repeat
    }

    /// Of messages with the same key the patient is shown one: one of a contact, and one in each hour in which something
    /// is found while the danger is acute.
    pub fn message_key(&self, now: Instant) -> String {
        const HOUR: i64 = 3_600_000_000;
        match self.danger {
            Danger::Assess => format!("{}/assess", self.id),
            Danger::Acute => format!("{}/acute/{}", self.id, now.micros().div_euclid(HOUR)),
        }
    }

    /// What its alert says, which climbs until it ends.
    pub fn notice(&self) -> Alert {
        let (zh, en) = match (self.again, self.danger) {
            (None, _) if self.named.is_some() => {
                ("请与患者本人通话，并记录结果。", "Speak with the patient in person, and record how it ended.")
            }
            (Some(_), _) => (
                "请再次联系患者并评估其安全，并记录联系结果。",
                "Contact the patient again, assess their safety, and record how it ended.",
            ),
            (None, Danger::Assess) => (
                "患者的回答或言行提示自杀风险：请在4小时内由临床人员评估安全，并记录结果。",
                "What the patient answered or said hints at a risk of suicide: a clinician assesses safety within 4 \
                 hours and records the outcome.",
            ),
            (None, Danger::Acute) => (
                "患者的回答或言行提示急性自杀风险：请立即（5分钟内）与患者本人联系，通知监护人或紧急联系人，并记录结果。",
                "What the patient answered or said hints at an acute risk of suicide: speak with the patient now, \
                 within 5 minutes, tell the guardian or the emergency contact, and record the outcome.",
            ),
        };
        let mut sentences = vec![LocalizedText::zh_en(zh, en)];
        sentences.extend(self.asked.iter().take(MAX_REASONS).map(|one| one.contact.reason.clone()));
        if self.named.is_some() && self.informs_kin() {
            sentences.push(LocalizedText::zh_en(
                "请同时通知监护人或紧急联系人。",
                "Tell the guardian or the emergency contact too.",
            ));
        }
        if self.findings.iter().any(|finding| finding.against_death) {
            sentences.push(LocalizedText::zh_en(
                "病历记载患者已故，请核实并更正。",
                "The record says that the patient has died: verify and correct it.",
            ));
        }
        let in_language = |language: &str| sentences.iter().map(|one| one.get(language)).collect::<Vec<_>>();
        let first = self.asked.first().filter(|_| self.named.is_some()).map(|one| &one.contact);
        Alert {
            code: self.code(),
            severity: Severity::Critical,
            message: LocalizedText::zh_en(&in_language("zh-CN").concat(), &in_language("en").join(" ")),
            owner: first.map_or(Role::Doctor, |contact| contact.owner),
            sla_minutes: self.minutes(),
            // That of the host goes to all who may act first, whatever a pathway says.
            escalation: first.map_or_else(Vec::new, |_| {
                self.asked.iter().flat_map(|one| one.contact.escalation.iter().copied()).collect()
            }),
            citation: first.map_or_else(
                || Citation {
                    title: "Ask Suicide-Screening Questions (ASQ) Toolkit, National Institute of Mental Health".into(),
                    section: None,
                    year: 2020,
                    url: None,
                },
                |contact| contact.citation.clone(),
            ),
        }
    }

    /// Until when the last attempt keeps the alert from climbing that was `told` last at that time; `None` if others
    /// have done so since then.
    pub fn quiet_until(&self, told: Instant) -> Option<Instant> {
        let in_a_row = self.attempts.iter().filter(|attempt| attempt.at >= told).count();
        let minutes = if self.is_urgent() { ACUTE_ATTEMPT_MINUTES } else { ATTEMPT_MINUTES };
        let last = self.attempts.last().filter(|_| in_a_row <= ATTEMPTS_IN_A_ROW)?;
        Some(last.at.plus_minutes(minutes))
    }

    /// Records an attempt to reach the patient.
    ///
    /// # Errors
    /// If the actor may not, the note is missing, or it has ended.
    pub fn attempt(mut self, by: &Actor, note: String, at: Instant) -> Result<Self, CareError> {
        let note = self.checked(by, &note, at)?;
        if self.attempts.len() >= MAX_ATTEMPTS {
            return Err(CareError::State("too many attempts: record how the contact ended"));
        }
        self.attempts.push(Attempt { by: by.account, at, note });
        Ok(self)
    }

    /// Records how it ended.
    ///
    /// # Errors
    /// If the actor may not, the note is missing, or it has ended; a death is recorded in the patient's record.
    pub fn end(mut self, by: &Actor, outcome: Outcome, note: String, at: Instant) -> Result<Self, CareError> {
        let note = self.checked(by, &note, at)?;
        if outcome == Outcome::Died {
            return Err(CareError::State("a death is recorded in the patient's record, and ends the contact"));
        }
        self.ended = Some(Ended { by: Some(by.account), at, outcome, note });
        Ok(self)
    }

    /// The record says that the patient has died. `None` if it has ended, or if something was found after the record
    /// said so: then somebody speaks with who answered.
    pub fn died(&self, at: Instant) -> Option<Self> {
        let ended = Ended { by: None, at, outcome: Outcome::Died, note: String::new() };
        let doubted = self.findings.iter().any(|finding| finding.against_death);
        (self.is_open() && !doubted).then(|| Self { ended: Some(ended), ..self.clone() })
    }

    fn checked(&self, by: &Actor, note: &str, at: Instant) -> Result<String, CareError> {
        can(by, Action::EndSafetyContact, at)?;
        if !self.is_open() {
            return Err(CareError::State("somebody recorded before how the contact ended"));
        }
        match note.trim() {
            "" => Err(CareError::ReasonRequired),
            note => Ok(note.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Code,
        fixture::{self, NOW},
    };

    fn later(minutes: i64) -> Instant {
        NOW.plus_minutes(minutes)
    }

    fn ids(number: u128) -> (ContactId, AlertId) {
        (ContactId::from_u128(number), AlertId::from_u128(number))
    }

    fn contact(danger: Danger) -> SafetyContact {
        SafetyContact::open(ids(1), fixture::enrolment().patient, Finding::new(danger, "x".into(), NOW))
    }

    fn ended(contact: SafetyContact, outcome: Outcome, at: Instant) -> SafetyContact {
        contact.end(&fixture::doctor(), outcome, "谈过".into(), at).expect("ended")
    }

    fn asked(enrolment: u128, change: impl FnOnce(&mut Contact)) -> AskedContact {
        let mut contact = Contact {
            code: "KETONES_HIGH".into(),
            owner: Role::Nurse,
            within_minutes: 60,
            escalation: vec![Role::Doctor],
            helplines: vec!["120".into()],
            inform_kin: false,
            locks_visit: false,
            recontact_hours: vec![48, 12],
            reason: LocalizedText::zh_en("酮体升高。", "Ketones are high."),
            citation: fixture::alert().citation,
        };
        change(&mut contact);
        AskedContact { enrolment: EnrolmentId::from_u128(enrolment), contact }
    }

    /// As it is opened for what a pathway asks for under a code of its own.
    fn named(asked: AskedContact) -> SafetyContact {
        let minutes = Some(asked.contact.within_minutes);
        let finding = Finding { minutes, ..Finding::new(asked.danger(), "enr/form".into(), NOW) };
        let named = Some(asked.contact.code.clone());
        let open = SafetyContact::open(ids(5), fixture::enrolment().patient, finding);
        SafetyContact { named, ..open }.asked_by(vec![asked])
    }

    #[test]
    fn what_a_pathway_asks_for_has_its_own_code_owner_time_and_repetitions() {
        let open = named(asked(1, |_| ()));
        assert_eq!((open.code().as_str(), open.minutes(), open.deadline), ("KETONES_HIGH", 60, later(60)));
        assert!(!open.locks_visits() && !open.is_urgent() && !open.informs_kin());
        let notice = open.notice();
        assert_eq!((notice.owner, notice.sla_minutes, notice.escalation), (Role::Nurse, 60, vec![Role::Doctor]));
        assert!(notice.message.get("en").ends_with("Ketones are high."), "{:?}", notice.message);
        assert!(!notice.message.get("zh-CN").contains("自杀"));
        let end = later(30);
        let repeats: Vec<u16> = ended(open.clone(), Outcome::Safe, end).repeats().map(|(hours, _)| hours).collect();
        assert_eq!(repeats, [12, 48], "not those of a patient who may harm themselves");
        let again = ended(open, Outcome::Safe, end).repeated(ids(6), end.plus_hours(12));
        assert_eq!((again.code().as_str(), again.notice().owner), ("KETONES_HIGH_RECONTACT", Role::Nurse));
        assert_eq!(ended(again, Outcome::Safe, end.plus_hours(13)).reports().count(), 0);
        let locking = named(asked(1, |contact| {
            (contact.locks_visit, contact.within_minutes, contact.inform_kin) = (true, 3, true);
        }));
        assert!(locking.locks_visits() && locking.is_urgent() && locking.informs_kin());
        assert!(locking.notice().message.get("zh-CN").contains("监护人"));
    }

    #[test]
    fn asked_again_the_shorter_time_counts_and_every_pathway_is_told_of_the_end() {
        let other = asked(2, |contact| contact.code = "ASSESS".into());
        let open = contact(Danger::Assess).asked_by(vec![asked(1, |_| ()), other]);
        assert!(open.is_of(SUICIDE_RISK) && open.is_of("ASSESS") && open.is_of("KETONES_HIGH") && !open.is_of("X"));
        let shorter = open.clone().asked_by(vec![asked(1, |contact| contact.within_minutes = 10)]);
        let minutes =
            |open: &SafetyContact| open.asked.iter().map(|one| one.contact.within_minutes).collect::<Vec<_>>();
        assert_eq!((minutes(&open), minutes(&shorter)), (vec![60, 60], vec![10, 60]));
        assert_eq!(minutes(&shorter.clone().asked_by(vec![asked(1, |_| ())])), [10, 60]);
        let wide = asked(1, |contact| {
            (contact.inform_kin, contact.recontact_hours) = (true, vec![72]);
            contact.helplines = vec!["12356".into()];
        });
        let joined = shorter.clone().asked_by(vec![wide]).asked.swap_remove(0).contact;
        assert_eq!((joined.within_minutes, joined.inform_kin), (10, true), "nothing that either asks for is lost");
        assert_eq!((joined.recontact_hours, joined.helplines), (vec![12, 48, 72], vec!["120".into(), "12356".into()]));
        assert!(open.carries(&asked(1, |_| ())) && !open.carries(&asked(3, |_| ())));
        assert!(open.notice().escalation.is_empty(), "all who may act are told first");
        for (outcome, end) in [
            (Outcome::Safe, Some(RequestEnd::Fulfilled)),
            (Outcome::HandedOver, Some(RequestEnd::Fulfilled)),
            (Outcome::Mistaken, Some(RequestEnd::Declined)),
        ] {
            let told: Vec<_> = ended(shorter.clone(), outcome, later(9)).reports().collect();
            let of = |(enrolment, report): &(EnrolmentId, RequestReport)| {
                (*enrolment, report.code.clone(), Some(report.end), report.outcome[0].code.clone())
            };
            let expected = [(1, "KETONES_HIGH"), (2, "ASSESS")].map(|(enrolment, code)| {
                (EnrolmentId::from_u128(enrolment), code.to_owned(), end, outcome.as_str().to_owned())
            });
            assert_eq!(told.iter().map(of).collect::<Vec<_>>(), expected);
        }
        assert_eq!(shorter.reports().count(), 0, "it is open");
        assert_eq!(shorter.died(later(1)).expect("ended").reports().count(), 0);
        let crowd = (0..30).map(|number| asked(number, |_| ())).collect();
        assert_eq!(open.asked_by(crowd).asked.len(), MAX_ASKED);
    }

    #[test]
    fn the_greater_danger_and_the_shorter_time_count() {
        let assess = contact(Danger::Assess);
        assert_eq!((assess.deadline, assess.locks_visits()), (later(240), false));
        for (at, deadline) in [(10, 15), (238, 240), (300, 240)] {
            let acute = assess.clone().found(Finding::new(Danger::Acute, "y".into(), later(at)));
            assert_eq!((acute.deadline, acute.found_in.as_str()), (later(deadline), "y"), "not later than before");
            assert_eq!((acute.notice().sla_minutes, acute.locks_visits()), (5, true));
            let lesser = acute.clone().found(Finding::new(Danger::Assess, "z".into(), later(at + 1)));
            assert_eq!((lesser.danger, lesser.found_in.as_str()), (Danger::Acute, "y"));
            assert_eq!(lesser.deadline, acute.deadline);
        }
    }

    #[test]
    fn every_finding_is_kept_and_counted() {
        let mut open = contact(Danger::Acute);
        assert_eq!(open.last_finding(), 1);
        for number in 2..=150 {
            open = open.found(Finding::new(Danger::Acute, format!("enr/{number}"), later(1)));
            assert_eq!(open.last_finding(), number);
        }
        assert!(open.findings.len() <= MAX_FINDINGS && open.rests_on("x") && open.rests_on("enr/150"));
        assert!(!open.rests_on("enr/151"));
    }

    #[test]
    fn the_patient_is_shown_what_to_do_again_while_it_is_acute_but_not_all_the_time() {
        let hour = Instant::from_micros(3_600_000_000 * 500_000);
        let [acute, assess] = [Danger::Acute, Danger::Assess].map(contact);
        assert_eq!(acute.message_key(hour), acute.message_key(hour.plus_minutes(59)));
        assert_ne!(acute.message_key(hour), acute.message_key(hour.plus_minutes(60)));
        assert_eq!(assess.message_key(hour), assess.message_key(hour.plus_minutes(60)));
        assert_ne!(assess.message_key(hour), acute.message_key(hour));
    }

    #[test]
    fn a_contact_of_an_earlier_release_is_read() {
        let mut stored = serde_json::to_value(ended(contact(Danger::Acute), Outcome::Safe, later(1))).expect("json");
        for later in ["findings", "minutes"] {
            stored.as_object_mut().expect("fields").remove(later);
        }
        let read: SafetyContact = serde_json::from_value(stored).expect("a contact");
        assert_eq!((read.last_finding(), read.rests_on("x"), read.minutes()), (0, true, 5));
        assert_eq!(read.ended.expect("ended").by, Some(fixture::doctor().account));
    }

    #[test]
    fn who_was_in_acute_danger_is_contacted_again_counted_from_the_end() {
        let end = later(600);
        let repeats = |contact: &SafetyContact| contact.repeats().collect::<Vec<_>>();
        let acute = ended(contact(Danger::Acute), Outcome::HandedOver, end);
        assert_eq!(repeats(&acute), [24, 72, 168].map(|hours| (hours, end.plus_hours(i64::from(hours)))));
        assert_eq!(repeats(&contact(Danger::Acute)), [], "not while it is open");
        assert_eq!(repeats(&ended(contact(Danger::Acute), Outcome::Mistaken, end)), []);
        assert_eq!(repeats(&ended(contact(Danger::Assess), Outcome::Safe, end)), []);
        let again = acute.repeated(ids(2), end.plus_hours(24));
        assert_eq!(
            (again.again, again.code(), again.locks_visits()),
            (Some(acute.id), "SUICIDE_RISK_RECONTACT".to_owned(), false)
        );
        assert_ne!(again.exclusive_key(), contact(Danger::Acute).exclusive_key());
        assert_eq!(again.deadline, end.plus_hours(28));
        assert_eq!(repeats(&ended(again, Outcome::Safe, end.plus_hours(25))), []);
    }

    #[test]
    fn a_repetition_waits_for_what_is_open_and_is_dropped_only_for_words_that_were_spoken() {
        use Repeat::{Never, Now, Wait};
        let first = ended(contact(Danger::Acute), Outcome::Safe, NOW);
        let due = NOW.plus_hours(24);
        let other = SafetyContact { id: ContactId::from_u128(9), ..contact(Danger::Assess) };
        let of = |outcome, hours| ended(other.clone(), outcome, NOW.plus_hours(hours));
        for (others, repeat) in [
            (vec![], Now),
            (vec![other.clone()], Wait),
            (vec![of(Outcome::Safe, 23)], Now),
            (vec![of(Outcome::Safe, 24)], Never),
            (vec![of(Outcome::HandedOver, 30)], Never),
            (vec![of(Outcome::Mistaken, 30)], Now),
            (vec![of(Outcome::Safe, 30), other.clone()], Wait),
            (vec![named(asked(1, |_| ()))], Now),
        ] {
            assert_eq!(first.repeat(others.iter().chain([&first]), due), repeat, "{others:?}");
        }
        assert_eq!(contact(Danger::Acute).repeat([], due), Wait, "it is open itself");
        assert_eq!(ended(contact(Danger::Acute), Outcome::Mistaken, NOW).repeat([], due), Never);
    }

    #[test]
    fn an_attempt_gives_a_little_time_and_two_in_a_row_no_more() {
        let doctor = fixture::doctor();
        for (danger, minutes) in [(Danger::Acute, 5), (Danger::Assess, 30)] {
            let mut open = contact(danger);
            assert_eq!(open.quiet_until(NOW), None, "nobody has tried");
            for (at, quiet) in [(1, true), (2, true), (3, false), (4, false)] {
                open = open.attempt(&doctor, "无人接听".into(), later(at)).expect("tried");
                assert_eq!(open.quiet_until(NOW), quiet.then(|| later(at + minutes)), "{danger:?} at {at}");
            }
            assert_eq!(open.quiet_until(later(4)), Some(later(4 + minutes)), "others were told meanwhile");
            let again = open.found(Finding::new(danger, "y".into(), later(10)));
            let again = again.attempt(&doctor, "再次".into(), later(11)).expect("tried");
            assert_eq!(again.quiet_until(NOW), None, "what is said meanwhile gives no time");
        }
    }

    #[test]
    fn ends_once_by_a_clinician_with_a_note() {
        let open = contact(Danger::Acute);
        let code = |result: Result<SafetyContact, CareError>| result.expect_err("refused").code();
        let end = |by: &Actor, note: &str| open.clone().end(by, Outcome::Safe, note.into(), NOW);
        assert_eq!(code(end(&fixture::pharmacist(), "ok")), Code::AuthForbidden);
        assert_eq!(code(end(&fixture::patient(), "ok")), Code::AuthForbidden);
        assert_eq!(code(end(&fixture::doctor(), "  ")), Code::PathwayReasonRequired);
        let died = open.clone().end(&fixture::doctor(), Outcome::Died, "x".into(), NOW);
        assert_eq!(code(died), Code::PathwayState, "that is the record's to say");
        let tried = open.clone().attempt(&fixture::doctor(), "无人接听".into(), NOW).expect("tried");
        assert!(tried.is_open() && tried.locks_visits());
        let ended = tried.end(&fixture::doctor(), Outcome::HandedOver, "已送急诊".into(), NOW).expect("ended");
        assert!(!ended.is_open() && !ended.locks_visits());
        assert_eq!(ended.exclusive_key(), None);
        assert_eq!(code(ended.clone().end(&fixture::doctor(), Outcome::Safe, "x".into(), NOW)), Code::PathwayState);
        assert_eq!(code(ended.attempt(&fixture::doctor(), "x".into(), NOW)), Code::PathwayState);
    }

    #[test]
    fn a_death_ends_it_unless_somebody_has_answered_since() {
        let open = contact(Danger::Acute);
        let died = open.died(later(5)).expect("it ends");
        assert_eq!(died.ended.as_ref().map(|ended| (ended.by, ended.outcome)), Some((None, Outcome::Died)));
        assert_eq!((died.repeats().count(), died.died(later(6))), (0, None));
        let alive = Finding { against_death: true, ..Finding::new(Danger::Assess, "enr/asq".into(), later(1)) };
        let answered = open.found(alive);
        assert_eq!(answered.died(later(5)), None);
        assert!(answered.notice().message.get("en").contains("verify and correct"), "{:?}", answered.notice());
    }
}
