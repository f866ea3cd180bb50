//! Requests of a pathway, each followed to its end: a questionnaire to be answered, a referral, laboratory tests, a
//! decision of several people. One that nobody fulfils lapses, and the care team is alerted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CareError, ProposalError};
use crate::{
    access::{Action, Actor, Role, can},
    coding::{Citation, Coding, LocalizedText},
    id::{AccountId, EnrolmentId, PatientId, RequestId},
    measure::{Measurand, measurand},
    pathway::{
        Destination, LabRequest, Participant, Question, Referral, RequestEnd, RequestReport, Role as PathwayRole, Team,
        Tracked,
    },
    time::Instant,
};

/// Fewest participants of a multidisciplinary team (MDT); fewer are a joint review.
pub const MDT_PARTICIPANTS: usize = 3;
/// Most codes of an outcome.
const MAX_OUTCOME: usize = 20;
/// Longest note, opinion or plan, in characters.
const MAX_NOTE: usize = 10_000;
/// Roles of staff that see to referrals and laboratory tests.
const ORGANISERS: [Role; 4] = [Role::Doctor, Role::Nurse, Role::HealthManager, Role::Assistant];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// A questionnaire is answered.
    Question {
        /// Its code.
        questionnaire: String,
        /// Who answers.
        respondent: PathwayRole,
    },
    /// The patient is seen elsewhere.
    Referral {
        /// Where.
        destination: Destination,
        /// Why.
        reason: LocalizedText,
        /// The source of the rule.
        citation: Citation,
    },
    /// Results of these tests are there.
    Laboratory {
        /// Never empty.
        tests: Vec<Coding>,
        /// Those of which a result is there.
        found: Vec<Coding>,
        /// Ids of the `Observation`s with these results, the first first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        results: Vec<String>,
        /// The `ServiceRequest` that a doctor orders from.
        service_request: String,
    },
    /// Several people decide together.
    Team(Decision),
}

/// What a team decides, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The question.
    pub question: LocalizedText,
    /// Who decides.
    pub participants: Vec<Participant>,
    /// The source of the rule.
    pub citation: Citation,
    /// By seat. Of each, the last is that of who sits there; before it come those of who sat there before.
    pub opinions: Vec<Opinion>,
    /// The joint plan, once somebody has written it.
    pub plan: Option<Plan>,
}

impl Decision {
    /// Whether it is a multidisciplinary team, not a joint review of two.
    pub fn is_mdt(&self) -> bool {
        self.participants.len() >= MDT_PARTICIPANTS
    }

    /// Number of participants who have given an opinion.
    pub fn heard(&self) -> usize {
        (0..self.participants.len()).filter(|seat| self.holder(*seat).is_some()).count()
    }

    /// Who sits there: who gave its last opinion.
    fn holder(&self, seat: usize) -> Option<AccountId> {
        self.opinions.iter().rev().find(|opinion| opinion.seat == seat).map(|opinion| opinion.by)
    }

    fn may_sit(&self, by: &Actor, seat: usize, at: Instant) -> Result<(), CareError> {
        let participant = self.participants.get(seat).ok_or(CareError::State("the team has no such participant"))?;
        if by.is_live(Role::from(participant.role), at) { Ok(()) } else { Err(CareError::AnotherRole) }
    }
}

/// The opinion of a participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// Which participant, counted from 0.
    pub seat: usize,
    /// Who.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// In words.
    pub text: String,
}

/// A signature of a joint plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// Which participant, counted from 0.
    pub seat: usize,
    /// Who.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// A joint plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Which plan of the team, counted from 1: what is signed is what was read.
    #[serde(default)]
    pub version: u32,
    /// In words.
    pub text: String,
    /// Its conclusion in codes, for the pathway.
    pub outcome: Vec<Coding>,
    /// Who wrote it.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// Who signed it; a plan that is written anew is signed anew.
    pub signed: Vec<Signed>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It happened.
    Fulfilled {
        /// Who said so; nobody, if the host saw it.
        by: Option<AccountId>,
        /// When.
        at: Instant,
        /// The outcome in codes.
        outcome: Vec<Coding>,
        /// In words.
        note: String,
    },
    /// Staff or patient turned it down.
    Declined {
        /// Who.
        by: AccountId,
        /// When.
        at: Instant,
        /// Why.
        reason: String,
    },
    /// The time for it is over.
    Lapsed {
        /// When.
        at: Instant,
    },
    /// The pathway takes it back, or has ended.
    Withdrawn {
        /// When.
        at: Instant,
    },
}

/// A stored request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRecord {
    /// Generated by the caller.
    pub id: RequestId,
    /// The enrolment.
    pub enrolment: EnrolmentId,
    /// The patient.
    pub patient: PatientId,
    /// Unique among the open requests of the enrolment.
    pub code: String,
    /// What is asked for.
    pub asked: Asked,
    /// Since when its time runs.
    pub since: Instant,
    /// When it was first asked for, if its time began anew since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<Instant>,
    /// Until when.
    pub by: Instant,
    /// When it was asked once more.
    pub reminded: Option<Instant>,
    /// Whether the pathway is told how it ended.
    pub reported: bool,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
}

impl RequestRecord {
    /// A new one.
    pub fn open(
        id: RequestId,
        (enrolment, patient): (EnrolmentId, PatientId),
        (asked, Tracked { code, by }, reported): (Asked, Tracked, bool),
        now: Instant,
    ) -> Self {
        Self {
            id,
            enrolment,
            patient,
            code,
            asked,
            since: now,
            opened: None,
            by,
            reminded: None,
            reported,
            ended: None,
        }
    }

    /// When it was first asked for.
    pub fn opened_at(&self) -> Instant {
        self.opened.unwrap_or(self.since)
    }

    /// Asked again by the pathway while it is open: the nearer deadline holds, so that who is asked again and again
    /// does not have time for ever; only a nearer one begins its own time. Opinions that were given, and results that
    /// are there, stay. `None` if something else is asked for: that takes its place.
    pub fn moved(&self, asked: &Asked, (by, reported): (Instant, bool), now: Instant) -> Option<Self> {
        let same = match (&self.asked, asked) {
            (Asked::Laboratory { tests, .. }, Asked::Laboratory { tests: others, .. }) => tests == others,
            // In other words, or by another source.
            (Asked::Referral { destination, .. }, Asked::Referral { destination: other, .. }) => destination == other,
            (Asked::Team(one), Asked::Team(two)) => {
                (&one.question, &one.participants) == (&two.question, &two.participants)
            }
            (one, two) => one == two,
        };
        if !same || !self.is_open() {
            return None;
        }
        let mut next = Self { reported: self.reported || reported, ..self.clone() };
        if let Asked::Referral { .. } = asked {
            next.asked = asked.clone();
        }
        if by < self.by {
            next = Self { since: now, opened: Some(self.opened_at()), by, reminded: None, ..next };
        }
        Some(next)
    }

    /// Whether it has not ended.
    pub const fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// `open`, `fulfilled`, `declined`, `lapsed` or `withdrawn`.
    pub const fn state(&self) -> &'static str {
        match &self.ended {
            None => "open",
            Some(Ended::Fulfilled { .. }) => "fulfilled",
            Some(Ended::Declined { .. }) => "declined",
            Some(Ended::Lapsed { .. }) => "lapsed",
            Some(Ended::Withdrawn { .. }) => "withdrawn",
        }
    }

    /// Of a team without the opinions, without a plan that was not signed by all, and without the words of staff who
    /// turned it down.
    #[must_use]
    pub fn as_the_patient_sees_it(mut self) -> Self {
        let decided = matches!(self.ended, Some(Ended::Fulfilled { .. }));
        if let Asked::Team(decision) = &mut self.asked {
            decision.opinions.clear();
            decision.plan.take_if(|_| !decided);
            if let Some(Ended::Declined { reason, .. }) = &mut self.ended {
                reason.clear();
            }
        }
        self
    }

    /// The roles that it is given to: who is asked, who has a seat, who sees to referrals and tests; `Patient` for who
    /// acts for the patient, too.
    pub fn given_to(&self) -> BTreeSet<Role> {
        match &self.asked {
            Asked::Question { respondent, .. } => BTreeSet::from([Role::from(*respondent)]),
            Asked::Team(decision) => decision.participants.iter().map(|one| Role::from(one.role)).collect(),
            Asked::Referral { .. } | Asked::Laboratory { .. } => {
                ORGANISERS.into_iter().chain([Role::Patient]).collect()
            }
        }
    }

    /// Whether it is open and given to a role of staff that the actor has at this moment. Nothing of a patient is given
    /// to who is that patient or their guardian.
    pub fn is_given_to(&self, by: &Actor, at: Instant) -> bool {
        let staff = |role: &Role| *role != Role::Patient && by.is_live(*role, at);
        self.is_open() && !by.is_or_guards(self.patient) && self.given_to().iter().any(staff)
    }

    /// Whether it is open, and the actor's to see to: as staff, or for the patient.
    pub fn concerns(&self, by: &Actor, at: Instant) -> bool {
        let own = by.acts_for(self.patient) && self.given_to().contains(&Role::Patient);
        self.is_given_to(by, at) || (self.is_open() && own)
    }

    /// Whether answers of this actor are what an open question waits for. The patient's come from the patient, or from
    /// the guardian of one who cannot decide alone; a guardian's from a guardian; those of a role of staff from one who
    /// has it. A pathway of 1.0, which is not told, has no words for who is asked: anybody's.
    pub fn waits_for(&self, by: &Actor, at: Instant) -> bool {
        match &self.asked {
            Asked::Question { .. } if !self.reported => self.is_open(),
            Asked::Question { respondent: PathwayRole::Patient, .. } => {
                self.is_open() && by.acts_wholly_for(self.patient)
            }
            Asked::Question { respondent: PathwayRole::Guardian, .. } => {
                self.is_open() && by.acts_for(self.patient) && !by.patients.contains(&self.patient)
            }
            Asked::Question { .. } => self.is_given_to(by, at),
            Asked::Referral { .. } | Asked::Laboratory { .. } | Asked::Team(_) => false,
        }
    }

    /// Whether staff who turn it down decide what is theirs, so that nobody else must act: a question that they were
    /// asked; a doctor, a referral or tests. Nobody does of an emergency, or for all of a team.
    pub fn is_closed_by(&self, by: &Actor, at: Instant) -> bool {
        let theirs = !by.is_or_guards(self.patient);
        match &self.asked {
            Asked::Question { respondent, .. } => theirs && by.is_live(Role::from(*respondent), at),
            Asked::Referral { .. } | Asked::Laboratory { .. } => {
                theirs && !self.is_emergency() && by.is_live(Role::Doctor, at)
            }
            Asked::Team(_) => false,
        }
    }

    /// Whether it sends the patient to an emergency department.
    pub const fn is_emergency(&self) -> bool {
        matches!(self.asked, Asked::Referral { destination: Destination::Emergency, .. })
    }

    /// Unique while it is open.
    pub fn exclusive_key(&self) -> Option<String> {
        self.is_open().then(|| key(self.enrolment, &self.code))
    }

    /// When the host looks at it by itself: a question is asked again at half of its time, all lapse.
    pub fn look_at(&self) -> Option<Instant> {
        if !self.is_open() {
            return None;
        }
        match (&self.asked, self.reminded) {
            (Asked::Question { .. }, None) => Some(self.halfway()),
            _ => Some(self.by),
        }
    }

    fn halfway(&self) -> Instant {
        let micros = self.by.micros().saturating_sub(self.since.micros()) / 2;
        Instant::from_micros(self.since.micros().saturating_add(micros))
    }

    /// What the host does now that its time has come.
    ///
    /// # Errors
    /// If there is nothing to do.
    pub fn pass(mut self, now: Instant) -> Result<Passed, CareError> {
        if !self.is_open() {
            return Err(CareError::State("the request has ended"));
        }
        if now >= self.by {
            self.ended = Some(Ended::Lapsed { at: now });
            return Ok(Passed::Lapsed(self));
        }
        match (&self.asked, self.reminded) {
            (Asked::Question { .. }, None) if now >= self.halfway() => {
                self.reminded = Some(now);
                Ok(Passed::AskedAgain(self))
            }
            _ => Err(CareError::State("the request has time")),
        }
    }

    /// The host sees that it is fulfilled: the questionnaire was answered, the results are there.
    ///
    /// # Errors
    /// If it has ended.
    pub fn seen(self, now: Instant) -> Result<Self, CareError> {
        self.end(Ended::Fulfilled { by: None, at: now, outcome: Vec::new(), note: String::new() })
    }

    /// Staff record that it is fulfilled: how the patient was seen, what the laboratory found.
    ///
    /// # Errors
    /// If the actor may not, is the patient or their guardian, says nothing, or it is a question or a team's, which end
    /// by themselves; if it has ended.
    pub fn fulfil(self, by: &Actor, (note, outcome): (String, Vec<Coding>), at: Instant) -> Result<Self, CareError> {
        may_as_staff(by, self.patient, at)?;
        match &self.asked {
            Asked::Question { .. } => return Err(CareError::State("a question ends when it is answered")),
            Asked::Team(_) => return Err(CareError::State("a team ends when all have signed its plan")),
            Asked::Referral { .. } | Asked::Laboratory { .. } => {}
        }
        let (note, outcome) = (said(note)?, coded(outcome)?);
        self.end(Ended::Fulfilled { by: Some(by.account), at, outcome, note })
    }

    /// Staff or patient turn it down; a decision of a team, who could sit in it, or a doctor.
    ///
    /// # Errors
    /// If the actor may not, gives no reason, or it has ended.
    pub fn decline(self, by: &Actor, reason: String, at: Instant) -> Result<Self, CareError> {
        match &self.asked {
            Asked::Team(_) => {
                may_as_staff(by, self.patient, at)?;
                let mut may = self.given_to().into_iter().chain([Role::Doctor]);
                if !may.any(|role| by.is_live(role, at)) {
                    return Err(CareError::AnotherRole);
                }
            }
            _ if by.acts_for(self.patient) => can(by, Action::EndRequest, at)?,
            _ => may_as_staff(by, self.patient, at)?,
        }
        let reason = said(reason)?;
        self.end(Ended::Declined { by: by.account, at, reason })
    }

    /// The pathway takes it back, or has ended. Nothing changes if it has ended.
    #[must_use]
    pub fn withdrawn(mut self, at: Instant) -> Self {
        self.ended.get_or_insert(Ended::Withdrawn { at });
        self
    }

    /// A participant gives an opinion, in place of their own former one. Another person of the role may take the seat
    /// over, if they say so, until it has signed the plan: who sat there may have left. That one's opinion is kept.
    ///
    /// # Errors
    /// If the actor has not the role of the seat, was another participant too, says nothing, somebody else sits there
    /// and it is not taken over, the plan is written or the seat has signed it, or the request has ended.
    pub fn opine(
        mut self,
        by: &Actor,
        (seat, takes_over): (usize, bool),
        text: String,
        at: Instant,
    ) -> Result<Self, CareError> {
        let decision = self.deciding(by, at)?;
        decision.may_sit(by, seat, at)?;
        if decision.opinions.iter().any(|opinion| opinion.by == by.account && opinion.seat != seat) {
            return Err(CareError::State("each participant is another person"));
        }
        let other = decision.holder(seat).filter(|holder| *holder != by.account);
        match (other, &decision.plan) {
            (None, None) => {}
            (None, Some(_)) => return Err(CareError::State("the plan is written; write it anew instead")),
            (Some(_), _) if !takes_over => {
                return Err(CareError::State("somebody else sits there; say that you take the seat over"));
            }
            (Some(_), Some(plan)) if plan.signed.iter().any(|signed| signed.seat == seat) => {
                return Err(CareError::State("the plan is signed for this seat"));
            }
            (Some(_), _) => {}
        }
        let text = said(text)?;
        decision.opinions.retain(|opinion| (opinion.seat, opinion.by) != (seat, by.account));
        decision.opinions.push(Opinion { seat, by: by.account, at, text });
        // Stable: who sits there stays the last.
        decision.opinions.sort_by_key(|opinion| opinion.seat);
        Ok(self)
    }

    /// A participant writes the joint plan, or writes it anew; all sign afterwards.
    ///
    /// # Errors
    /// If an opinion is missing, the actor gave none, says nothing, or it has ended.
    pub fn plan(mut self, by: &Actor, (text, outcome): (String, Vec<Coding>), at: Instant) -> Result<Self, CareError> {
        let decision = self.deciding(by, at)?;
        if decision.heard() < decision.participants.len() {
            return Err(CareError::State("each participant gives an opinion first"));
        }
        let sits = |seat| decision.holder(seat) == Some(by.account) && decision.may_sit(by, seat, at).is_ok();
        if !(0..decision.participants.len()).any(sits) {
            return Err(CareError::AnotherRole);
        }
        let (text, outcome) = (said(text)?, coded(outcome)?);
        let version = decision.plan.as_ref().map_or(0, |plan| plan.version).saturating_add(1);
        decision.plan = Some(Plan { version, text, outcome, by: by.account, at, signed: Vec::new() });
        Ok(self)
    }

    /// A participant signs the plan of a version. When all have, the request is fulfilled with its outcome.
    ///
    /// # Errors
    /// If the actor is not the participant who gave the opinion, there is no plan or another version of it, it was
    /// signed, or it has ended.
    pub fn sign(mut self, by: &Actor, (seat, version): (usize, u32), at: Instant) -> Result<Self, CareError> {
        let decision = self.deciding(by, at)?;
        decision.may_sit(by, seat, at)?;
        let (wanted, holder) = (decision.participants.len(), decision.holder(seat));
        let plan = decision.plan.as_mut().ok_or(CareError::State("there is no plan to sign"))?;
        if holder != Some(by.account) {
            return Err(CareError::State("who gave the opinion of the seat signs for it"));
        }
        if plan.version != version {
            return Err(CareError::Changed("the plan was written anew: read it, and sign what you have read"));
        }
        if plan.signed.iter().any(|signed| signed.seat == seat) {
            return Err(CareError::State("it is signed"));
        }
        plan.signed.push(Signed { seat, by: by.account, at });
        if plan.signed.len() < wanted {
            return Ok(self);
        }
        let (outcome, note) = (plan.outcome.clone(), plan.text.clone());
        self.end(Ended::Fulfilled { by: None, at, outcome, note })
    }

    fn deciding(&mut self, by: &Actor, at: Instant) -> Result<&mut Decision, CareError> {
        may_as_staff(by, self.patient, at)?;
        if !self.is_open() {
            return Err(CareError::State("the request has ended"));
        }
        match &mut self.asked {
            Asked::Team(decision) => Ok(decision),
            _ => Err(CareError::State("nobody decides together")),
        }
    }

    fn end(mut self, ended: Ended) -> Result<Self, CareError> {
        if !self.is_open() {
            return Err(CareError::State("the request has ended"));
        }
        self.ended = Some(ended);
        Ok(self)
    }

    /// What the pathway is told; nothing of what it took back itself.
    pub fn report(&self) -> Option<RequestReport> {
        if !self.reported {
            return None;
        }
        let (end, at, outcome) = match self.ended.as_ref()? {
            Ended::Fulfilled { at, outcome, .. } => (RequestEnd::Fulfilled, *at, outcome.clone()),
            Ended::Declined { at, .. } => (RequestEnd::Declined, *at, Vec::new()),
            Ended::Lapsed { at } => (RequestEnd::Lapsed, *at, Vec::new()),
            Ended::Withdrawn { .. } => return None,
        };
        Some(RequestReport { code: self.code.clone(), end, at, outcome })
    }

    /// A result with these codes is there, in an `Observation` of this id: of each test of what was measured, in whatever
    /// unit it is wanted. When there is one of each test, it is fulfilled. `None` if it does not wait for it.
    pub fn result(&self, (codes, observation): (&[Coding], &str), now: Instant) -> Option<Self> {
        let mut next = self.clone();
        let Asked::Laboratory { tests, found, results, .. } = &mut next.asked else { return None };
        // A result comes under the code of its canonical unit.
        let measured = measurand(codes).map(Measurand::coding);
        let is = |test: &Coding| {
            let canonical = measurand(std::slice::from_ref(test)).map(Measurand::coding);
            codes.iter().any(|code| code.same(test)) || (measured.is_some() && measured == canonical)
        };
        let missing = |test: &&Coding| !found.iter().any(|known| known.same(test));
        let new: Vec<Coding> = tests.iter().filter(|test| is(test)).filter(missing).cloned().collect();
        if new.is_empty() || !self.is_open() {
            return None;
        }
        found.extend(new);
        results.push(observation.to_owned());
        match tests.len() == found.len() {
            true => next.seen(now).ok(),
            false => Some(next),
        }
    }
}

/// What the host did with a request whose time had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// The question is asked once more.
    AskedAgain(RequestRecord),
    /// The time for it is over.
    Lapsed(RequestRecord),
}

/// Most open requests of an enrolment: a project default, far above what a pathway needs.
pub const MOST_OPEN: usize = 100;

/// Whether a pathway that has so many open requests may ask for another thing.
///
/// # Errors
/// If there are too many: the step is not carried out.
pub const fn may_open_another(open: usize) -> Result<(), ProposalError> {
    if open < MOST_OPEN { Ok(()) } else { Err(ProposalError::TooManyRequests) }
}

/// The exclusive key of an open request.
pub fn key(enrolment: EnrolmentId, code: &str) -> String {
    format!("{enrolment}/{code}")
}

impl Question {
    /// What is followed of it from now on.
    pub fn followed(&self, now: Instant) -> (Asked, Tracked) {
        let by = now.plus_minutes(i64::from(self.within_minutes));
        let asked = Asked::Question { questionnaire: self.questionnaire.clone(), respondent: self.respondent };
        (asked, Tracked { code: self.questionnaire.clone(), by })
    }
}

impl Referral {
    /// What is followed of it, if it is.
    pub fn followed(&self) -> Option<(Asked, Tracked)> {
        let (destination, reason, citation) = (self.destination.clone(), self.reason.clone(), self.citation.clone());
        Some((Asked::Referral { destination, reason, citation }, self.tracked.clone()?))
    }
}

impl LabRequest {
    /// What is followed of it, if it is; `service_request` is the id of what a doctor orders from.
    pub fn followed(&self, service_request: String) -> Option<(Asked, Tracked)> {
        let (found, results) = (Vec::new(), Vec::new());
        let asked = Asked::Laboratory { tests: self.tests.clone(), found, results, service_request };
        Some((asked, self.tracked.clone()?))
    }
}

impl Team {
    /// What is followed of it.
    pub fn followed(&self) -> (Asked, Tracked) {
        let decision = Decision {
            question: self.question.clone(),
            participants: self.participants.clone(),
            citation: self.citation.clone(),
            opinions: Vec::new(),
            plan: None,
        };
        (Asked::Team(decision), Tracked { code: self.code.clone(), by: self.deadline })
    }
}

/// Nobody decides as staff about themselves, or about their ward.
fn may_as_staff(by: &Actor, patient: PatientId, at: Instant) -> Result<(), CareError> {
    can(by, Action::EndRequest, at)?;
    let staff = Action::EndRequest.roles().iter().any(|role| *role != Role::Patient && by.is_live(*role, at));
    if staff && !by.is_or_guards(patient) { Ok(()) } else { Err(CareError::AnotherRole) }
}

fn said(text: String) -> Result<String, CareError> {
    match text.trim() {
        "" => Err(CareError::ReasonRequired),
        text if text.chars().count() > MAX_NOTE => Err(CareError::State("the text is too long")),
        text => Ok(text.to_owned()),
    }
}

fn coded(outcome: Vec<Coding>) -> Result<Vec<Coding>, CareError> {
    match outcome.len() {
        0..=MAX_OUTCOME => Ok(outcome),
        _ => Err(CareError::State("the outcome has too many codes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Code,
        fixture::{self, NOW},
    };

    fn open(asked: Asked, minutes: i64) -> RequestRecord {
        let of = fixture::enrolment();
        let tracked = Tracked { code: "it".into(), by: NOW.plus_minutes(minutes) };
        RequestRecord::open(RequestId::from_u128(1), (of.id, of.patient), (asked, tracked, true), NOW)
    }

    fn question() -> RequestRecord {
        open(Asked::Question { questionnaire: "glucose".into(), respondent: PathwayRole::Patient }, 60)
    }

    fn referral() -> RequestRecord {
        let citation = fixture::alert().citation;
        open(Asked::Referral { destination: Destination::Emergency, reason: fixture::text("就诊"), citation }, 60)
    }

    fn laboratory() -> RequestRecord {
        let tests = vec![Coding::new("http://loinc.org", "2823-3"), Coding::new("http://loinc.org", "2160-0")];
        open(Asked::Laboratory { tests, found: vec![], results: vec![], service_request: "lab-1".into() }, 60)
    }

    fn team() -> RequestRecord {
        let seat = |role| Participant { role, discipline: None, responsibility: LocalizedText::default() };
        open(
            Asked::Team(Decision {
                question: fixture::text("方案"),
                participants: vec![seat(PathwayRole::Doctor), seat(PathwayRole::Pharmacist)],
                citation: fixture::alert().citation,
                opinions: vec![],
                plan: None,
            }),
            60,
        )
    }

    /// With a plan that nobody has signed.
    fn planned() -> RequestRecord {
        let doctor = fixture::doctor();
        let one = team().opine(&doctor, (0, false), "意见".into(), NOW).expect("an opinion");
        let two = one.opine(&fixture::pharmacist(), (1, false), "意见".into(), NOW).expect("the other");
        two.plan(&doctor, ("方案".into(), vec![]), NOW).expect("a plan")
    }

    fn end(record: &RequestRecord) -> Option<RequestEnd> {
        record.report().map(|report| report.end)
    }

    #[test]
    fn a_question_is_asked_again_at_half_of_its_time_and_lapses_at_its_end() {
        let asked = question();
        assert_eq!(asked.look_at(), Some(NOW.plus_minutes(30)));
        assert!(asked.clone().pass(NOW.plus_minutes(29)).is_err());
        let Ok(Passed::AskedAgain(again)) = asked.pass(NOW.plus_minutes(30)) else { panic!("asked again") };
        assert_eq!(again.look_at(), Some(NOW.plus_minutes(60)));
        assert!(again.clone().pass(NOW.plus_minutes(59)).is_err(), "once");
        let Ok(Passed::Lapsed(over)) = again.pass(NOW.plus_minutes(60)) else { panic!("over") };
        assert_eq!((over.state(), end(&over), over.look_at()), ("lapsed", Some(RequestEnd::Lapsed), None));
        assert!(over.clone().pass(NOW.plus_days(9)).is_err() && over.seen(NOW).is_err());
        // A clock that jumps tells the end only.
        assert!(matches!(question().pass(NOW.plus_days(365)), Ok(Passed::Lapsed(_))));
        let Ok(Passed::Lapsed(_)) = referral().pass(NOW.plus_minutes(60)) else { panic!("it lapses too") };
        assert!(referral().pass(NOW.plus_minutes(30)).is_err(), "nobody is asked again");
    }

    #[test]
    fn who_may_end_what() {
        let said = || ("就诊".to_owned(), vec![]);
        let code = |result: Result<RequestRecord, CareError>| result.err().map(|error| error.code());
        let done = referral().fulfil(&fixture::doctor(), said(), NOW).expect("attended");
        assert_eq!(end(&done), Some(RequestEnd::Fulfilled));
        assert_eq!(code(done.fulfil(&fixture::doctor(), said(), NOW)), Some(Code::PathwayState));
        assert_eq!(code(referral().fulfil(&fixture::patient(), said(), NOW)), Some(Code::AuthForbidden));
        let silent = (" ".to_owned(), vec![]);
        assert_eq!(code(referral().fulfil(&fixture::doctor(), silent, NOW)), Some(Code::PathwayReasonRequired));
        assert_eq!(code(question().fulfil(&fixture::doctor(), said(), NOW)), Some(Code::PathwayState));
        assert_eq!(code(team().fulfil(&fixture::doctor(), said(), NOW)), Some(Code::PathwayState));
        for record in [question(), referral(), laboratory()] {
            let declined = record.clone().decline(&fixture::patient(), "不去".into(), NOW).expect("declined");
            assert_eq!(end(&declined), Some(RequestEnd::Declined));
            assert_eq!(code(record.decline(&fixture::stranger(), "x".into(), NOW)), Some(Code::AuthForbidden));
        }
        assert_eq!(code(team().decline(&fixture::patient(), "x".into(), NOW)), Some(Code::AuthForbidden));
        let taken_back = team().withdrawn(NOW);
        assert_eq!((taken_back.state(), taken_back.report()), ("withdrawn", None));
        let unreported = RequestRecord { reported: false, ..question() }.seen(NOW).expect("answered");
        assert_eq!((unreported.state(), unreported.report()), ("fulfilled", None), "of a pathway of 1.0");
    }

    #[test]
    fn laboratory_tests_are_fulfilled_when_there_is_a_result_of_each() {
        let of = |code: &str| [Coding::new("http://loinc.org", code)];
        assert_eq!(laboratory().result((&of("718-7"), "obs-0"), NOW), None);
        assert_eq!(question().result((&of("2823-3"), "obs-1"), NOW), None);
        let first = laboratory().result((&of("2823-3"), "obs-1"), NOW).expect("one of two");
        assert!(first.is_open());
        assert!(first.result((&of("14682-9"), "obs-1"), NOW).is_some(), "creatinine in umol/L is creatinine");
        assert_eq!(first.result((&of("2823-3"), "obs-1"), NOW), None, "it is there");
        let second = first.result((&of("2160-0"), "obs-2"), NOW).expect("the other");
        assert!(matches!(&second.asked, Asked::Laboratory { results, .. } if *results == ["obs-1", "obs-2"]));
        assert_eq!(end(&second), Some(RequestEnd::Fulfilled));
        assert_eq!(second.result((&of("2160-0"), "obs-1"), NOW), None);
    }

    #[test]
    fn two_tests_of_one_measurand_have_one_result() {
        let of = |code: &str| Coding::new("http://loinc.org", code);
        let tests = vec![of("2160-0"), of("14682-9"), of("2823-3"), of("2823-3")];
        let asked =
            open(Asked::Laboratory { tests, found: vec![], results: vec![], service_request: "lab-1".into() }, 60);
        let first = asked.result((&[of("14682-9")], "obs-1"), NOW).expect("creatinine, twice");
        assert!(first.is_open());
        let done = first.result((&[of("2823-3")], "obs-1"), NOW).expect("potassium, twice");
        assert_eq!(end(&done), Some(RequestEnd::Fulfilled));
    }

    #[test]
    fn asking_again_keeps_the_nearer_deadline_and_what_was_given() {
        let again = |record: &RequestRecord, asked: &Asked, by, now| record.moved(asked, (by, true), now);
        let of = laboratory().result((&[Coding::new("http://loinc.org", "2823-3")], "obs-1"), NOW).expect("one of two");
        let moved = again(&of, &laboratory().asked, NOW.plus_days(1), NOW).expect("the same tests");
        assert_eq!((moved.by, &moved.asked), (of.by, &of.asked));
        // Asked every ten minutes for an hour each, it is asked once more after half an hour, and lapses after an hour.
        let mut asked = question();
        for minutes in [10, 20, 30] {
            let now = NOW.plus_minutes(minutes);
            asked = again(&asked, &question().asked, now.plus_minutes(60), now).expect("the same question");
        }
        let Ok(Passed::AskedAgain(mut asked)) = asked.pass(NOW.plus_minutes(30)) else { panic!("asked again") };
        for minutes in [40, 50, 59] {
            let now = NOW.plus_minutes(minutes);
            asked = again(&asked, &question().asked, now.plus_minutes(60), now).expect("the same question");
        }
        assert_eq!((asked.since, asked.reminded), (NOW, Some(NOW.plus_minutes(30))));
        assert!(matches!(asked.clone().pass(NOW.plus_minutes(60)), Ok(Passed::Lapsed(_))));
        // A nearer one has its own half.
        let now = NOW.plus_minutes(40);
        let nearer = again(&asked, &question().asked, now.plus_minutes(10), now).expect("the same question");
        assert_eq!((nearer.by, nearer.look_at()), (now.plus_minutes(10), Some(now.plus_minutes(5))));
        assert_eq!((nearer.since, nearer.opened_at(), asked.opened_at()), (now, NOW, NOW), "it was asked for before");
        // Of a referral the words may change; where to may not.
        let Asked::Referral { citation, .. } = referral().asked else { panic!("a referral") };
        let to =
            |destination| Asked::Referral { destination, reason: fixture::text("182/111"), citation: citation.clone() };
        let worse = again(&referral(), &to(Destination::Emergency), NOW.plus_days(1), NOW).expect("the same place");
        assert_eq!((worse.by, worse.asked), (referral().by, to(Destination::Emergency)));
        assert_eq!(again(&referral(), &to(Destination::Offline(None)), NOW.plus_days(1), NOW), None);
        assert_eq!(again(&question(), &referral().asked, NOW.plus_days(1), NOW), None, "something else");
        assert_eq!(again(&question().withdrawn(NOW), &question().asked, NOW.plus_days(1), NOW), None, "it has ended");
        // A pathway that learned to follow up is told from then on.
        let silent = RequestRecord { reported: false, ..question() };
        assert!(again(&silent, &question().asked, NOW.plus_days(1), NOW).is_some_and(|moved| moved.reported));
    }

    #[test]
    fn a_lapsed_licence_is_no_role() {
        let lapsed = |mut actor: Actor| {
            fixture::lapse(&mut actor, NOW);
            // Else the table of roles refuses it already.
            actor.roles.push(Role::Patient);
            actor
        };
        let doctor = lapsed(fixture::doctor());
        let code = |result: Result<RequestRecord, CareError>| result.err().map(|error| error.code());
        assert_eq!(code(referral().fulfil(&doctor, ("x".into(), vec![]), NOW)), Some(Code::AuthForbidden));
        assert_eq!(code(referral().decline(&doctor, "x".into(), NOW)), Some(Code::AuthForbidden));
        assert_eq!(code(team().opine(&doctor, (0, false), "x".into(), NOW)), Some(Code::AuthForbidden));
        assert!(!team().is_given_to(&doctor, NOW) && team().is_given_to(&fixture::doctor(), NOW));
        // A role without its certificates has no seat, whatever else one is.
        let both = Actor { roles: vec![Role::Pharmacist, Role::Doctor], ..fixture::pharmacist() };
        assert_eq!(code(team().opine(&both, (0, false), "x".into(), NOW)), Some(Code::AuthForbidden));
        assert!(team().opine(&both, (1, false), "x".into(), NOW).is_ok());
    }

    #[test]
    fn nobody_decides_as_staff_about_themselves() {
        let mut doctor = fixture::doctor();
        doctor.patients.push(fixture::enrolment().patient);
        doctor.roles.push(Role::Patient);
        let code = |result: Result<RequestRecord, CareError>| result.err().map(|error| error.code());
        assert_eq!(code(referral().fulfil(&doctor, ("x".into(), vec![]), NOW)), Some(Code::AuthForbidden));
        assert_eq!(code(team().opine(&doctor, (0, false), "x".into(), NOW)), Some(Code::AuthForbidden));
        assert_eq!(code(team().decline(&doctor, "x".into(), NOW)), Some(Code::AuthForbidden));
        let (planned, pharmacist) = (planned(), fixture::pharmacist());
        assert_eq!(code(planned.clone().plan(&doctor, ("x".into(), vec![]), NOW)), Some(Code::AuthForbidden));
        assert_eq!(code(planned.sign(&doctor, (0, 1), NOW)), Some(Code::AuthForbidden));
        assert!(
            !team().is_given_to(&doctor, NOW) && !team().concerns(&doctor, NOW) && referral().concerns(&doctor, NOW)
        );
        // As the patient that they are, they turn down what is asked of them.
        let declined = referral().decline(&doctor, "不去".into(), NOW).expect("as any patient");
        assert!(!declined.is_closed_by(&doctor, NOW));
        assert!(team().concerns(&pharmacist, NOW));
    }

    #[test]
    fn who_turns_it_down_and_whether_others_must_act() {
        let (doctor, pharmacist) = (fixture::doctor(), fixture::pharmacist());
        let nurse = fixture::nurse();
        let code = |result: Result<RequestRecord, CareError>| result.err().map(|error| error.code());
        assert_eq!(code(team().decline(&nurse, "x".into(), NOW)), Some(Code::AuthForbidden), "no seat");
        assert!(team().decline(&pharmacist, "x".into(), NOW).is_ok());
        let offline = |record: RequestRecord| {
            let Asked::Referral { reason, citation, .. } = record.asked.clone() else { panic!("a referral") };
            RequestRecord {
                asked: Asked::Referral { destination: Destination::Offline(None), reason, citation },
                ..record
            }
        };
        let staff = open(Asked::Question { questionnaire: "q".into(), respondent: PathwayRole::Nurse }, 60);
        for (record, by, closed) in [
            (offline(referral()), &doctor, true),
            (offline(referral()), &nurse, false),
            (referral(), &doctor, false),
            (laboratory(), &doctor, true),
            (staff.clone(), &nurse, true),
            (staff, &doctor, false),
            (question(), &nurse, false),
            (team(), &doctor, false),
        ] {
            assert_eq!(record.is_closed_by(by, NOW), closed, "{:?} {:?}", record.asked, by.roles);
        }
    }

    #[test]
    fn an_answer_ends_the_question_of_who_was_asked() {
        let of = |respondent| open(Asked::Question { questionnaire: "q".into(), respondent }, 60);
        let guardian = |born| {
            let ward = fixture::guardianship(fixture::enrolment().patient, born);
            Actor { wards: vec![ward], patients: vec![], ..fixture::patient() }
        };
        let (small, adolescent) = (guardian(NOW.minus_years(5)), guardian(NOW.minus_years(15)));
        for (respondent, by, fits) in [
            (PathwayRole::Patient, &fixture::patient(), true),
            (PathwayRole::Patient, &fixture::stranger(), false),
            (PathwayRole::Patient, &fixture::nurse(), false),
            (PathwayRole::Patient, &small, true),
            (PathwayRole::Patient, &adolescent, false),
            (PathwayRole::Guardian, &adolescent, true),
            (PathwayRole::Guardian, &fixture::patient(), false),
            (PathwayRole::Nurse, &fixture::nurse(), true),
            (PathwayRole::Nurse, &fixture::doctor(), false),
            (PathwayRole::Nurse, &fixture::patient(), false),
        ] {
            assert_eq!(of(respondent).waits_for(by, NOW), fits, "{respondent:?} {:?}", by.roles);
        }
        assert!(!of(PathwayRole::Nurse).withdrawn(NOW).waits_for(&fixture::nurse(), NOW));
        assert!(!team().waits_for(&fixture::doctor(), NOW));
        let old = RequestRecord { reported: false, ..of(PathwayRole::Patient) };
        assert!(old.waits_for(&fixture::doctor(), NOW) && !old.withdrawn(NOW).waits_for(&fixture::doctor(), NOW));
    }

    #[test]
    fn another_takes_over_the_seat_of_who_has_left() {
        let (doctor, pharmacist) = (fixture::doctor(), fixture::pharmacist());
        let other = Actor { account: AccountId::from_u128(77), ..doctor.clone() };
        let code = |result: Result<RequestRecord, CareError>| result.err().map(|error| error.code());
        let planned = planned();
        assert_eq!(code(planned.clone().sign(&other, (0, 1), NOW)), Some(Code::PathwayState), "another's seat");
        assert_eq!(code(planned.clone().opine(&other, (0, false), "x".into(), NOW)), Some(Code::PathwayState));
        assert_eq!(
            code(planned.clone().opine(&fixture::nurse(), (0, true), "x".into(), NOW)),
            Some(Code::AuthForbidden)
        );
        assert_eq!(code(planned.clone().opine(&doctor, (0, true), "x".into(), NOW)), Some(Code::PathwayState), "own");
        let taken = planned.clone().opine(&other, (0, true), "同意".into(), NOW).expect("taken over");
        let Asked::Team(decision) = &taken.asked else { panic!("a team") };
        let by: Vec<AccountId> = decision.opinions.iter().map(|opinion| opinion.by).collect();
        assert_eq!(by, [doctor.account, other.account, pharmacist.account], "the former opinion is kept");
        assert_eq!((decision.heard(), decision.plan.is_some()), (2, true));
        assert_eq!(code(taken.clone().sign(&doctor, (0, 1), NOW)), Some(Code::PathwayState), "it is another's");
        assert_eq!(code(taken.clone().plan(&doctor, ("x".into(), vec![]), NOW)), Some(Code::AuthForbidden));
        let signed = taken.sign(&other, (0, 1), NOW).expect("signed");
        assert_eq!(code(signed.clone().opine(&doctor, (0, true), "x".into(), NOW)), Some(Code::PathwayState), "signed");
        let done = signed.sign(&pharmacist, (1, 1), NOW).expect("decided");
        assert_eq!(code(done.opine(&doctor, (0, true), "x".into(), NOW)), Some(Code::PathwayState), "it has ended");
    }

    #[test]
    fn a_pathway_has_a_hundred_open_requests_at_most() {
        assert_eq!(may_open_another(MOST_OPEN - 1), Ok(()));
        assert_eq!(may_open_another(MOST_OPEN), Err(ProposalError::TooManyRequests));
    }

    #[test]
    fn each_participant_is_another_person_and_all_sign() {
        let (doctor, pharmacist) = (fixture::doctor(), fixture::pharmacist());
        let mut both = Actor { roles: vec![Role::Doctor, Role::Pharmacist], ..doctor.clone() };
        both.practice.certificates.extend(fixture::practice(Role::Pharmacist).certificates);
        let text = || "意见".to_owned();
        let plan = || ("方案".to_owned(), vec![Coding::new("urn:own", "add")]);
        let code = |result: Result<RequestRecord, CareError>| result.err().map(|error| error.code());
        assert_eq!(code(team().opine(&pharmacist, (0, false), text(), NOW)), Some(Code::AuthForbidden));
        assert_eq!(code(team().opine(&doctor, (2, false), text(), NOW)), Some(Code::PathwayState));
        assert_eq!(code(team().opine(&doctor, (0, false), " ".into(), NOW)), Some(Code::PathwayReasonRequired));
        let one = team().opine(&doctor, (0, false), text(), NOW).expect("an opinion");
        assert_eq!(code(one.clone().opine(&both, (1, true), text(), NOW)), Some(Code::PathwayState), "two seats");
        assert_eq!(code(one.clone().plan(&doctor, plan(), NOW)), Some(Code::PathwayState), "one is missing");
        let again = one.opine(&doctor, (0, false), "另一意见".into(), NOW).expect("in its place");
        let two = again.opine(&pharmacist, (1, false), text(), NOW).expect("the other");
        assert_eq!(code(two.clone().sign(&doctor, (0, 1), NOW)), Some(Code::PathwayState), "nothing to sign");
        assert_eq!(code(two.clone().plan(&fixture::patient(), plan(), NOW)), Some(Code::AuthForbidden));
        let planned = two.plan(&doctor, plan(), NOW).expect("a plan");
        assert_eq!(code(planned.clone().opine(&doctor, (0, false), text(), NOW)), Some(Code::PathwayState), "written");
        assert_eq!(code(planned.clone().sign(&both, (1, 1), NOW)), Some(Code::PathwayState), "somebody else's seat");
        let half = planned.sign(&doctor, (0, 1), NOW).expect("signed");
        assert!(half.is_open());
        assert_eq!(code(half.clone().sign(&doctor, (0, 1), NOW)), Some(Code::PathwayState), "once");
        let anew = half.clone().plan(&pharmacist, plan(), NOW).expect("written anew");
        let Asked::Team(decision) = &anew.asked else { panic!("a team") };
        assert_eq!(decision.plan.as_ref().map(|plan| plan.signed.len()), Some(0), "and signed anew");
        assert_eq!(code(anew.clone().sign(&doctor, (0, 1), NOW)), Some(Code::VersionConflict), "what was read");
        assert!(anew.sign(&doctor, (0, 2), NOW).is_ok());
        // The patient is shown what was decided, and nothing of what was not.
        let declined = half.clone().decline(&doctor, "意见不一".into(), NOW).expect("turned down");
        assert!(matches!(&declined.ended, Some(Ended::Declined { reason, .. }) if !reason.is_empty()));
        let Ok(Passed::Lapsed(lapsed)) = half.clone().pass(NOW.plus_minutes(60)) else { panic!("it lapses") };
        for undecided in [half.clone(), declined, lapsed, half.clone().withdrawn(NOW)] {
            let seen = undecided.as_the_patient_sees_it();
            let Asked::Team(decision) = seen.asked else { panic!("a team") };
            assert_eq!((decision.opinions, decision.plan), (vec![], None), "what is not decided is the team's");
            assert!(!matches!(&seen.ended, Some(Ended::Declined { reason, .. }) if !reason.is_empty()));
        }
        let decided = half.sign(&pharmacist, (1, 1), NOW).expect("decided");
        let Asked::Team(seen) = decided.clone().as_the_patient_sees_it().asked else { panic!("a team") };
        assert_eq!((seen.opinions, seen.plan.map(|plan| plan.text)), (vec![], Some("方案".to_owned())));
        let report = decided.report().expect("told");
        assert_eq!((report.end, report.outcome.len()), (RequestEnd::Fulfilled, 1));
    }
}
