//! Requests of a pathway, each followed to its end: a questionnaire to be answered, a referral, laboratory tests, a
//! decision of several people. One that nobody fulfils lapses, and the care team is alerted.

use serde::{Deserialize, Serialize};

use super::CareError;
use crate::{
    access::{Action, Actor, Role, can},
    coding::{Citation, Coding, LocalizedText},
    id::{AccountId, EnrolmentId, PatientId, RequestId},
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
    /// At most one of each participant.
    pub opinions: Vec<Opinion>,
    /// The joint plan, once somebody has written it.
    pub plan: Option<Plan>,
}

impl Decision {
    /// Whether it is a multidisciplinary team, not a joint review of two.
    pub fn is_mdt(&self) -> bool {
        self.participants.len() >= MDT_PARTICIPANTS
    }

    fn seat(&self, by: &Actor, seat: usize) -> Result<&Participant, CareError> {
        let participant = self.participants.get(seat).ok_or(CareError::State("the team has no such participant"))?;
        if by.is(Role::from(participant.role)) { Ok(participant) } else { Err(CareError::AnotherRole) }
    }

    /// Nobody speaks for two participants.
    fn alone(&self, by: AccountId, seat: usize) -> Result<(), CareError> {
        let opinions = self.opinions.iter().map(|opinion| (opinion.by, opinion.seat));
        let signatures = self.plan.iter().flat_map(|plan| &plan.signed).map(|signed| (signed.by, signed.seat));
        match opinions.chain(signatures).any(|(other, taken)| (other == by) != (taken == seat)) {
            true => Err(CareError::State("each participant is another person, and stays the same one")),
            false => Ok(()),
        }
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
    /// Since when.
    pub since: Instant,
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
        Self { id, enrolment, patient, code, asked, since: now, by, reminded: None, reported, ended: None }
    }

    /// Asked again by the pathway while it is open: it has the time of the new one. Opinions that were given, and
    /// results that are there, stay. `None` if something else is asked for: that takes its place.
    pub fn moved(&self, asked: &Asked, by: Instant, now: Instant) -> Option<Self> {
        let same = match (&self.asked, asked) {
            (Asked::Laboratory { tests, .. }, Asked::Laboratory { tests: others, .. }) => tests == others,
            (Asked::Team(one), Asked::Team(two)) => {
                (&one.question, &one.participants) == (&two.question, &two.participants)
            }
            (one, two) => one == two,
        };
        (same && self.is_open()).then(|| Self { since: now, by, reminded: None, ..self.clone() })
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
    /// If the actor may not, says nothing, or it is a question or a team's, which end by themselves; if it has ended.
    pub fn fulfil(self, by: &Actor, (note, outcome): (String, Vec<Coding>), at: Instant) -> Result<Self, CareError> {
        may_as_staff(by, at)?;
        match &self.asked {
            Asked::Question { .. } => return Err(CareError::State("a question ends when it is answered")),
            Asked::Team(_) => return Err(CareError::State("a team ends when all have signed its plan")),
            Asked::Referral { .. } | Asked::Laboratory { .. } => {}
        }
        let (note, outcome) = (said(note)?, coded(outcome)?);
        self.end(Ended::Fulfilled { by: Some(by.account), at, outcome, note })
    }

    /// Staff or patient turn it down. A decision of a team only staff do.
    ///
    /// # Errors
    /// If the actor may not, gives no reason, or it has ended.
    pub fn decline(self, by: &Actor, reason: String, at: Instant) -> Result<Self, CareError> {
        match self.asked {
            Asked::Team(_) => may_as_staff(by, at)?,
            _ if by.acts_for(self.patient) => can(by, Action::EndRequest, at)?,
            _ => may_as_staff(by, at)?,
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

    /// A participant gives an opinion, in place of a former one.
    ///
    /// # Errors
    /// If the actor has not the role of the seat, is another participant too, says nothing, the plan is written, or
    /// it has ended.
    pub fn opine(mut self, by: &Actor, seat: usize, text: String, at: Instant) -> Result<Self, CareError> {
        let decision = self.deciding(by, at)?;
        decision.seat(by, seat)?;
        decision.alone(by.account, seat)?;
        if decision.plan.is_some() {
            return Err(CareError::State("the plan is written; write it anew instead"));
        }
        let text = said(text)?;
        decision.opinions.retain(|opinion| opinion.seat != seat);
        decision.opinions.push(Opinion { seat, by: by.account, at, text });
        decision.opinions.sort_by_key(|opinion| opinion.seat);
        Ok(self)
    }

    /// A participant writes the joint plan, or writes it anew; all sign afterwards.
    ///
    /// # Errors
    /// If an opinion is missing, the actor gave none, says nothing, or it has ended.
    pub fn plan(mut self, by: &Actor, (text, outcome): (String, Vec<Coding>), at: Instant) -> Result<Self, CareError> {
        let decision = self.deciding(by, at)?;
        if decision.opinions.len() < decision.participants.len() {
            return Err(CareError::State("each participant gives an opinion first"));
        }
        if !decision.opinions.iter().any(|opinion| opinion.by == by.account) {
            return Err(CareError::AnotherRole);
        }
        let (text, outcome) = (said(text)?, coded(outcome)?);
        decision.plan = Some(Plan { text, outcome, by: by.account, at, signed: Vec::new() });
        Ok(self)
    }

    /// A participant signs the plan. When all have, the request is fulfilled with its outcome.
    ///
    /// # Errors
    /// If the actor is not the participant who gave the opinion, there is no plan, it was signed, or it has ended.
    pub fn sign(mut self, by: &Actor, seat: usize, at: Instant) -> Result<Self, CareError> {
        let decision = self.deciding(by, at)?;
        decision.seat(by, seat)?;
        decision.alone(by.account, seat)?;
        let wanted = decision.participants.len();
        let plan = decision.plan.as_mut().ok_or(CareError::State("there is no plan to sign"))?;
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
        may_as_staff(by, at)?;
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

    /// A result with these codes is there. When there is one of each test, it is fulfilled. `None` if it does not
    /// wait for it.
    pub fn result(&self, codes: &[Coding], now: Instant) -> Option<Self> {
        let mut next = self.clone();
        let Asked::Laboratory { tests, found, .. } = &mut next.asked else { return None };
        let new = tests
            .iter()
            .find(|test| codes.iter().any(|code| code.same(test)) && !found.iter().any(|known| known.same(test)));
        found.push(new.filter(|_| self.is_open())?.clone());
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
        let asked = Asked::Laboratory { tests: self.tests.clone(), found: Vec::new(), service_request };
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

fn may_as_staff(by: &Actor, at: Instant) -> Result<(), CareError> {
    can(by, Action::EndRequest, at)?;
    let staff = Action::EndRequest.roles().iter().any(|role| *role != Role::Patient && by.is(*role));
    if staff { Ok(()) } else { Err(CareError::AnotherRole) }
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
