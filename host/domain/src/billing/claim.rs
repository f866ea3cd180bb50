//! The life of a bill with one payer.
//!
//! ```text
//! Quoted ─confirm▶ Confirmed ─begin▶ Settling ─answer▶ Settled ─reverse▶ Reversing ─answer▶ Reversed
//!                      ▲                │  │ └drift▶ Drifted ──reverse──▲ │
//!                      └──never seen──┐ │  └refused▶ Refused              │
//!                                     Unknown ◀────────no answer──────────┘
//! Quoted, Confirmed ─abandon▶ Abandoned
//! ```
//!
//! A call without an answer leaves the claim in [`Unknown`]; from there only
//! the payer's own word on that operation leads on. Nothing is sent blindly
//! again. A settlement whose figures are not those that the patient agreed to
//! is [`Drifted`]: it happened, and the only way on is to take it back. Where
//! the payer says that it did nothing, the claim is [`Confirmed`] again: it may be
//! sent under a new name, or given up.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Allocation, BillingError, PayerKind};
use crate::{
    access::{Action, Actor, can},
    canonical::Digest,
    code::Code,
    id::{AccountId, BillId, PatientId, TenantId},
    machine::{Refused as RefusedStep, machine},
    money::Money,
    payer::{self, Adjudication, Bill, Operation, PayerError, Reversal, Settlement, Source, Status},
    time::Instant,
};

/// What every state knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    id: BillId,
    tenant: TenantId,
    patient: PatientId,
    /// Id of the payer plugin; nobody for the patient alone.
    payer: Option<String>,
    bill: Bill,
    /// How many operations were begun; part of each key.
    attempts: u32,
}

/// What a bill is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Drawn at the edge.
    pub id: BillId,
    /// Whose books it goes into.
    pub tenant: TenantId,
    /// Whom it is about.
    pub patient: PatientId,
    /// What is charged.
    pub bill: Bill,
}

/// One operation with the payer, and what it was about: the same key never
/// stands for two contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// As the payer knows it.
    pub operation: Operation,
    /// Hash of bill and figures.
    pub request: Digest,
}

impl Attempt {
    /// Whether a request with this key and content is this one over again.
    ///
    /// # Errors
    /// If it has this key and another content.
    pub fn is_replay(&self, key: &str, request: &Digest) -> Result<bool, BillingError> {
        if self.operation.key != key {
            Ok(false)
        } else if self.request == *request {
            Ok(true)
        } else {
            Err(BillingError::Conflict(key.to_owned()))
        }
    }
}

/// The payer has said how it would share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quoted {
    /// How.
    pub allocation: Allocation,
    /// When it said so.
    pub at: Instant,
}

/// The patient agreed to these figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// To which.
    pub allocation: Allocation,
    /// Who agreed.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// The payer was asked to settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settling {
    /// What the patient agreed to.
    pub confirmed: Confirmed,
    /// The operation.
    pub attempt: Attempt,
}

/// What no answer has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pending {
    /// A settlement.
    Settle(Settling),
    /// A reversal.
    Reverse(Box<Reversing>),
}

impl Pending {
    /// The operation to ask after.
    pub const fn attempt(&self) -> &Attempt {
        match self {
            Self::Settle(settling) => &settling.attempt,
            Self::Reverse(reversing) => &reversing.attempt,
        }
    }
}

/// Nobody knows whether it happened: ask the payer, do not send again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    /// What.
    pub pending: Pending,
    /// Since when.
    pub since: Instant,
}

/// Paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// Who pays what.
    pub allocation: Allocation,
    /// The payer's answer; nothing where the patient paid alone.
    pub settlement: Option<Settlement>,
    /// The operation that did it.
    pub attempt: Option<Attempt>,
    /// Lines whose cash was given back.
    pub refunded: BTreeSet<u32>,
    /// When.
    pub at: Instant,
}

/// Settled, but not as agreed: to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drifted {
    /// What the patient had agreed to.
    pub confirmed: Confirmed,
    /// What the payer did.
    pub settlement: Settlement,
    /// `INS_PRESETTLE_DRIFT`, or why its figures cannot be taken at all.
    pub problem: Code,
    /// When.
    pub at: Instant,
}

/// What is being reversed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A good settlement.
    Settled(Settled),
    /// One that was not as agreed.
    Drifted(Drifted),
}

impl Origin {
    /// What the payer is asked to take back.
    pub const fn settlement(&self) -> Option<&Settlement> {
        match self {
            Self::Settled(settled) => settled.settlement.as_ref(),
            Self::Drifted(drifted) => Some(&drifted.settlement),
        }
    }
}

/// The payer was asked to take a settlement back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversing {
    /// Which.
    pub origin: Origin,
    /// The operation.
    pub attempt: Attempt,
}

/// Taken back. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversed {
    /// What it had been.
    pub origin: Origin,
    /// The payer's answer; nothing where the patient had paid alone.
    pub reversal: Option<Reversal>,
    /// When.
    pub at: Instant,
}

/// The payer will not. Final: the bill may be opened anew with another payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declined {
    /// Why.
    pub refusals: Vec<payer::Refusal>,
    /// When.
    pub at: Instant,
}

/// Given up before anything was paid. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abandoned {
    /// By whom.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// A bill with its payer, in a known state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim<S> {
    head: Head,
    state: S,
}

machine! {
    /// A bill with its payer in any state, as it is stored.
    enum Charge of Claim with Head;
    /// The states of a bill.
    tag ChargeState;
    /// A state of a bill.
    stage ChargeStage;
    /// The payer has said how it would share.
    Quoted = "QUOTED",
    /// The patient agreed.
    Confirmed = "CONFIRMED",
    /// The payer was asked to settle.
    Settling = "SETTLING",
    /// Nobody knows whether it happened.
    Unknown = "UNKNOWN",
    /// Paid.
    Settled = "SETTLED",
    /// Settled, but not as agreed.
    Drifted = "DRIFTED",
    /// The payer was asked to take it back.
    Reversing = "REVERSING",
    /// Taken back.
    Reversed = "REVERSED",
    /// The payer will not.
    Declined = "DECLINED",
    /// Given up before anything was paid.
    Abandoned = "ABANDONED",
}

/// A refused step of a bill.
pub type RefusedClaim<S> = RefusedStep<Claim<S>, BillingError>;

/// What somebody wants to do with a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the steps")]
pub enum Act {
    Confirm,
    Settle,
    Query,
    Reverse,
    Refund,
    Dispense,
}

/// Proof that a bill is paid and not taken back. Comes only from a claim that is
/// [`Settled`] at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    bill: BillId,
}

impl Paid {
    /// Which bill.
    pub const fn bill(&self) -> BillId {
        self.bill
    }
}

impl Charge {
    /// Its id.
    pub const fn id(&self) -> BillId {
        self.head().id
    }

    /// Whose books it goes into.
    pub const fn tenant(&self) -> TenantId {
        self.head().tenant
    }

    /// Whom it is about.
    pub const fn patient(&self) -> PatientId {
        self.head().patient
    }

    /// Id of the payer plugin; nobody for the patient alone.
    pub fn payer(&self) -> Option<&str> {
        self.head().payer.as_deref()
    }

    /// What is charged.
    pub const fn bill(&self) -> &Bill {
        &self.head().bill
    }

    /// The figures that hold: quoted, agreed or settled.
    pub const fn allocation(&self) -> Option<&Allocation> {
        match self {
            Self::Quoted(claim) => Some(&claim.state.allocation),
            Self::Confirmed(claim) => Some(&claim.state.allocation),
            Self::Settling(claim) => Some(&claim.state.confirmed.allocation),
            Self::Settled(claim) => Some(&claim.state.allocation),
            Self::Drifted(claim) => Some(&claim.state.confirmed.allocation),
            Self::Unknown(_) | Self::Reversing(_) | Self::Reversed(_) | Self::Declined(_) | Self::Abandoned(_) => None,
        }
    }

    /// The operation under way or that led here.
    pub const fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Settling(claim) => Some(&claim.state.attempt),
            Self::Unknown(claim) => Some(claim.state.pending.attempt()),
            Self::Settled(claim) => claim.state.attempt.as_ref(),
            Self::Reversing(claim) => Some(&claim.state.attempt),
            Self::Quoted(_)
            | Self::Confirmed(_)
            | Self::Drifted(_)
            | Self::Reversed(_)
            | Self::Declined(_)
            | Self::Abandoned(_) => None,
        }
    }

    /// The proof that it is paid.
    ///
    /// # Errors
    /// If it is not, or no longer.
    pub fn paid(&self) -> Result<Paid, BillingError> {
        match self {
            Self::Settled(claim) => Ok(claim.paid()),
            other => Err(BillingError::State { act: Act::Dispense, state: other.state() }),
        }
    }

    /// The bill in the state that an act needs.
    ///
    /// # Errors
    /// If it is in another.
    pub fn expecting<S: ChargeStage>(self, act: Act) -> Result<Claim<S>, RefusedStep<Self, BillingError>> {
        S::of(self).map_err(|other| {
            let error = match (act, other.state()) {
                (Act::Reverse | Act::Refund, ChargeState::Reversing | ChargeState::Reversed) => {
                    BillingError::AlreadyReversed
                }
                (act, state) => BillingError::State { act, state },
            };
            RefusedStep::new(other, error)
        })
    }
}

impl<S> Claim<S> {
    /// The state, with what it knows.
    pub const fn state(&self) -> &S {
        &self.state
    }

    /// What is charged.
    pub const fn bill(&self) -> &Bill {
        &self.head.bill
    }

    fn with<T>(self, next: impl FnOnce(S) -> T) -> Claim<T> {
        Claim { head: self.head, state: next(self.state) }
    }

    fn advance<F, T>(
        self,
        guard: impl FnOnce(&Self) -> Result<F, BillingError>,
        next: impl FnOnce(S, F) -> T,
    ) -> Result<Claim<T>, RefusedClaim<S>> {
        match guard(&self) {
            Ok(facts) => Ok(self.with(|state| next(state, facts))),
            Err(error) => Err(RefusedStep::new(self, error)),
        }
    }

    /// The next operation: its key names tenant, bill, payer, attempt and verb.
    fn attempt(&self, verb: &str, allocation: &Allocation, at: Instant) -> Result<Attempt, BillingError> {
        let Head { id, tenant, payer, bill, attempts, .. } = &self.head;
        let payer = Digest::of_bytes(payer.as_deref().unwrap_or_default().as_bytes()).to_string();
        let key = format!("{tenant}/{id}/{}/{}/{verb}", &payer[..16], attempts.saturating_add(1));
        let request = Digest::of(&(verb, bill, allocation))?;
        Ok(Attempt { operation: Operation { key, at }, request })
    }

    /// Only the patient, or who acts for them, agrees to a charge.
    fn patient_only(&self, by: &Actor, at: Instant) -> Result<(), BillingError> {
        can(by, Action::ConfirmCharge, at)?;
        if by.acts_for(self.head.patient) { Ok(()) } else { Err(BillingError::AnotherPatient) }
    }

    /// Possible only while nothing is paid or under way.
    fn given_up(self, by: &Actor, at: Instant) -> Result<Claim<Abandoned>, RefusedClaim<S>> {
        self.advance(|_| Ok(can(by, Action::ReverseCharge, at)?), |_, ()| Abandoned { by: by.account, at })
    }

    fn begun(mut self) -> Self {
        self.head.attempts = self.head.attempts.saturating_add(1);
        self
    }
}

impl Claim<Quoted> {
    /// A payer's quote, checked.
    ///
    /// # Errors
    /// If its figures do not hold.
    pub fn quote(
        open: Open,
        payer: String,
        kind: PayerKind,
        adjudication: &Adjudication,
        at: Instant,
    ) -> Result<Self, BillingError> {
        let allocation = Allocation::check(&open.bill, adjudication, kind)?;
        Ok(Self::opened(open, Some(payer), Quoted { allocation, at }))
    }

    /// The patient pays alone.
    ///
    /// # Errors
    /// If the bill has no lines or a negative one.
    pub fn self_pay(open: Open, at: Instant) -> Result<Self, BillingError> {
        let allocation = Allocation::self_pay(&open.bill)?;
        Ok(Self::opened(open, None, Quoted { allocation, at }))
    }

    fn opened(Open { id, tenant, patient, bill }: Open, payer: Option<String>, state: Quoted) -> Self {
        Self { head: Head { id, tenant, patient, payer, bill, attempts: 0 }, state }
    }

    /// The patient agrees to pay so much in cash.
    ///
    /// # Errors
    /// If it is not the patient, or another amount than quoted.
    pub fn confirm(self, by: &Actor, cash: Money, at: Instant) -> Result<Claim<Confirmed>, RefusedClaim<Quoted>> {
        self.advance(
            |claim| {
                claim.patient_only(by, at)?;
                if claim.state.allocation.part(Source::Cash) != cash {
                    return Err(BillingError::Drift);
                }
                Ok(())
            },
            |quoted, ()| Confirmed { allocation: quoted.allocation, by: by.account, at },
        )
    }

    /// Nobody wants it any more.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn abandon(self, by: &Actor, at: Instant) -> Result<Claim<Abandoned>, RefusedClaim<Quoted>> {
        self.given_up(by, at)
    }
}

impl Claim<Confirmed> {
    /// The patient confirms again what the payer could not settle the last time.
    ///
    /// # Errors
    /// If it is not the patient, or another amount than was agreed to.
    pub fn confirm_again(self, by: &Actor, cash: Money, at: Instant) -> Result<Self, RefusedClaim<Confirmed>> {
        self.advance(
            |claim| {
                claim.patient_only(by, at)?;
                if claim.state.allocation.part(Source::Cash) != cash {
                    return Err(BillingError::Conflict(claim.head.id.to_string()));
                }
                Ok(())
            },
            |confirmed, ()| confirmed,
        )
    }

    /// Nobody waits for the payer any longer. Nothing was paid, as no operation
    /// is under way.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn abandon(self, by: &Actor, at: Instant) -> Result<Claim<Abandoned>, RefusedClaim<Confirmed>> {
        self.given_up(by, at)
    }

    /// Names the operation with which the payer is asked to settle. Store the
    /// result before sending it.
    ///
    /// # Errors
    /// If there is no payer to ask.
    pub fn begin(self, at: Instant) -> Result<Claim<Settling>, RefusedClaim<Confirmed>> {
        self.advance(
            |claim| {
                if claim.head.payer.is_none() {
                    return Err(BillingError::State { act: Act::Settle, state: ChargeState::Confirmed });
                }
                claim.attempt("settle", &claim.state.allocation, at)
            },
            |confirmed, attempt| Settling { confirmed, attempt },
        )
        .map(Claim::begun)
    }

    /// The patient has paid alone.
    ///
    /// # Errors
    /// If there is a payer to be asked.
    pub fn collect(self, at: Instant) -> Result<Claim<Settled>, RefusedClaim<Confirmed>> {
        self.advance(
            |claim| match claim.head.payer {
                None => Ok(()),
                Some(_) => Err(BillingError::State { act: Act::Settle, state: ChargeState::Confirmed }),
            },
            |confirmed, ()| Settled {
                allocation: confirmed.allocation,
                settlement: None,
                attempt: None,
                refunded: BTreeSet::new(),
                at,
            },
        )
    }
}

impl Claim<Settling> {
    /// The payer has answered.
    pub fn answered(self, answer: payer::Settled, at: Instant) -> Charge {
        match answer {
            payer::Settled::Done(settlement) => self.settled(settlement, at),
            payer::Settled::Refused(refusals) => self.with(|_| Declined { refusals, at }).into(),
        }
    }

    /// The payer could not decide. Where it says that nothing was done, the claim
    /// may be sent again; otherwise nobody knows.
    pub fn failed(self, error: &PayerError, at: Instant) -> Charge {
        match error {
            PayerError::Unavailable(_) | PayerError::MissingData(_) => self.with(|state| state.confirmed).into(),
            PayerError::Conflict(_) | PayerError::Other(_) => self.unanswered(at).into(),
        }
    }

    /// The call broke or ran out of time.
    pub fn unanswered(self, at: Instant) -> Claim<Unknown> {
        self.with(|state| Unknown { pending: Pending::Settle(state), since: at })
    }

    fn settled(self, settlement: Settlement, at: Instant) -> Charge {
        let agreed = &self.state.confirmed.allocation;
        let problem = match Allocation::check(&self.head.bill, &settlement.adjudication, agreed.kind()) {
            Ok(allocation) if allocation.same_figures(agreed) => {
                let settled = |state: Settling| Settled {
                    allocation,
                    settlement: Some(settlement),
                    attempt: Some(state.attempt),
                    refunded: BTreeSet::new(),
                    at,
                };
                return self.with(settled).into();
            }
            Ok(_) => Code::InsPresettleDrift,
            Err(error) => error.code(),
        };
        self.with(|state| Drifted { confirmed: state.confirmed, settlement, problem, at }).into()
    }
}

impl Claim<Unknown> {
    /// What the payer says of the operation when asked after it.
    pub fn resolve(self, status: Status, at: Instant) -> Charge {
        let Self { head, state: Unknown { pending, since } } = self;
        match pending {
            Pending::Settle(state) => {
                let claim = Claim { head, state };
                match status {
                    Status::Settled(settlement) => claim.settled(settlement, at),
                    Status::Refused(refusals) => claim.with(|_| Declined { refusals, at }).into(),
                    Status::NeverSeen => claim.with(|state| state.confirmed).into(),
                    // A settlement cannot have become a reversal under its own key:
                    // the answer is not one, ask again.
                    Status::Pending | Status::Reversed(_) => claim.unanswered(since).into(),
                }
            }
            Pending::Reverse(state) => {
                let claim = Claim { head, state: *state };
                match status {
                    Status::Reversed(reversal) => claim.reversed(Some(reversal), at).into(),
                    Status::NeverSeen | Status::Refused(_) | Status::Settled(_) => claim.stands(),
                    Status::Pending => claim.unanswered(since).into(),
                }
            }
        }
    }
}

impl Claim<Settled> {
    /// The proof that it is paid.
    pub const fn paid(&self) -> Paid {
        Paid { bill: self.head.id }
    }

    /// Gives back the cash of lines that the payer does not share in.
    ///
    /// # Errors
    /// If a line is shared by the payer (reverse the bill and settle the rest),
    /// was given back before, or is none.
    pub fn refund_lines(
        self,
        by: &Actor,
        lines: &BTreeSet<u32>,
        at: Instant,
    ) -> Result<(Self, Money), RefusedClaim<Settled>> {
        let mut amount = Money::ZERO;
        let claim = self.advance(
            |claim| {
                can(by, Action::ReverseCharge, at)?;
                for &number in lines {
                    let line = claim.state.allocation.lines().iter().find(|line| line.number == number);
                    let Some(line) = line else { return Err(BillingError::Lines) };
                    if claim.state.refunded.contains(&number) {
                        return Err(BillingError::RefundExceeds);
                    }
                    let shared = Money::sum([line.over_limit, line.pre_self_pay, line.in_scope])?;
                    if shared != Money::ZERO {
                        return Err(BillingError::Shared(number));
                    }
                    amount = amount.plus(line.self_funded)?;
                }
                let before = claim.state.allocation.lines().iter().filter(|l| claim.state.refunded.contains(&l.number));
                let in_all = Money::sum(before.map(|line| line.self_funded))?.plus(amount)?;
                if in_all > claim.state.allocation.part(Source::Cash) {
                    return Err(BillingError::RefundExceeds);
                }
                Ok(())
            },
            |mut settled, ()| {
                settled.refunded.extend(lines);
                settled
            },
        )?;
        Ok((claim, amount))
    }

    /// Names the operation with which the payer is asked to take it back.
    ///
    /// # Errors
    /// If the actor may not, or there is no payer to ask.
    pub fn reverse(self, by: &Actor, at: Instant) -> Result<Claim<Reversing>, RefusedClaim<Settled>> {
        self.advance(
            |claim| {
                can(by, Action::ReverseCharge, at)?;
                if claim.head.payer.is_none() {
                    return Err(BillingError::State { act: Act::Reverse, state: ChargeState::Settled });
                }
                claim.attempt("reverse", &claim.state.allocation, at)
            },
            |settled, attempt| Reversing { origin: Origin::Settled(settled), attempt },
        )
        .map(Claim::begun)
    }

    /// Gives back all that the patient had paid alone.
    ///
    /// # Errors
    /// If the actor may not, or there is a payer to be asked.
    pub fn refund_all(self, by: &Actor, at: Instant) -> Result<Claim<Reversed>, RefusedClaim<Settled>> {
        self.advance(
            |claim| {
                can(by, Action::ReverseCharge, at)?;
                match claim.head.payer {
                    None => Ok(()),
                    Some(_) => Err(BillingError::State { act: Act::Refund, state: ChargeState::Settled }),
                }
            },
            |settled, ()| Reversed { origin: Origin::Settled(settled), reversal: None, at },
        )
    }
}

impl Claim<Drifted> {
    /// Names the operation with which the payer is asked to take it back. Needs
    /// nobody's consent: it was never agreed to.
    ///
    /// # Errors
    /// If the figures cannot be hashed.
    pub fn reverse(self, at: Instant) -> Result<Claim<Reversing>, RefusedClaim<Drifted>> {
        self.advance(
            |claim| claim.attempt("reverse", &claim.state.confirmed.allocation, at),
            |drifted, attempt| Reversing { origin: Origin::Drifted(drifted), attempt },
        )
        .map(Claim::begun)
    }
}

impl Claim<Reversing> {
    /// The payer has answered. Where it refuses, the settlement stands.
    pub fn answered(self, answer: payer::Reversed, at: Instant) -> Charge {
        match answer {
            payer::Reversed::Done(reversal) => self.reversed(Some(reversal), at).into(),
            payer::Reversed::Refused(_) => self.stands(),
        }
    }

    /// The payer could not decide; see [`Claim::<Settling>::failed`].
    pub fn failed(self, error: &PayerError, at: Instant) -> Charge {
        match error {
            PayerError::Unavailable(_) | PayerError::MissingData(_) => self.stands(),
            PayerError::Conflict(_) | PayerError::Other(_) => self.unanswered(at).into(),
        }
    }

    /// The call broke or ran out of time.
    pub fn unanswered(self, at: Instant) -> Claim<Unknown> {
        self.with(|state| Unknown { pending: Pending::Reverse(Box::new(state)), since: at })
    }

    fn reversed(self, reversal: Option<Reversal>, at: Instant) -> Claim<Reversed> {
        self.with(|state| Reversed { origin: state.origin, reversal, at })
    }

    fn stands(self) -> Charge {
        let Self { head, state } = self;
        match state.origin {
            Origin::Settled(state) => Claim { head, state }.into(),
            Origin::Drifted(state) => Claim { head, state }.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{self, NOW, fen},
        payer::{Part, Refusal},
    };

    const INSURANCE: &str = "xinglin.medical-insurance";

    fn open() -> Open {
        Open {
            id: BillId::from_u128(1),
            tenant: TenantId::from_u128(1),
            patient: fixture::PATIENT,
            bill: fixture::bill(),
        }
    }

    fn quoted() -> Claim<Quoted> {
        let adjudication = fixture::adjudication();
        Claim::quote(open(), INSURANCE.into(), PayerKind::BasicInsurance, &adjudication, NOW).expect("quote")
    }

    fn confirmed() -> Claim<Confirmed> {
        quoted().confirm(&fixture::patient(), fen(6750), NOW).expect("agreed")
    }

    fn settling() -> Claim<Settling> {
        confirmed().begin(NOW).expect("begun")
    }

    fn settlement(change: impl FnOnce(&mut Adjudication)) -> Settlement {
        let mut adjudication = fixture::adjudication();
        change(&mut adjudication);
        Settlement { reference: "setl-1".into(), adjudication }
    }

    fn settled() -> Claim<Settled> {
        settling().answered(payer::Settled::Done(settlement(|_| {})), NOW).expecting(Act::Reverse).expect("settled")
    }

    fn refusal() -> Vec<Refusal> {
        vec![Refusal {
            code: "COVERAGE_LAPSED".into(),
            message: fixture::text("参保已停"),
            citation: fixture::citation(),
        }]
    }

    #[test]
    fn the_patient_agrees_to_the_figure_they_saw() {
        let refused = quoted().confirm(&fixture::patient(), fen(6749), NOW).expect_err("another figure");
        assert_eq!(refused.error.code(), Code::InsPresettleDrift);
        assert_eq!(*refused.value, quoted());
        let refused = quoted().confirm(&fixture::stranger(), fen(6750), NOW).expect_err("another patient");
        assert_eq!(refused.error.code(), Code::AuthForbidden);
    }

    #[test]
    fn a_settlement_as_agreed_is_paid() {
        let charge = Charge::from(settled());
        assert_eq!(charge.state(), ChargeState::Settled);
        assert_eq!(charge.paid().expect("paid").bill(), open().id);
        assert_eq!(Charge::from(settling()).paid().map_err(|e| e.code()).err(), Some(Code::PayState));
        let json = serde_json::to_value(&charge).expect("json");
        assert_eq!(serde_json::from_value::<Charge>(json).expect("charge"), charge);
    }

    #[test]
    fn a_settlement_not_as_agreed_can_only_be_taken_back() {
        let drift = settlement(|a| {
            a.parts[0].amount = fen(5549);
            a.parts[2].amount = fen(6751);
        });
        let charge = settling().answered(payer::Settled::Done(drift), NOW);
        let drifted = charge.expecting::<Drifted>(Act::Reverse).expect("drifted");
        assert_eq!(drifted.state().problem, Code::InsPresettleDrift);
        let nonsense = settlement(|a| a.parts[0].amount = fen(1));
        let charge = settling().answered(payer::Settled::Done(nonsense), NOW);
        assert_eq!(charge.clone().paid().map_err(|e| e.code()).err(), Some(Code::PayState));
        let unbalanced = charge.expecting::<Drifted>(Act::Reverse).expect("it happened");
        assert_eq!(unbalanced.state().problem, Code::LedgerUnbalanced);
        let done = payer::Reversed::Done(Reversal { reference: "rev-1".into(), accumulators: vec![] });
        let reversed = drifted.reverse(NOW).expect("begun").answered(done, NOW);
        assert_eq!(reversed.state(), ChargeState::Reversed);
    }

    #[test]
    fn only_the_payers_word_ends_not_knowing() {
        let unknown = || settling().unanswered(NOW);
        let state = |status| unknown().resolve(status, NOW).state();
        assert_eq!(state(Status::Pending), ChargeState::Unknown);
        assert_eq!(state(Status::NeverSeen), ChargeState::Confirmed);
        assert_eq!(state(Status::Settled(settlement(|_| {}))), ChargeState::Settled);
        assert_eq!(state(Status::Refused(refusal())), ChargeState::Declined);
        let resend = Charge::from(unknown()).expecting::<Confirmed>(Act::Settle).expect_err("never blindly");
        assert_eq!(resend.error.code(), Code::PayState);
        assert_eq!(settling().failed(&PayerError::Unavailable("down".into()), NOW).state(), ChargeState::Confirmed);
        assert_eq!(settling().failed(&PayerError::Other("?".into()), NOW).state(), ChargeState::Unknown);
    }

    #[test]
    fn what_the_payer_did_not_settle_is_confirmed_again_or_given_up() {
        let free = || {
            let failed = settling().failed(&PayerError::MissingData(fixture::text("缺少参保地")), NOW);
            failed.expecting::<Confirmed>(Act::Settle).expect("free")
        };
        let again = free().confirm_again(&fixture::patient(), fen(6750), NOW).expect("the same amount");
        assert_eq!(again, free());
        let code = |by, cash| free().confirm_again(&by, fen(cash), NOW).map_err(|refused| refused.error.code()).err();
        assert_eq!(code(fixture::patient(), 6749), Some(Code::PayIdempotencyConflict));
        assert_eq!(code(fixture::stranger(), 6750), Some(Code::AuthForbidden));
        assert_eq!(code(fixture::pharmacist(), 6750), Some(Code::AuthForbidden));

        assert!(free().abandon(&fixture::stranger(), NOW).is_err());
        assert!(quoted().abandon(&fixture::patient(), NOW).is_err());
        assert_eq!(Charge::from(quoted().abandon(&fixture::pharmacist(), NOW).expect("quoted")).attempt(), None);
        let abandoned = Charge::from(free().abandon(&fixture::pharmacist(), NOW).expect("confirmed"));
        assert_eq!((abandoned.state(), abandoned.allocation()), (ChargeState::Abandoned, None));
        assert_eq!(abandoned.paid().map_err(|e| e.code()).err(), Some(Code::PayState));
        let revived = abandoned.expecting::<Confirmed>(Act::Settle).expect_err("final");
        assert_eq!(revived.error.code(), Code::PayState);
    }

    #[test]
    fn a_drift_that_was_not_taken_back_is_taken_back_again() {
        let drift = settlement(|a| {
            a.parts[0].amount = fen(5549);
            a.parts[2].amount = fen(6751);
        });
        let drifted = || {
            let charge = settling().answered(payer::Settled::Done(drift.clone()), NOW);
            charge.expecting::<Drifted>(Act::Reverse).expect("drifted")
        };
        let first = drifted().reverse(NOW).expect("begun");
        let stands = [
            first.clone().answered(payer::Reversed::Refused(refusal()), NOW),
            first.clone().failed(&PayerError::Unavailable("down".into()), NOW),
            first.clone().unanswered(NOW).resolve(Status::NeverSeen, NOW),
        ];
        for charge in stands {
            let again = charge.expecting::<Drifted>(Act::Reverse).expect("it stands").reverse(NOW).expect("begun");
            assert_ne!(again.state().attempt.operation.key, first.state().attempt.operation.key);
        }
    }

    #[test]
    fn a_reversal_may_be_unknown_too() {
        let unknown = || settled().reverse(&fixture::pharmacist(), NOW).expect("begun").unanswered(NOW);
        let state = |status| unknown().resolve(status, NOW).state();
        assert_eq!(state(Status::NeverSeen), ChargeState::Settled);
        assert_eq!(state(Status::Pending), ChargeState::Unknown);
        let reversal = Reversal { reference: "rev-1".into(), accumulators: vec![] };
        let reversed = unknown().resolve(Status::Reversed(reversal), NOW);
        let again = reversed.expecting::<Settled>(Act::Reverse).expect_err("twice");
        assert_eq!(again.error.code(), Code::PayAlreadyReversed);
    }

    #[test]
    fn one_key_one_content() {
        let first = settling();
        let attempt = &first.state().attempt;
        assert!(attempt.operation.key.len() <= 128, "{}", attempt.operation.key);
        assert!(attempt.is_replay(&attempt.operation.key, &attempt.request).expect("the same"));
        assert!(!attempt.is_replay("another", &attempt.request).expect("another"));
        let conflict = attempt.is_replay(&attempt.operation.key, &Digest::of_bytes(b"new amount"));
        assert_eq!(conflict.map_err(|e| e.code()), Err(Code::PayIdempotencyConflict));
        // What is safe to send again is sent under a key of its own.
        let again = first.clone().failed(&PayerError::Unavailable("down".into()), NOW);
        let again = again.expecting::<Confirmed>(Act::Settle).expect("free").begin(NOW).expect("begun");
        assert_ne!(again.state().attempt.operation.key, first.state().attempt.operation.key);
        assert_eq!(again.state().attempt.request, first.state().attempt.request);
    }

    #[test]
    fn a_line_that_is_the_patients_alone_goes_back_in_cash() {
        let by = fixture::pharmacist();
        let strips = BTreeSet::from([4]);
        let (rest, cash) = settled().refund_lines(&by, &strips, NOW).expect("class C");
        assert_eq!(cash, fen(4500));
        let twice = rest.refund_lines(&by, &strips, NOW).expect_err("twice");
        assert_eq!(twice.error.code(), Code::RefundExceeds);
        let shared = settled().refund_lines(&by, &BTreeSet::from([2]), NOW).expect_err("in scope");
        assert_eq!(shared.error.code(), Code::PayState);
        let nobody = settled().refund_lines(&fixture::patient(), &strips, NOW).expect_err("not theirs to decide");
        assert_eq!(nobody.error.code(), Code::AuthForbidden);
    }

    #[test]
    fn paying_alone_asks_nobody() {
        let alone = || Claim::self_pay(open(), NOW).expect("quote").confirm(&fixture::patient(), fen(18300), NOW);
        let confirmed = alone().expect("agreed");
        assert!(confirmed.clone().begin(NOW).is_err());
        let settled = confirmed.collect(NOW).expect("paid");
        assert!(settled.clone().reverse(&fixture::pharmacist(), NOW).is_err());
        let reversed = settled.refund_all(&fixture::pharmacist(), NOW).expect("refunded");
        let again = Charge::from(reversed).expecting::<Settled>(Act::Refund).expect_err("twice");
        assert_eq!(again.error.code(), Code::PayAlreadyReversed);
        assert!(settling().unanswered(NOW).state().pending.attempt().operation.key.ends_with("/settle"));
    }

    #[test]
    fn a_quote_that_does_not_add_up_opens_nothing() {
        let mut adjudication = fixture::adjudication();
        adjudication.parts.push(Part { source: Source::Cash, amount: fen(1) });
        let refused = Claim::quote(open(), INSURANCE.into(), PayerKind::BasicInsurance, &adjudication, NOW);
        assert_eq!(refused.map_err(|e| e.code()).err(), Some(Code::LedgerUnbalanced));
    }
}
