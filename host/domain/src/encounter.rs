//! The online visit: only a follow-up (复诊) may lead to a prescription, and only
//! the treating doctor decides that it is one (互联网诊疗管理办法(试行) 2018,
//! 互联网诊疗监管细则(试行) 2022).
//!
//! ```text
//! Requested ──accept──▶ Accepted ──close──▶ Closed
//!     │  └─────decline────────┼───────────────▲
//!     └──stop──▶ Stopped ◀────┘ ──resolve─────┘
//! ```

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    access::{Action, Actor, Denied, can},
    canonical::{CanonicalError, Digest},
    code::Code,
    coding::{Coding, system},
    id::{AccountId, EncounterId, PatientId},
    identity::RealName,
    machine::{Refused, machine},
    relation::Guardianship,
    signature::{AuthorKind, Signature, VerifySignature},
    time::Instant,
};

/// Completed months below which a guardian and a specialist must be present.
const GUARDIAN_BELOW_MONTHS: u32 = 72;

/// What a hospital may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How old evidence may be, in days of 24 hours.
    pub evidence_days: u16,
    /// Least likeness of a face check, in thousandths.
    pub face_per_mille: u16,
    /// Hash of the consent text in force.
    pub consent: Digest,
}

impl Rules {
    /// 180 days and 800 ‰, with this consent text in force.
    pub const fn new(consent: Digest) -> Self {
        Self { evidence_days: 180, face_per_mille: 800, consent }
    }
}

/// What kind of document proves an earlier diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// 门诊病历.
    OutpatientRecord,
    /// 住院病历.
    InpatientRecord,
    /// 出院小结.
    DischargeNote,
    /// 诊断证明.
    Certificate,
}

/// Proof of an earlier diagnosis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What kind of document.
    pub kind: EvidenceKind,
    /// The diagnoses in it. Evidence without a diagnosis is none.
    pub diagnoses: Vec<Coding>,
    /// When it was issued.
    pub issued: Instant,
    /// By which institution.
    pub institution: String,
    /// Hash of the document as stored.
    pub document: Digest,
}

impl Evidence {
    fn is_usable(&self, at: Instant) -> bool {
        !self.diagnoses.is_empty() && self.issued <= at
    }

    fn is_fresh(&self, rules: &Rules, at: Instant) -> bool {
        at <= self.issued.plus_days(i64::from(rules.evidence_days))
    }
}

/// Result of the real-name check that opened the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityCheck {
    /// Whether name and id number belong together.
    pub document_matches: bool,
    /// Likeness of the face, in thousandths.
    pub face_per_mille: u16,
}

/// What a patient asks with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Drawn at the edge.
    pub id: EncounterId,
    /// Who is to be treated.
    pub patient: PatientId,
    /// First moment of the day of birth.
    pub born: Instant,
    /// What was compared of whoever asks.
    pub identity: IdentityCheck,
    /// What was decided of the patient's real name; visits of before know nothing of it.
    #[serde(default, skip_serializing_if = "RealName::is_unverified")]
    pub real_name: RealName,
    /// Hash of the consent text that was agreed to.
    pub consent: Option<Digest>,
    /// Earlier diagnoses.
    pub evidence: Vec<Evidence>,
}

impl Request {
    /// Whether the patient is so young that a guardian must be there.
    pub fn wants_guardian(&self, at: Instant) -> bool {
        at.months_since(self.born).unwrap_or(0) < GUARDIAN_BELOW_MONTHS
    }

    /// Whether the patient is old enough, or has a guardian at this moment.
    fn guarded(&self, guardian: Option<Guardianship>, at: Instant) -> Result<(), EncounterError> {
        let guarded = guardian.is_some_and(|guardian| guardian.patient() == self.patient);
        if self.wants_guardian(at) && !guarded { Err(EncounterError::GuardianRequired) } else { Ok(()) }
    }
}

/// Who is with a child under six.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accompaniment {
    /// The guardian's relation to the child.
    pub guardian: String,
    /// Whether a doctor of the relevant speciality is present.
    pub specialist: bool,
}

/// The treating doctor's decision that this is a follow-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Diagnoses, at least one of them in ICD-10.
    pub diagnoses: Vec<Coding>,
    /// Why a diagnosis is of another ICD-10 chapter than the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_diagnosis_reason: Option<String>,
    /// Who is with a child under six.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accompaniment: Option<Accompaniment>,
    /// Must be a person.
    pub author: AuthorKind,
}

/// Who found a danger sign.
#[derive(Debug, Clone, Copy)]
pub enum Finder<'a> {
    /// Somebody of the care team.
    Person(&'a Actor),
    /// A plugin, by its id.
    Plugin(&'a str),
}

/// Why a visit was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedFlag {
    /// Stable, upper snake case.
    pub code: String,
    /// The account or plugin that found it.
    pub found_by: String,
    /// When.
    pub at: Instant,
}

/// How a visit ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// As it should.
    Completed,
    /// The doctor found that it is no follow-up.
    NotFollowUp {
        /// Why.
        reason: String,
    },
    /// A danger sign, and a doctor confirmed that the patient is in safe hands.
    HandedOver {
        /// The danger sign.
        flag: RedFlag,
        /// What was done.
        note: String,
    },
}

/// What every state knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    request: Request,
    requested_at: Instant,
}

/// Waiting for a doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requested {}

/// A doctor decided that it is a follow-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The treating doctor.
    pub doctor: AccountId,
    /// The decision.
    pub decision: Decision,
    /// Under [`Visit::decision_digest`].
    pub signature: Signature,
}

/// Stopped for a danger sign: go and be seen in person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// Why.
    pub flag: RedFlag,
    /// What had been decided before.
    pub accepted: Option<Accepted>,
}

/// Over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// How it ended.
    pub ending: Ending,
    /// Who ended it.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// What had been decided.
    pub accepted: Option<Accepted>,
}

/// A visit in a known state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit<S> {
    head: Head,
    state: S,
}

machine! {
    /// A visit in any state, as it is stored.
    enum Encounter of Visit with Head;
    /// The states of a visit.
    tag EncounterState;
    /// A state of a visit.
    stage EncounterStage;
    /// Waiting for a doctor.
    Requested = "REQUESTED",
    /// A follow-up in progress.
    Accepted = "ACCEPTED",
    /// Stopped for a danger sign.
    Stopped = "STOPPED",
    /// Over.
    Closed = "CLOSED",
}

/// Why a visit does not go on.
#[derive(Debug, Error)]
pub enum EncounterError {
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The requester is not the patient, or the check failed.
    #[error("the identity check did not pass: {0}")]
    Identity(&'static str),
    /// No consent, or to another text than the one in force.
    #[error("consent to the text in force is missing")]
    ConsentMissing,
    /// No document with a diagnosis.
    #[error("no document with an earlier diagnosis")]
    NoEvidence,
    /// All documents are too old.
    #[error("no evidence is younger than {0} days")]
    EvidenceStale(u16),
    /// Not decided yet.
    #[error("the treating doctor has not decided that this is a follow-up")]
    Undecided,
    /// The decision is not signed by the doctor who takes it, now.
    #[error("the decision is not validly signed")]
    Signature,
    /// Not in ICD-10.
    #[error("no diagnosis is coded in ICD-10")]
    DiagnosisUncoded,
    /// Another kind of disease than the evidence shows.
    #[error("`{0}` is of another ICD-10 chapter than the evidence, and no reason is given")]
    NewDiagnosis(String),
    /// A child under six, alone.
    #[error("a child under six needs a registered guardian and a specialist present")]
    GuardianRequired,
    /// Decided by a program.
    #[error("only a doctor may decide that a visit is a follow-up")]
    MachineAuthor,
    /// Stopped for a danger sign.
    #[error("stopped for the danger sign {0}")]
    RedFlag(String),
    /// The danger sign is not resolved.
    #[error("the danger sign {0} is not resolved")]
    RedFlagOpen(String),
    /// A doctor of another visit.
    #[error("the visit is with another doctor")]
    AnotherDoctor,
    /// Words are missing.
    #[error("a reason is required")]
    ReasonRequired,
    /// Not possible from here.
    #[error("the visit is {0}")]
    State(EncounterState),
    /// The decision cannot be hashed.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl EncounterError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Identity(_) => Code::EncIdentity,
            Self::ConsentMissing => Code::EncConsentMissing,
            Self::NoEvidence => Code::EncNoEvidence,
            Self::EvidenceStale(_) => Code::EncEvidenceStale,
            Self::Undecided | Self::Signature => Code::EncFollowupUndecided,
            Self::DiagnosisUncoded => Code::EncDiagnosisUncoded,
            Self::NewDiagnosis(_) => Code::EncNewDiagnosis,
            Self::GuardianRequired => Code::EncGuardianRequired,
            Self::MachineAuthor => Code::AiForbiddenAct,
            Self::RedFlag(_) => Code::EncRedFlag,
            Self::RedFlagOpen(_) => Code::EncRedFlagOpen,
            Self::AnotherDoctor => Code::AuthForbidden,
            Self::ReasonRequired => Code::BodyInvalid,
            Self::State(_) => Code::EncState,
            Self::Canonical(_) => Code::Internal,
        }
    }
}

impl<T> From<Refused<T, Self>> for EncounterError {
    fn from(refused: Refused<T, Self>) -> Self {
        refused.error
    }
}

/// A refused transition of a visit.
pub type RefusedVisit<S> = Refused<Visit<S>, EncounterError>;

/// Proof that a follow-up is in progress: who treats whom for what. Comes only
/// from a visit that is [`Accepted`] at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    encounter: EncounterId,
    patient: PatientId,
    doctor: AccountId,
    diagnoses: Vec<Coding>,
}

impl FollowUp {
    /// The visit.
    pub const fn encounter(&self) -> EncounterId {
        self.encounter
    }

    /// The patient.
    pub const fn patient(&self) -> PatientId {
        self.patient
    }

    /// The treating doctor.
    pub const fn doctor(&self) -> AccountId {
        self.doctor
    }

    /// Coded diagnoses.
    pub fn diagnoses(&self) -> &[Coding] {
        &self.diagnoses
    }
}

impl Encounter {
    /// Its id.
    pub const fn id(&self) -> EncounterId {
        self.head().request.id
    }

    /// The patient.
    pub const fn patient(&self) -> PatientId {
        self.head().request.patient
    }

    /// What the patient asked with.
    pub const fn request(&self) -> &Request {
        &self.head().request
    }

    /// When the patient asked.
    pub const fn requested_at(&self) -> Instant {
        self.head().requested_at
    }

    /// The treating doctor, once there is one.
    pub fn doctor(&self) -> Option<AccountId> {
        self.accepted().map(|a| a.doctor)
    }

    /// The doctor's decision, once there is one.
    pub const fn accepted(&self) -> Option<&Accepted> {
        match self {
            Self::Requested(_) => None,
            Self::Accepted(visit) => Some(&visit.state),
            Self::Stopped(visit) => visit.state.accepted.as_ref(),
            Self::Closed(visit) => visit.state.accepted.as_ref(),
        }
    }

    /// The proof of a follow-up in progress. `guardian` is the patient's of this moment,
    /// if there is one.
    ///
    /// # Errors
    /// If the visit is not decided, stopped or over, or of a child whose guardian is none
    /// any more.
    pub fn follow_up(&self, guardian: Option<Guardianship>, at: Instant) -> Result<FollowUp, EncounterError> {
        match self {
            Self::Requested(_) => Err(EncounterError::Undecided),
            Self::Accepted(visit) => visit.follow_up(guardian, at),
            Self::Stopped(visit) => Err(EncounterError::RedFlag(visit.state.flag.code.clone())),
            Self::Closed(_) => Err(EncounterError::State(EncounterState::Closed)),
        }
    }

    /// The visit in the state that an act needs.
    ///
    /// # Errors
    /// If it is in another; an open danger sign is named first.
    pub fn expecting<S: EncounterStage>(self) -> Result<Visit<S>, Refused<Self, EncounterError>> {
        S::of(self).map_err(|other| {
            let error = match &other {
                Self::Stopped(visit) => EncounterError::RedFlagOpen(visit.state.flag.code.clone()),
                _ => EncounterError::State(other.state()),
            };
            Refused::new(other, error)
        })
    }
}

impl<S> Visit<S> {
    /// The state, with what it knows.
    pub const fn state(&self) -> &S {
        &self.state
    }

    /// What the patient asked with.
    pub const fn request(&self) -> &Request {
        &self.head.request
    }

    fn advance<F, T>(
        self,
        guard: impl FnOnce(&Self) -> Result<F, EncounterError>,
        next: impl FnOnce(S, F) -> T,
    ) -> Result<Visit<T>, RefusedVisit<S>> {
        match guard(&self) {
            Ok(facts) => Ok(Visit { head: self.head, state: next(self.state, facts) }),
            Err(error) => Err(Refused::new(self, error)),
        }
    }
}

impl Visit<Requested> {
    /// The patient asks for a follow-up.
    ///
    /// # Errors
    /// If identity, consent or evidence are not in order.
    pub fn request_by(by: &Actor, request: Request, rules: &Rules, at: Instant) -> Result<Self, EncounterError> {
        can(by, Action::RequestEncounter, at)?;
        if !by.acts_for(request.patient) {
            return Err(EncounterError::Identity("the account may not act for this patient"));
        }
        if request.real_name.level(at).is_none() {
            return Err(EncounterError::Identity("the real name of the patient is not verified"));
        }
        if !request.identity.document_matches {
            return Err(EncounterError::Identity("name and id number do not belong together"));
        }
        if request.identity.face_per_mille < rules.face_per_mille {
            return Err(EncounterError::Identity("the face is not that of the document"));
        }
        if request.consent != Some(rules.consent) {
            return Err(EncounterError::ConsentMissing);
        }
        fresh_evidence(&request.evidence, rules, at)?;
        Ok(Self { head: Head { request, requested_at: at }, state: Requested {} })
    }

    /// What the doctor signs to accept.
    ///
    /// # Errors
    /// If the decision cannot be hashed.
    pub fn decision_digest(
        &self,
        doctor: AccountId,
        decision: &Decision,
        at: Instant,
    ) -> Result<Digest, CanonicalError> {
        #[derive(Serialize)]
        struct Document<'a> {
            document: &'static str,
            request: &'a Request,
            doctor: AccountId,
            decision: &'a Decision,
            at: Instant,
        }
        Digest::of(&Document { document: "xinglin.follow-up", request: &self.head.request, doctor, decision, at })
    }

    /// The doctor decides that this is a follow-up, and signs that. `guardian` is the
    /// patient's of this moment, if there is one.
    ///
    /// # Errors
    /// If it may not be one.
    pub fn accept(
        self,
        by: &Actor,
        decision: Decision,
        (signature, verifier): (Signature, &dyn VerifySignature),
        guardian: Option<Guardianship>,
        rules: &Rules,
        at: Instant,
    ) -> Result<Visit<Accepted>, RefusedVisit<Requested>> {
        self.advance(
            |visit| {
                can(by, Action::DecideFollowUp, at)?;
                if decision.author != AuthorKind::Human {
                    return Err(EncounterError::MachineAuthor);
                }
                let request = &visit.head.request;
                let evidence = fresh_evidence(&request.evidence, rules, at)?;
                same_disease(&decision, &evidence)?;
                request.guarded(guardian, at)?;
                let accompanied =
                    decision.accompaniment.as_ref().is_some_and(|a| !a.guardian.trim().is_empty() && a.specialist);
                if request.wants_guardian(at) && !accompanied {
                    return Err(EncounterError::GuardianRequired);
                }
                let digest = visit.decision_digest(by.account, &decision, at)?;
                let signed = signature.signer == by.account && signature.at == at;
                if !signed || !verifier.verify(&digest, &signature) {
                    return Err(EncounterError::Signature);
                }
                Ok(Accepted { doctor: by.account, decision, signature })
            },
            |_, accepted| accepted,
        )
    }

    /// The doctor finds that this is no follow-up.
    ///
    /// # Errors
    /// If the actor may not decide, or gives no reason.
    pub fn decline(self, by: &Actor, reason: String, at: Instant) -> Result<Visit<Closed>, RefusedVisit<Requested>> {
        self.advance(
            |_| {
                can(by, Action::DecideFollowUp, at)?;
                required(reason)
            },
            |_, reason| Closed { ending: Ending::NotFollowUp { reason }, by: by.account, at, accepted: None },
        )
    }

    /// A danger sign stops the visit before it began.
    ///
    /// # Errors
    /// If the finder may not stop visits.
    pub fn stop(
        self,
        finder: Finder<'_>,
        code: String,
        at: Instant,
    ) -> Result<Visit<Stopped>, RefusedVisit<Requested>> {
        self.advance(|_| red_flag(finder, code, at), |_, flag| Stopped { flag, accepted: None })
    }
}

impl Visit<Accepted> {
    /// The proof of a follow-up in progress.
    ///
    /// # Errors
    /// If the patient is a child who has no guardian at this moment.
    pub fn follow_up(&self, guardian: Option<Guardianship>, at: Instant) -> Result<FollowUp, EncounterError> {
        self.head.request.guarded(guardian, at)?;
        Ok(FollowUp {
            encounter: self.head.request.id,
            patient: self.head.request.patient,
            doctor: self.state.doctor,
            diagnoses: self.state.decision.diagnoses.clone(),
        })
    }

    /// A danger sign stops the visit at once.
    ///
    /// # Errors
    /// If the finder may not stop visits.
    pub fn stop(self, finder: Finder<'_>, code: String, at: Instant) -> Result<Visit<Stopped>, RefusedVisit<Accepted>> {
        self.advance(|_| red_flag(finder, code, at), |accepted, flag| Stopped { flag, accepted: Some(accepted) })
    }

    /// The treating doctor ends the visit.
    ///
    /// # Errors
    /// If it is another doctor.
    pub fn close(self, by: &Actor, at: Instant) -> Result<Visit<Closed>, RefusedVisit<Accepted>> {
        self.advance(
            |visit| {
                can(by, Action::CloseEncounter, at)?;
                if visit.state.doctor != by.account {
                    return Err(EncounterError::AnotherDoctor);
                }
                Ok(())
            },
            |accepted, ()| Closed { ending: Ending::Completed, by: by.account, at, accepted: Some(accepted) },
        )
    }
}

impl Visit<Stopped> {
    /// A doctor confirms that the patient is in safe hands: never a program.
    ///
    /// # Errors
    /// If the actor is no doctor, or does not say what was done.
    pub fn resolve(self, by: &Actor, note: String, at: Instant) -> Result<Visit<Closed>, RefusedVisit<Stopped>> {
        self.advance(
            |_| {
                can(by, Action::ResolveRedFlag, at)?;
                required(note)
            },
            |stopped, note| Closed {
                ending: Ending::HandedOver { flag: stopped.flag, note },
                by: by.account,
                at,
                accepted: stopped.accepted,
            },
        )
    }
}

fn required(text: String) -> Result<String, EncounterError> {
    if text.trim().is_empty() { Err(EncounterError::ReasonRequired) } else { Ok(text) }
}

fn red_flag(finder: Finder<'_>, code: String, at: Instant) -> Result<RedFlag, EncounterError> {
    let found_by = match finder {
        Finder::Person(actor) => {
            can(actor, Action::StopEncounter, at)?;
            actor.account.to_string()
        }
        Finder::Plugin(id) => id.to_owned(),
    };
    Ok(RedFlag { code: required(code)?, found_by, at })
}

fn fresh_evidence<'a>(
    evidence: &'a [Evidence],
    rules: &Rules,
    at: Instant,
) -> Result<Vec<&'a Evidence>, EncounterError> {
    let usable: Vec<&Evidence> = evidence.iter().filter(|e| e.is_usable(at)).collect();
    if usable.is_empty() {
        return Err(EncounterError::NoEvidence);
    }
    let fresh: Vec<&Evidence> = usable.into_iter().filter(|e| e.is_fresh(rules, at)).collect();
    if fresh.is_empty() { Err(EncounterError::EvidenceStale(rules.evidence_days)) } else { Ok(fresh) }
}

/// Every diagnosis is of an ICD-10 chapter that the evidence shows, or the
/// doctor says why not.
fn same_disease(decision: &Decision, evidence: &[&Evidence]) -> Result<(), EncounterError> {
    let coded: Vec<(&Coding, u8)> =
        decision.diagnoses.iter().filter_map(|d| icd10_chapter(d).map(|chapter| (d, chapter))).collect();
    if coded.is_empty() {
        return Err(EncounterError::DiagnosisUncoded);
    }
    let known: Vec<u8> = evidence.iter().flat_map(|e| &e.diagnoses).filter_map(icd10_chapter).collect();
    let reasoned = decision.new_diagnosis_reason.as_ref().is_some_and(|r| !r.trim().is_empty());
    match coded.iter().find(|(_, chapter)| !known.contains(chapter)) {
        Some((diagnosis, _)) if !reasoned => Err(EncounterError::NewDiagnosis(diagnosis.code.clone())),
        _ => Ok(()),
    }
}

/// The chapter (1 to 22) of an ICD-10 code; `None` if it is no such code.
pub fn icd10_chapter(coding: &Coding) -> Option<u8> {
    if coding.system != system::ICD10 {
        return None;
    }
    let bytes = coding.code.as_bytes();
    let letter = bytes.first()?.to_ascii_uppercase();
    let digit = |i: usize| bytes.get(i).filter(|b| b.is_ascii_digit()).map(|b| b - b'0');
    let number = digit(1)? * 10 + digit(2)?;
    Some(match (letter, number) {
        (b'A' | b'B', _) => 1,
        (b'C', _) | (b'D', 0..=48) => 2,
        (b'D', _) => 3,
        (b'E', _) => 4,
        (b'F', _) => 5,
        (b'G', _) => 6,
        (b'H', 0..=59) => 7,
        (b'H', _) => 8,
        (b'I', _) => 9,
        (b'J', _) => 10,
        (b'K', _) => 11,
        (b'L', _) => 12,
        (b'M', _) => 13,
        (b'N', _) => 14,
        (b'O', _) => 15,
        (b'P', _) => 16,
        (b'Q', _) => 17,
        (b'R', _) => 18,
        (b'S' | b'T', _) => 19,
        (b'V'..=b'Y', _) => 20,
        (b'Z', _) => 21,
        (b'U', _) => 22,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, NOW};

    fn request(change: impl FnOnce(&mut Request)) -> Result<Visit<Requested>, Code> {
        let mut request = fixture::request();
        change(&mut request);
        Visit::request_by(&fixture::patient(), request, &fixture::encounter_rules(), NOW).map_err(|e| e.code())
    }

    fn accept(visit: Visit<Requested>, change: impl FnOnce(&mut Decision)) -> Result<Visit<Accepted>, Code> {
        accept_with(visit, None, change)
    }

    fn accept_with(
        visit: Visit<Requested>,
        guardian: Option<Guardianship>,
        change: impl FnOnce(&mut Decision),
    ) -> Result<Visit<Accepted>, Code> {
        let mut decision = fixture::decision();
        change(&mut decision);
        let doctor = fixture::doctor();
        let digest = visit.decision_digest(doctor.account, &decision, NOW).expect("digest");
        let signature = fixture::sign(&doctor, &digest, NOW);
        visit
            .accept(&doctor, decision, (signature, &fixture::Verifier), guardian, &fixture::encounter_rules(), NOW)
            .map_err(|e| e.error.code())
    }

    #[test]
    fn a_request_needs_identity_consent_and_evidence() {
        assert!(request(|_| {}).is_ok());
        let refused = |change: fn(&mut Request)| request(change).expect_err("refused");
        assert_eq!(refused(|r| r.evidence.clear()), Code::EncNoEvidence);
        assert_eq!(refused(|r| r.evidence[0].diagnoses.clear()), Code::EncNoEvidence);
        assert_eq!(refused(|r| r.evidence[0].issued = NOW.plus_days(1)), Code::EncNoEvidence);
        assert_eq!(refused(|r| r.consent = None), Code::EncConsentMissing);
        assert_eq!(refused(|r| r.consent = Some(Digest::of_bytes(b"old text"))), Code::EncConsentMissing);
        assert_eq!(refused(|r| r.identity.face_per_mille = 799), Code::EncIdentity);
        assert_eq!(refused(|r| r.real_name = RealName::Unverified), Code::EncIdentity);
        assert_eq!(refused(|r| r.identity.document_matches = false), Code::EncIdentity);
        assert_eq!(refused(|r| r.patient = PatientId::from_u128(999)), Code::EncIdentity);
    }

    #[test]
    fn five_months_are_fresh_and_seven_are_stale() {
        assert!(request(|r| r.evidence[0].issued = NOW.plus_days(-150)).is_ok());
        assert!(request(|r| r.evidence[0].issued = NOW.plus_days(-180)).is_ok());
        assert_eq!(request(|r| r.evidence[0].issued = NOW.plus_days(-212)).err(), Some(Code::EncEvidenceStale));
        // One fresh document is enough.
        let two = request(|r| {
            let mut old = r.evidence[0].clone();
            old.issued = NOW.plus_days(-300);
            r.evidence.push(old);
        });
        assert!(two.is_ok());
    }

    #[test]
    fn another_disease_needs_a_reason() {
        let visit = request(|_| {}).expect("request");
        let depression = Coding::new(system::ICD10, "F32.1");
        let refused = accept(visit.clone(), |d| d.diagnoses.push(depression.clone()));
        assert_eq!(refused.err(), Some(Code::EncNewDiagnosis));
        let reasoned = accept(visit.clone(), |d| {
            d.diagnoses.push(depression);
            d.new_diagnosis_reason = Some("住院期间确诊，资料在途".into());
        });
        assert!(reasoned.is_ok());
        assert!(accept(visit.clone(), |d| d.diagnoses = vec![Coding::new(system::ICD10, "E10.9")]).is_ok());
        let uncoded = accept(visit, |d| d.diagnoses = vec![Coding::new(system::SNOMED, "44054006")]);
        assert_eq!(uncoded.err(), Some(Code::EncDiagnosisUncoded));
    }

    #[test]
    fn a_child_under_six_is_not_alone() {
        let born = Instant::parse("2021-03-01").expect("date");
        let visit = request(|r| r.born = born).expect("request");
        let guardian = Some(fixture::guardianship(fixture::PATIENT, born));
        let half = Accompaniment { guardian: "母亲".into(), specialist: false };
        let whole = Accompaniment { specialist: true, ..half.clone() };
        let others = Some(fixture::guardianship(PatientId::from_u128(2), born));
        for (guardian, accompaniment) in
            [(guardian, None), (guardian, Some(half)), (None, Some(whole.clone())), (others, Some(whole.clone()))]
        {
            let refused = accept_with(visit.clone(), guardian, |d| d.accompaniment = accompaniment);
            assert_eq!(refused.err(), Some(Code::EncGuardianRequired));
        }
        let accepted = accept_with(visit, guardian, |d| d.accompaniment = Some(whole)).expect("accepted");
        // At every later act, too, until the child is six.
        assert!(accepted.follow_up(guardian, NOW).is_ok());
        assert_eq!(accepted.follow_up(None, NOW).map_err(|e| e.code()), Err(Code::EncGuardianRequired));
        assert!(accepted.follow_up(None, Instant::parse("2027-03-01").expect("date")).is_ok());
    }

    #[test]
    fn only_a_signed_human_decision_counts() {
        let visit = request(|_| {}).expect("request");
        assert_eq!(accept(visit.clone(), |d| d.author = AuthorKind::Machine).err(), Some(Code::AiForbiddenAct));
        assert_eq!(
            Encounter::from(visit.clone()).follow_up(None, NOW).map_err(|e| e.code()),
            Err(Code::EncFollowupUndecided)
        );
        let doctor = fixture::doctor();
        let forged = fixture::sign(&doctor, &Digest::of_bytes(b"something else"), NOW);
        let refused = visit
            .accept(&doctor, fixture::decision(), (forged, &fixture::Verifier), None, &fixture::encounter_rules(), NOW)
            .expect_err("forged");
        assert_eq!(refused.error.code(), Code::EncFollowupUndecided);
        assert_eq!(refused.value.request().id, fixture::request().id);
        let digest = refused.value.decision_digest(doctor.account, &fixture::decision(), NOW).expect("digest");
        let backdated = fixture::sign(&doctor, &digest, NOW.plus_seconds(-1));
        let refused = refused
            .value
            .accept(
                &doctor,
                fixture::decision(),
                (backdated, &fixture::Verifier),
                None,
                &fixture::encounter_rules(),
                NOW,
            )
            .expect_err("backdated");
        assert_eq!(refused.error.code(), Code::EncFollowupUndecided);
    }

    #[test]
    fn a_red_flag_stops_and_stays_until_a_doctor_resolves_it() {
        let visit = accept(request(|_| {}).expect("request"), |_| {}).expect("accept");
        assert!(visit.clone().stop(Finder::Person(&fixture::patient()), "SUICIDAL_INTENT".into(), NOW).is_err());
        let stopped = visit.stop(Finder::Plugin("xinglin.mental"), "SUICIDAL_INTENT".into(), NOW).expect("stop");
        let encounter = Encounter::from(stopped.clone());
        assert_eq!(encounter.follow_up(None, NOW).map_err(|e| e.code()), Err(Code::EncRedFlag));
        let refused = encounter.expecting::<Accepted>().expect_err("still open");
        assert_eq!(refused.error.code(), Code::EncRedFlagOpen);
        assert_eq!(refused.value.state(), EncounterState::Stopped);
        assert!(stopped.clone().resolve(&fixture::pharmacist(), "120".into(), NOW).is_err());
        assert!(stopped.clone().resolve(&fixture::doctor(), "  ".into(), NOW).is_err());
        let closed = stopped.resolve(&fixture::doctor(), "家属陪同，已转急诊".into(), NOW).expect("resolved");
        assert_eq!(Encounter::from(closed).follow_up(None, NOW).map_err(|e| e.code()), Err(Code::EncState));
    }

    #[test]
    fn it_survives_the_store() {
        let visit = Encounter::from(accept(request(|_| {}).expect("request"), |_| {}).expect("accept"));
        let json = serde_json::to_value(&visit).expect("json");
        assert_eq!(serde_json::from_value::<Encounter>(json).expect("encounter"), visit);
    }

    #[test]
    fn chapters_split_within_letters() {
        let chapter = |code: &str| icd10_chapter(&Coding::new(system::ICD10, code));
        assert_eq!(chapter("D48.9"), Some(2));
        assert_eq!(chapter("D50"), Some(3));
        assert_eq!(chapter("H59.8"), Some(7));
        assert_eq!(chapter("H60"), Some(8));
        assert_eq!(chapter("e11.900"), Some(4));
        assert_eq!(chapter("E1"), None);
        assert_eq!(chapter("糖尿病"), None);
    }
}
