//! Requests of a pathway, each followed to its end: a questionnaire to be answered, a referral, laboratory tests, a
//! decision of several people. One that nobody fulfils lapses, and the care team is alerted.

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

    /// Without the opinions of a team, and without a plan that is not signed by all.
    #[must_use]
    pub fn as_the_patient_sees_it(mut self) -> Self {
        let open = self.is_open();
        if let Asked::Team(decision) = &mut self.asked {
            decision.opinions.clear();
            decision.plan.take_if(|_| open);
        }
        self
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
        // A result comes under the code of its canonical unit.
        let measured = measurand(codes).map(Measurand::coding);
        let is = |test: &Coding| {
            let canonical = measurand(std::slice::from_ref(test)).map(Measurand::coding);
            codes.iter().any(|code| code.same(test)) || (measured.is_some() && measured == canonical)
        };
        let new = tests.iter().find(|test| is(test) && !found.iter().any(|known| known.same(test)));
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
        open(Asked::Laboratory { tests, found: vec![], service_request: "lab-1".into() }, 60)
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
        assert_eq!(laboratory().result(&of("718-7"), NOW), None);
        assert_eq!(question().result(&of("2823-3"), NOW), None);
        let first = laboratory().result(&of("2823-3"), NOW).expect("one of two");
        assert!(first.is_open());
        assert!(first.result(&of("14682-9"), NOW).is_some(), "creatinine in umol/L is creatinine");
        assert_eq!(first.result(&of("2823-3"), NOW), None, "it is there");
        let second = first.result(&of("2160-0"), NOW).expect("the other");
        assert_eq!(end(&second), Some(RequestEnd::Fulfilled));
        assert_eq!(second.result(&of("2160-0"), NOW), None);
    }

    #[test]
    fn asking_again_moves_what_is_the_same_and_keeps_what_was_given() {
        let of = laboratory().result(&[Coding::new("http://loinc.org", "2823-3")], NOW).expect("one of two");
        let later = NOW.plus_days(1);
        let moved = of.moved(&laboratory().asked, later, NOW).expect("the same tests");
        assert_eq!((moved.by, &moved.asked), (later, &of.asked));
        assert_eq!(question().moved(&referral().asked, later, NOW), None, "something else");
        assert_eq!(question().withdrawn(NOW).moved(&question().asked, later, NOW), None, "it has ended");
    }

    #[test]
    fn a_pathway_has_a_hundred_open_requests_at_most() {
        assert_eq!(may_open_another(MOST_OPEN - 1), Ok(()));
        assert_eq!(may_open_another(MOST_OPEN), Err(ProposalError::TooManyRequests));
    }

    #[test]
    fn each_participant_is_another_person_and_all_sign() {
        let (doctor, pharmacist) = (fixture::doctor(), fixture::pharmacist());
        let both = Actor { roles: [Role::Doctor, Role::Pharmacist].into_iter().collect(), ..doctor.clone() };
        let text = || "意见".to_owned();
        let plan = || ("方案".to_owned(), vec![Coding::new("urn:own", "add")]);
        let code = |result: Result<RequestRecord, CareError>| result.err().map(|error| error.code());
        assert_eq!(code(team().opine(&pharmacist, 0, text(), NOW)), Some(Code::AuthForbidden));
        assert_eq!(code(team().opine(&doctor, 2, text(), NOW)), Some(Code::PathwayState));
        assert_eq!(code(team().opine(&doctor, 0, " ".into(), NOW)), Some(Code::PathwayReasonRequired));
        let one = team().opine(&doctor, 0, text(), NOW).expect("an opinion");
        assert_eq!(code(one.clone().opine(&both, 1, text(), NOW)), Some(Code::PathwayState), "two seats");
        assert_eq!(code(one.clone().plan(&doctor, plan(), NOW)), Some(Code::PathwayState), "one is missing");
        let again = one.opine(&doctor, 0, "另一意见".into(), NOW).expect("in its place");
        let two = again.opine(&pharmacist, 1, text(), NOW).expect("the other");
        assert_eq!(code(two.clone().sign(&doctor, 0, NOW)), Some(Code::PathwayState), "nothing to sign");
        assert_eq!(code(two.clone().plan(&fixture::patient(), plan(), NOW)), Some(Code::AuthForbidden));
        let planned = two.plan(&doctor, plan(), NOW).expect("a plan");
        assert_eq!(code(planned.clone().opine(&doctor, 0, text(), NOW)), Some(Code::PathwayState), "it is written");
        assert_eq!(code(planned.clone().sign(&both, 1, NOW)), Some(Code::PathwayState), "somebody else's seat");
        let Asked::Team(seen) = planned.clone().as_the_patient_sees_it().asked else { panic!("a team") };
        assert_eq!((seen.opinions, seen.plan), (vec![], None), "what is not decided is the team's");
        let half = planned.sign(&doctor, 0, NOW).expect("signed");
        assert!(half.is_open());
        assert_eq!(code(half.clone().sign(&doctor, 0, NOW)), Some(Code::PathwayState), "once");
        let anew = half.clone().plan(&pharmacist, plan(), NOW).expect("written anew");
        let Asked::Team(decision) = &anew.asked else { panic!("a team") };
        assert_eq!(decision.plan.as_ref().map(|plan| plan.signed.len()), Some(0), "and signed anew");
        let decided = half.sign(&pharmacist, 1, NOW).expect("decided");
        let Asked::Team(seen) = decided.clone().as_the_patient_sees_it().asked else { panic!("a team") };
        assert_eq!((seen.opinions, seen.plan.map(|plan| plan.text)), (vec![], Some("方案".to_owned())));
        let report = decided.report().expect("told");
        assert_eq!((report.end, report.outcome.len()), (RequestEnd::Fulfilled, 1));
    }
}
