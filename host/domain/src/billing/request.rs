//! What is asked of an insurer beside the settlement of a bill: whether the patient is insured, for a
//! guarantee of payment, or to decide anew.
//!
//! ```text
//! Sent ─answer▶ Answered, Guaranteed, DecidedAnew, Refused        (final, but for a guarantee)
//!   │ ╲─pending▶ Waiting ─status▶ …   ─complete▶ Completed
//!   │  ╲─never done▶ NotDone
//!   └─no answer▶ Sent, and unknown ─status▶ …
//! Guaranteed, Waiting ─cancel▶ Sent ─answer▶ Cancelled, or as before
//! Sent, Waiting ─close, by a person▶ Closed
//! ```
//!
//! A question is stored before it is sent, under a key of its own. What has no answer is asked about, and
//! sent again only when the insurer states that it has never seen it, or that it did nothing.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    code::Code,
    compartment::{Compartment, Compartments},
    id::{AccountId, BillId, EncounterId, InsuranceRequestId, PatientId, TenantId},
    insurance::{
        Claim, InsurerError, Operation, Pending, Policy, Refusal,
        claims::{Adjudication, ExplanationOfBenefit, Objection, Response},
        eligibility::Standing,
        preauthorization::{Decision, Guarantee},
    },
    payer::Bill,
    time::Instant,
};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Whether the patient is insured for it.
    Eligibility(Claim),
    /// A guarantee of payment for it.
    Guarantee(Claim),
    /// To decide anew.
    Appeal {
        /// Against which decision, and why.
        objection: Objection,
        /// The claim that was decided.
        claim: Claim,
        /// How.
        former: Box<Adjudication>,
    },
}

impl Ask {
    /// The name in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Eligibility(_) => "eligibility",
            Self::Guarantee(_) => "guarantee",
            Self::Appeal { .. } => "appeal",
        }
    }

    /// The claim that it is about.
    pub const fn claim(&self) -> &Claim {
        match self {
            Self::Eligibility(claim) | Self::Guarantee(claim) | Self::Appeal { claim, .. } => claim,
        }
    }
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// The question.
    Submit,
    /// That it, or what was granted, is not needed any more.
    Cancel,
}

/// An operation that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// What.
    pub verb: Verb,
    /// Under which key.
    pub operation: Operation,
    /// How often.
    pub times: u32,
    /// Since when it has no answer, if one was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_since: Option<Instant>,
    /// What holds if nothing of it was done; of a cancellation, what is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<State>>,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Without an answer yet.
    Sent(Sent),
    /// The insurer has seen it and not decided.
    Waiting {
        /// What was sent.
        sent: Sent,
        /// What it said.
        pending: Pending,
    },
    /// Nothing was done, and it is not sent again by itself.
    NotDone {
        /// Why, for operators.
        why: String,
    },
    /// Of eligibility.
    Answered(Standing),
    /// A guarantee was given, for everything or for less.
    Guaranteed {
        /// The guarantee.
        guarantee: Guarantee,
        /// Whether every line is guaranteed in full.
        whole: bool,
    },
    /// An appeal was granted.
    DecidedAnew(ExplanationOfBenefit),
    /// Refused; of an appeal: the decision stands.
    Refused(Vec<Refusal>),
    /// Taken back.
    Cancelled,
    /// Another question with the documents that were wanted took its place.
    Completed {
        /// Which.
        by: InsuranceRequestId,
    },
    /// The accounts ended it without an answer of the insurer's plugin.
    Closed {
        /// Who.
        by: AccountId,
        /// Upon what: who of the insurer said so.
        reason: String,
        /// When.
        at: Instant,
    },
}

impl State {
    /// The name in the API and the store.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent(sent) if sent.unknown_since.is_some() => "UNKNOWN",
            Self::Sent(_) => "SENT",
            Self::Waiting { pending, .. } if !pending.documents_wanted.is_empty() => "DOCUMENTS_WANTED",
            Self::Waiting { .. } => "PENDING",
            Self::NotDone { .. } => "NOT_DONE",
            Self::Answered(Standing::InForce(_)) => "IN_FORCE",
            Self::Answered(Standing::NotInForce(_)) => "NOT_IN_FORCE",
            Self::Guaranteed { whole: true, .. } => "GRANTED",
            Self::Guaranteed { whole: false, .. } => "PARTIAL",
            Self::DecidedAnew(_) => "DECIDED",
            Self::Refused(_) => "REFUSED",
            Self::Cancelled => "CANCELLED",
            Self::Completed { .. } => "COMPLETED",
            Self::Closed { .. } => "CLOSED",
        }
    }
}

/// A question to an insurer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its id.
    pub id: InsuranceRequestId,
    /// The tenant.
    pub tenant: TenantId,
    /// The patient.
    pub patient: PatientId,
    /// Id of the insurer's plugin.
    pub payer: String,
    /// The bill that it is about.
    pub bill: Option<BillId>,
    /// The visit that it is about.
    pub visit: Option<EncounterId>,
    /// Who asked.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// What is asked.
    pub ask: Ask,
    /// The restricted compartments that it discloses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restricted: Vec<Compartment>,
    /// The policy that was told, with the balances of then.
    pub policy: Policy,
    /// Where it stands.
    pub state: State,
}

/// Why a step is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Not in this state.
    #[error("the question is {0}")]
    State(&'static str),
    /// A reason is needed.
    #[error("`reason` is missing")]
    Unsaid,
}

impl RequestError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::State(_) => Code::PayState,
            Self::Unsaid => Code::BodyInvalid,
        }
    }
}

/// How often the same operation is sent before nobody waits for it any more. A project default.
const MOST_TIMES: u32 = 3;

impl Request {
    /// The operation by which it is first sent.
    pub fn first(tenant: TenantId, id: InsuranceRequestId, at: Instant) -> State {
        let operation = Operation { key: format!("{tenant}/{id}/1/submit"), at };
        State::Sent(Sent { verb: Verb::Submit, operation, times: 1, unknown_since: None, before: None })
    }

    /// The restricted compartments that it discloses.
    pub fn labels(&self) -> Compartments {
        self.restricted.iter().fold(Compartments::NONE, |all, one| all.or(Compartments::from(*one)))
    }

    /// The operation without a final answer.
    pub const fn sent(&self) -> Option<&Sent> {
        match &self.state {
            State::Sent(sent) | State::Waiting { sent, .. } => Some(sent),
            _ => None,
        }
    }

    /// The insurer's reference of what it has, granted or not decided.
    pub fn reference(&self) -> Option<&str> {
        match &self.state {
            State::Waiting { pending, .. } => Some(&pending.reference),
            State::Guaranteed { guarantee, .. } => Some(&guarantee.reference),
            State::DecidedAnew(decided) => Some(&decided.reference),
            State::Sent(Sent { before: Some(before), .. }) => match before.as_ref() {
                State::Waiting { pending, .. } => Some(&pending.reference),
                State::Guaranteed { guarantee, .. } => Some(&guarantee.reference),
                _ => None,
            },
            _ => None,
        }
    }

    /// Of a status: what the insurer gave for this operation, if an answer was ever read.
    pub fn reference_read(&self) -> Option<&str> {
        match &self.state {
            State::Waiting { pending, .. } => Some(&pending.reference),
            _ => None,
        }
    }

    /// Whether it guarantees a bill: every line that it is about is as it was, and it has not expired.
    pub fn guarantees(&self, bill: &Bill) -> Option<&str> {
        let State::Guaranteed { guarantee, .. } = &self.state else { return None };
        let asked = self.ask.claim();
        let figures =
            |number: u32, code: &[crate::coding::Coding], quantity, gross| (number, code.to_vec(), quantity, gross);
        let same = asked
            .lines
            .iter()
            .map(|line| figures(line.number, &line.code, line.quantity, line.gross))
            .eq(bill.lines.iter().map(|line| figures(line.number, &line.code, line.quantity, line.gross)));
        (same && asked.diagnoses == bill.diagnoses && bill.served_at < guarantee.expires)
            .then_some(guarantee.reference.as_str())
    }

    /// When the insurer is asked again by itself; `None` if it need not be.
    pub fn asks_at(&self, now: Instant, silence_seconds: i64) -> Option<Instant> {
        match &self.state {
            State::Sent(Sent { unknown_since: Some(since), .. }) => {
                let late = now.micros().saturating_sub(since.micros()) / 1_000_000;
                Some(now.plus_seconds(late.clamp(silence_seconds, 3600)))
            }
            State::Sent(_) => Some(now.plus_seconds(silence_seconds)),
            State::Waiting { pending, .. } => Some(pending.next(now)),
            _ => None,
        }
    }

    fn with(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// As if nothing had been sent.
    fn not_done(self, why: String) -> Self {
        let before = match &self.state {
            State::Sent(sent) | State::Waiting { sent, .. } => sent.before.clone(),
            _ => None,
        };
        self.with(before.map_or(State::NotDone { why }, |before| *before))
    }

    /// The call gave no answer: the insurer may have acted.
    #[must_use]
    pub fn unanswered(mut self, at: Instant) -> Self {
        if let State::Sent(sent) = &mut self.state {
            sent.unknown_since.get_or_insert(at);
        }
        self
    }

    /// What the insurer says of itself.
    #[must_use]
    pub fn failed(self, error: &InsurerError, at: Instant) -> Self {
        match error.nothing_was_done() {
            true => self.not_done(error.text().into_owned()),
            false => self.unanswered(at),
        }
    }

    /// The insurer has never seen the operation, so that it may be sent again, under the same key; or it is
    /// given up after a few times. Also whether it is sent.
    #[must_use]
    pub fn never_seen(mut self) -> (Self, bool) {
        match &mut self.state {
            State::Sent(sent) if sent.times < MOST_TIMES => {
                sent.times += 1;
                sent.unknown_since = None;
                (self, true)
            }
            _ => (self.not_done("the insurer has never seen it".to_owned()), false),
        }
    }

    /// The answer on eligibility.
    #[must_use]
    pub fn stood(self, standing: Standing) -> Self {
        self.with(State::Answered(standing))
    }

    /// The answer on a guarantee.
    #[must_use]
    pub fn decided(self, decision: Decision) -> Self {
        match decision {
            Decision::Approved(guarantee) => self.with(State::Guaranteed { guarantee, whole: true }),
            Decision::Partial(guarantee) => self.with(State::Guaranteed { guarantee, whole: false }),
            Decision::Pending(pending) => self.waits(pending),
            Decision::Refused(why) => self.refused(why),
            Decision::Cancelled => self.with(State::Cancelled),
        }
    }

    /// The answer on an appeal.
    #[must_use]
    pub fn responded(self, response: Response) -> Self {
        match response {
            Response::Adjudicated(decided) => self.with(State::DecidedAnew(decided)),
            Response::Pending(pending) => self.waits(pending),
            Response::Refused(why) => self.refused(why),
            Response::Cancelled(_) => self.with(State::Cancelled),
        }
    }

    fn waits(self, pending: Pending) -> Self {
        match self.sent().cloned() {
            Some(sent) => self.with(State::Waiting { sent: Sent { unknown_since: None, ..sent }, pending }),
            None => self,
        }
    }

    /// A refused cancellation leaves what was.
    fn refused(self, why: Vec<Refusal>) -> Self {
        match self.sent() {
            Some(Sent { before: Some(before), .. }) => {
                let before = before.as_ref().clone();
                self.with(before)
            }
            _ => self.with(State::Refused(why)),
        }
    }

    /// Begins to cancel what was granted, or is not decided.
    ///
    /// # Errors
    /// In every other state, and of anything but a guarantee.
    pub fn cancel(self, at: Instant) -> Result<Self, RequestError> {
        let is_standing = match &self.state {
            State::Guaranteed { .. } => true,
            State::Waiting { sent, .. } => sent.verb == Verb::Submit,
            _ => false,
        };
        if !is_standing || !matches!(self.ask, Ask::Guarantee(_)) {
            return Err(RequestError::State(self.state.as_str()));
        }
        let operation = Operation { key: format!("{}/{}/{}/cancel", self.tenant, self.id, at.micros()), at };
        let before = Some(Box::new(self.state.clone()));
        Ok(self.with(State::Sent(Sent { verb: Verb::Cancel, operation, times: 1, unknown_since: None, before })))
    }

    /// Another question with more documents takes its place.
    ///
    /// # Errors
    /// If it does not wait.
    pub fn complete(self, by: InsuranceRequestId) -> Result<Self, RequestError> {
        match &self.state {
            State::Waiting { sent, .. } if sent.verb == Verb::Submit => Ok(self.with(State::Completed { by })),
            other => Err(RequestError::State(other.as_str())),
        }
    }

    /// A person of the accounts ends a question of which the plugin gives no answer.
    ///
    /// # Errors
    /// If it has one, or a call may be running; without a reason.
    pub fn close(self, by: AccountId, reason: String, at: Instant, silence_seconds: i64) -> Result<Self, RequestError> {
        if reason.trim().is_empty() {
            return Err(RequestError::Unsaid);
        }
        let landed = self.sent().is_some_and(|sent| at >= sent.operation.at.plus_seconds(silence_seconds));
        match landed {
            true => Ok(self.with(State::Closed { by, reason, at })),
            false => Err(RequestError::State(self.state.as_str())),
        }
    }
}

/// Codes by which an insurer says that it pays nothing without a guarantee of payment
/// (`xinglin:payment@1.1`, `eligibility.benefit`).
pub fn wants_guarantee(refusals: &[Refusal]) -> bool {
    refusals.iter().any(|refusal| refusal.code == "CLAIM_NO_PREAUTH")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        insurance::{
            fixture::{self, YEAR, refusal},
            preauthorization::GuaranteedLine,
        },
        money::Money,
    };

    const SILENCE: i64 = 30;

    fn now() -> Instant {
        YEAR.start.plus_days(100)
    }

    fn request(ask: Ask) -> Request {
        let (tenant, id) = (TenantId::from_u128(1), InsuranceRequestId::from_u128(2));
        Request {
            id,
            tenant,
            patient: PatientId::from_u128(3),
            payer: "insurer".into(),
            bill: Some(BillId::from_u128(4)),
            visit: None,
            by: AccountId::from_u128(5),
            at: now(),
            ask,
            restricted: Vec::new(),
            policy: fixture::policy(Vec::new()),
            state: Request::first(tenant, id, now()),
        }
    }

    fn guarantee() -> Guarantee {
        let line = GuaranteedLine { number: 1, amount: Money::fen(120_000), reasons: Vec::new() };
        Guarantee { reference: "G-1".into(), lines: vec![line], expires: now().plus_days(30) }
    }

    fn asked() -> Request {
        request(Ask::Guarantee(fixture::primary().0))
    }

    fn pending(wanted: usize) -> Pending {
        let kind = || crate::coding::Coding::new("http://loinc.org", "34133-9");
        Pending {
            reference: "P-1".into(),
            ask_after: now().plus_hours(3),
            documents_wanted: (0..wanted).map(|_| kind()).collect(),
        }
    }

    fn error(text: &str) -> InsurerError {
        InsurerError::Unknown(text.into())
    }

    #[test]
    fn every_answer_leads_to_its_state() {
        let granted = || asked().decided(Decision::Approved(guarantee()));
        let cancelling = || granted().cancel(now()).expect("granted");
        let rows = [
            (asked(), "SENT"),
            (asked().unanswered(now()), "UNKNOWN"),
            (asked().failed(&error("lost"), now()), "UNKNOWN"),
            (asked().failed(&InsurerError::NotDone("closed".into()), now()), "NOT_DONE"),
            (granted(), "GRANTED"),
            (asked().decided(Decision::Partial(guarantee())), "PARTIAL"),
            (asked().decided(Decision::Pending(pending(0))), "PENDING"),
            (asked().decided(Decision::Pending(pending(1))), "DOCUMENTS_WANTED"),
            (asked().decided(Decision::Refused(vec![refusal("X")])), "REFUSED"),
            (cancelling(), "SENT"),
            (cancelling().decided(Decision::Cancelled), "CANCELLED"),
            // What the insurer does not take back stands.
            (cancelling().decided(Decision::Refused(vec![refusal("USED")])), "GRANTED"),
            (cancelling().failed(&InsurerError::NotDone("closed".into()), now()), "GRANTED"),
            (cancelling().decided(Decision::Pending(pending(0))), "PENDING"),
            (
                cancelling().decided(Decision::Pending(pending(0))).decided(Decision::Refused(vec![refusal("USED")])),
                "GRANTED",
            ),
            (asked().decided(Decision::Pending(pending(1))).decided(Decision::Approved(guarantee())), "GRANTED"),
            (
                request(Ask::Eligibility(fixture::primary().0)).stood(Standing::NotInForce(vec![refusal("X")])),
                "NOT_IN_FORCE",
            ),
        ];
        for (request, status) in rows {
            assert_eq!(request.state.as_str(), status, "{request:?}");
            let text = serde_json::to_string(&request).expect("json");
            assert_eq!(serde_json::from_str::<Request>(&text).expect("the same"), request);
        }
    }

    #[test]
    fn what_was_never_seen_is_sent_again_a_few_times_under_its_key() {
        let key = asked().sent().expect("sent").operation.key.clone();
        let mut request = asked().unanswered(now());
        for _ in 1..MOST_TIMES {
            let (again, sends) = request.never_seen();
            assert!(sends && again.sent().expect("sent").operation.key == key);
            request = again.unanswered(now());
        }
        let (given_up, sends) = request.never_seen();
        assert_eq!((given_up.state.as_str(), sends), ("NOT_DONE", false));
        // A cancellation that never arrived leaves the guarantee.
        let granted = asked().decided(Decision::Approved(guarantee()));
        let mut cancelling = granted.cancel(now()).expect("granted").unanswered(now());
        for _ in 0..MOST_TIMES {
            cancelling = cancelling.never_seen().0.unanswered(now());
        }
        assert_eq!(cancelling.state.as_str(), "GRANTED");
    }

    #[test]
    fn only_what_stands_is_cancelled_completed_or_closed() {
        let by = InsuranceRequestId::from_u128(9);
        let later = now().plus_seconds(SILENCE);
        let close = |request: Request, at| request.close(AccountId::from_u128(1), "told by phone".into(), at, SILENCE);
        let waiting = || asked().decided(Decision::Pending(pending(1)));
        assert!(waiting().cancel(now()).is_ok());
        assert_eq!(waiting().complete(by).expect("waits").state.as_str(), "COMPLETED");
        assert_eq!(close(waiting(), later).expect("waits").state.as_str(), "CLOSED");
        assert_eq!(close(asked().unanswered(now()), later).expect("unknown").state.as_str(), "CLOSED");
        assert!(close(asked(), now()).is_err(), "it may be in flight");
        assert_eq!(asked().close(AccountId::from_u128(1), " ".into(), later, SILENCE), Err(RequestError::Unsaid));
        for request in [asked(), asked().decided(Decision::Refused(vec![refusal("X")]))] {
            assert_eq!(request.clone().cancel(now()).map_err(|e| e.code()), Err(Code::PayState));
            assert!(request.complete(by).is_err());
        }
        let granted = asked().decided(Decision::Approved(guarantee()));
        assert!(close(granted, later).is_err(), "it has its answer");
    }

    #[test]
    fn a_guarantee_is_for_what_was_asked_and_until_it_expires() {
        let claim = fixture::primary().0;
        let line = |number: u32, gross: i64| crate::payer::Line {
            number,
            kind: claim.lines[0].kind,
            code: claim.lines[0].code.clone(),
            quantity: claim.lines[0].quantity,
            gross: Money::fen(gross),
            attributes: Vec::new(),
        };
        let bill = |lines, served_at| Bill {
            id: "another".into(),
            served_at,
            diagnoses: claim.diagnoses.clone(),
            lines,
            prior: Vec::new(),
            use_account: false,
            guarantees: BTreeMap::new(),
            attributes: Vec::new(),
        };
        let granted = asked().decided(Decision::Approved(guarantee()));
        for (lines, days, holds) in [
            (vec![line(1, 120_000)], 0, true),
            (vec![line(1, 120_000)], 29, true),
            (vec![line(1, 120_000)], 30, false),
            (vec![line(1, 120_001)], 0, false),
            (vec![line(2, 120_000)], 0, false),
            (vec![line(1, 120_000), line(2, 1)], 0, false),
        ] {
            let bill = bill(lines, now().plus_days(days));
            assert_eq!(granted.guarantees(&bill), holds.then_some("G-1"), "{bill:?}");
            assert_eq!(asked().guarantees(&bill), None);
        }
    }

    #[test]
    fn it_is_asked_again_while_it_is_open() {
        let unknown = asked().unanswered(now());
        for (request, seconds) in [
            (asked(), Some(SILENCE)),
            (unknown.clone(), Some(SILENCE)),
            (asked().decided(Decision::Pending(pending(0))), Some(3 * 3600)),
            (asked().decided(Decision::Approved(guarantee())), None),
        ] {
            assert_eq!(request.asks_at(now(), SILENCE), seconds.map(|seconds| now().plus_seconds(seconds)));
        }
        let late = now().plus_days(1);
        assert_eq!(unknown.asks_at(late, SILENCE), Some(late.plus_hours(1)));
    }
}
