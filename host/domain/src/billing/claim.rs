//! The state machine of a bill with its payers, who are asked one after the other.
//!
//! ```text
//! Quoted ─confirm▶ Confirmed ─begin▶ Settling ─answer▶ Confirmed (the next payer) … ▶ Settled
//!                      ▲                │  │ └drift, refused▶ Unwinding             │reverse
//!                      └──never seen──┐ │  └refused▶ Declined   │ ▲ └──reverse──┐   │
//!                                     Unknown ◀─────no answer───│─│──────── Reversing ◀┘
//!                                                               │ └──answer─────┘ └answer▶ Reversed
//! Quoted, Confirmed ─abandon▶ Abandoned, or Unwinding where a payer has settled
//! Settled ─refund▶ Settled (in cash), or Unwinding … ▶ Reduced ─quote▶ Confirmed …, or the patient agrees
//! Quoted ─lapse▶ Abandoned        Settled, Unwinding ─hold▶ Unwinding, until another bill is reversed
//! ```
//!
//! Payers settle in their order and are taken back in the opposite one, one operation at a time. A call
//! without an answer leaves the claim in [`Unknown`]; only the payer's answer leads on: to a
//! query of that operation, or, if its plugin cannot be asked, to a person of the hospital's
//! accounts ([`Stated`]). No operation is sent again. A settlement with other figures than the
//! patient agreed to took place and must be reversed, and so must those before it; so must they where a
//! later payer refuses ([`Unwinding`]). If a payer states that it did nothing, the claim is [`Confirmed`]
//! again: it may be sent under a new key, or abandoned; a reversal of which it did nothing is begun
//! anew, until it is carried out or refused. What a payer does not take back stays [`Unwinding`], unless
//! the bill was paid and its order is not over ([`By::End`]): a person agrees with the payer.
//!
//! Lines of a paid bill are given back by a [`Refund`]. What is the patient's alone goes back in cash. Else
//! all payers are taken back, and what is left is quoted and settled anew ([`Reduced`]), as a payer's share
//! of the rest is not what it was within the whole. The patient never pays more than before without
//! agreeing to it: what the payers leave beyond that is [offered](Step::Offered), or borne by the hospital
//! ([`Claim::<Reduced>::waive`]). A rest that payers refuse, or settle otherwise, is Reduced again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Allocation, BillingError, PayerKind, allocation::check_accumulators, cash::Till, discount::check_discount,
    split::LineShares, told::Told,
};
use crate::{
    access::{Action, Actor, can},
    canonical::Digest,
    code::Code,
    coding::Decimal,
    id::{AccountId, BillId, ItemOrderId, PatientId, TenantId, TransactionId},
    insurance::claims,
    machine::{Refused as RefusedStep, machine},
    money::{Money, Rounding},
    payer::{self, Adjudication, Bill, Line, Operation, PayerError, Reversal, Settlement, Source, Status},
    time::Instant,
};

/// Common to all states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    id: BillId,
    tenant: TenantId,
    patient: PatientId,
    /// Ids of the payers' plugins, in the order in which they are asked; empty if the patient
    /// pays alone.
    payers: Vec<String>,
    bill: Bill,
    /// What the lines are in the hospital's formulary.
    items: Vec<Item>,
    /// What each source pays: the quote of the last payer, which is of the whole bill.
    agreed: Allocation,
    /// Number of operations so far; part of each key.
    attempts: u32,
    /// What was settled and taken back, in the order of the reversals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    returned: Vec<Returned>,
    /// What persons stated of its operations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    statements: Vec<Statement>,
    /// What the patient undertook to pay if an insurer denies it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    undertakings: Vec<Undertaking>,
    /// What insurers denied after they had settled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    denials: Vec<Denial>,
    /// What the bill was before each partial refund, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replaced: Vec<Replaced>,
    /// The bill that the payers settled, if lines were given back in cash since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<Box<Bill>>,
}

/// The patient's word, given before the service, to pay lines that an insurer denies. Without it they
/// are the provider's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undertaking {
    /// Numbers of the lines.
    pub lines: BTreeSet<u32>,
    /// Who gave it: the patient, or who acts for them.
    pub by: AccountId,
    /// Hash of the text that was agreed to; `None` of what an earlier release noted when a quote was confirmed that
    /// showed the lines as not covered: it undertakes nothing beyond the quote.
    pub text: Option<Digest>,
    /// When.
    pub at: Instant,
}

impl Head {
    /// The bill that payers have settled, or are to settle.
    fn sent(&self) -> &Bill {
        self.sent.as_deref().unwrap_or(&self.bill)
    }

    /// The bill without what is given back, each line at its own price.
    fn rest(&self, lines: &[RefundLine]) -> Result<Bill, BillingError> {
        let mut back = BTreeMap::new();
        for line in lines {
            if line.quantity == 0 || back.insert(line.line, line.quantity).is_some() {
                return Err(BillingError::NoSuchLine(line.line));
            }
        }
        let mut rest = Vec::with_capacity(self.bill.lines.len());
        for line in &self.bill.lines {
            let (had, back) = (line.units(), back.remove(&line.number).unwrap_or_default());
            let kept = had.checked_sub(back).ok_or(BillingError::RefundExceeds)?;
            if back == 0 {
                rest.push(line.clone());
            } else if kept > 0 {
                let gross = line.gross.share(i64::from(kept), i64::from(had), Rounding::HalfUp)?;
                rest.push(Line { quantity: Decimal::whole(i64::from(kept)), gross, ..line.clone() });
            }
        }
        match back.into_keys().next() {
            Some(gone) if self.replaced.iter().any(|before| before.bill.lines.iter().any(|of| of.number == gone)) => {
                Err(BillingError::RefundExceeds)
            }
            Some(unknown) => Err(BillingError::NoSuchLine(unknown)),
            None if rest.is_empty() => Err(BillingError::Whole),
            None => Ok(Bill { lines: rest, ..self.bill.clone() }),
        }
    }

    /// Whether nobody but the patient pays for a line, and nobody counts it.
    fn is_the_patients(&self, standing: &[Standing], line: u32) -> bool {
        let of_cash = |shares: &LineShares| {
            shares.adjustment == Money::ZERO && shares.parts.keys().all(|source| *source == Source::Cash)
        };
        let outside = |result: &payer::LineResult| {
            [result.over_limit, result.pre_self_pay, result.in_scope].iter().all(|amount| *amount == Money::ZERO)
        };
        let not_insured = |line: &claims::LineAdjudication| {
            let counted =
                [line.contractual, line.deductible, line.copay, line.coinsurance, line.over_limit, line.benefit];
            counted.iter().all(|amount| *amount == Money::ZERO)
        };
        let insured = standing.iter().filter_map(|standing| standing.settlement.adjudication.insured.as_ref());
        self.agreed.shares().iter().filter(|shares| shares.number == line).all(of_cash)
            && self.agreed.lines().iter().filter(|result| result.number == line).all(outside)
            && insured.flat_map(|decided| &decided.lines).filter(|of| of.number == line).all(not_insured)
    }

    /// The bill becomes what is left of it.
    fn replace(&mut self, rest: Bill, refund: Refund) {
        let items = self.items.clone();
        self.items.retain(|item| rest.lines.iter().any(|line| line.number == item.line));
        let bill = std::mem::replace(&mut self.bill, rest);
        let (agreed, payers) = (self.agreed.clone(), self.payers.clone());
        self.replaced.push(Replaced { bill, items, agreed, payers, refund });
    }

    /// Lines are numbered by their position again, as payers expect it.
    fn renumber(&mut self) {
        let mut positions = BTreeMap::new();
        for (line, position) in self.bill.lines.iter_mut().zip(1..) {
            positions.insert(line.number, position);
            line.number = position;
        }
        for item in &mut self.items {
            if let Some(position) = positions.get(&item.line) {
                item.line = *position;
            }
        }
        for undertaking in &mut self.undertakings {
            undertaking.lines = undertaking.lines.iter().filter_map(|line| positions.get(line).copied()).collect();
        }
    }

    /// What the patient had agreed to pay, at most, for more than this.
    fn most_cash(&self) -> Money {
        self.replaced.last().map_or(Money::ZERO, |before| before.agreed.part(Source::Cash))
    }
}

/// How many of a line are given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundLine {
    /// Number of the line of the bill.
    pub line: u32,
    /// How many, at least one.
    pub quantity: u32,
}

/// A partial refund that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefund {
    /// What the asker calls it: a repetition has the same.
    pub key: String,
    /// What is given back.
    pub lines: Vec<RefundLine>,
    /// Why.
    pub reason: String,
}

/// A partial refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// What the asker calls it, unique of a bill.
    pub key: String,
    /// What is given back.
    pub lines: Vec<RefundLine>,
    /// Why.
    pub reason: String,
    /// Who gives it back.
    pub by: AccountId,
    /// When it was asked for.
    pub at: Instant,
}

/// What a bill was before a partial refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// The bill.
    pub bill: Bill,
    /// What its lines are in the formulary.
    pub items: Vec<Item>,
    /// What each source paid of it.
    pub agreed: Allocation,
    /// Ids of the payers' plugins.
    pub payers: Vec<String>,
    /// The refund.
    pub refund: Refund,
}

/// A partial refund under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reduction {
    /// What is given back.
    pub refund: Refund,
    /// What is left of the bill.
    pub rest: Bill,
    /// When the bill was paid.
    paid: Instant,
}

/// What a line charges for, as the formulary had it when the bill was made. Not disclosed to
/// payers, who receive the codes of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Number of the line.
    pub line: u32,
    /// The hospital's own code.
    pub code: String,
    /// Title for people.
    pub title: String,
    /// The clinician's order that it takes from; `None` of the visit's fee and of medicines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<ItemOrderId>,
}

/// What a payer quoted: the whole bill, with what payers before it pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Id of its plugin.
    payer: String,
    told: Told,
    quoted: Adjudication,
    allocation: Allocation,
}

impl Share {
    /// Id of the payer's plugin.
    pub fn payer(&self) -> &str {
        &self.payer
    }

    /// What it was told of the patient when it quoted.
    pub const fn told(&self) -> &Told {
        &self.told
    }

    /// What it quoted.
    pub const fn quoted(&self) -> &Adjudication {
        &self.quoted
    }

    /// What each source pays, as the payer leaves it.
    pub const fn allocation(&self) -> &Allocation {
        &self.allocation
    }
}

/// What an insurer denied of a line after it had settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// The entry of the books, which may have been taken back.
    pub transaction: TransactionId,
    /// The insurer.
    pub payer: String,
    /// Number of the line.
    pub line: u32,
    /// How much of it.
    pub amount: Money,
}

/// A settlement that was made and is not taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// What was agreed to.
    pub share: Share,
    /// The payer's answer.
    pub settlement: Settlement,
    /// Whether its figures are those that were agreed to.
    pub agreed: bool,
    /// The operation.
    pub attempt: Attempt,
}

impl Standing {
    /// What the payer pays by it: of the sources that it decides, beyond what the payer before it, and so all
    /// before it, pay of them. Figures that nobody agreed to may be any: nothing is owed by those that have no sum,
    /// or none that could be taken back.
    pub fn pays(&self, before: Option<&Self>) -> Money {
        let decided = &self.settlement.adjudication;
        let kind = self.share.allocation.kind();
        let sum = |decided: &Adjudication| {
            let of_it = decided.parts.iter().filter(|part| part.source != Source::Cash && kind.controls(part.source));
            Money::sum(of_it.map(|part| part.amount))
        };
        let pays = match &decided.insured {
            Some(insured) => Money::sum(insured.lines.iter().map(|line| line.benefit)),
            None => sum(decided).and_then(|all| {
                all.minus(before.map_or(Ok(Money::ZERO), |before| sum(&before.settlement.adjudication))?)
            }),
        };
        pays.and_then(|pays| pays.negate().map(|_| pays)).unwrap_or_default()
    }
}

/// A settlement that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// The settlement.
    pub standing: Standing,
    /// The payer's answer.
    pub reversal: Reversal,
    /// Key of the operation.
    pub operation: String,
}

/// What became of an operation, as the payer told a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stated {
    /// Nothing of it stands.
    NotDone,
    /// It was done, as agreed.
    Done {
        /// The payer's reference.
        reference: String,
    },
}

/// A statement of a person on an operation that the payer's plugin gave no outcome of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Key of the operation.
    pub operation: String,
    /// What was stated.
    pub stated: Stated,
    /// By whom.
    pub by: AccountId,
    /// Upon what: who of the payer said so, which document shows it.
    pub reason: String,
    /// When.
    pub at: Instant,
}

/// Who takes a bill back.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// A person: of the staff, or somebody who acts for the patient.
    Person(&'a Actor),
    /// The host, because a person has asked for it before, or a quote can never be used.
    Host,
    /// The host, because the order is over: its prescription expired before it was dispensed, or the
    /// medicines were lost or taken back.
    End,
}

impl By<'_> {
    /// The person, if they may.
    fn check(self, patient: PatientId, at: Instant) -> Result<Option<AccountId>, BillingError> {
        let Self::Person(actor) = self else { return Ok(None) };
        let staff = can(actor, Action::ReverseCharge, at);
        match staff {
            Err(_) if actor.acts_for(patient) => can(actor, Action::CancelCharge, at)?,
            staff => staff?,
        }
        Ok(Some(actor.account))
    }
}

/// Input of a new claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Generated by the caller.
    pub id: BillId,
    /// The tenant whose ledger it belongs to.
    pub tenant: TenantId,
    /// The patient.
    pub patient: PatientId,
    /// The bill.
    pub bill: Bill,
    /// What its lines are in the formulary.
    pub items: Vec<Item>,
    /// Until when it may be confirmed.
    pub valid_until: Instant,
}

/// A payer's quote, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotation {
    /// Id of its plugin.
    pub payer: String,
    /// What it may decide.
    pub kind: PayerKind,
    /// The most that the hospital gives up by its contract with the payer, in thousandths.
    pub discount_per_mille: u16,
    /// What it was told of the patient.
    pub told: Told,
    /// What it says of [the bill after](Bill::after) the quotations before it.
    pub adjudication: Adjudication,
}

/// One operation with the payer and its content: a key never has two contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The operation, as sent to the payer.
    pub operation: Operation,
    /// Hash of bill and figures.
    pub request: Digest,
}

impl Attempt {
    /// Whether a request with this key and content is a repetition of this one.
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

/// The payers have quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quoted {
    /// Of each payer, in their order.
    shares: Vec<Share>,
    /// When.
    pub at: Instant,
    /// Until when it may be confirmed.
    pub valid_until: Instant,
}

/// The patient has agreed to the figures; no operation is in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// Who agreed.
    pub by: AccountId,
    /// When.
    pub at: Instant,
    /// Payers that have settled.
    standing: Vec<Standing>,
    /// Payers that have not, the next one first.
    open: Vec<Share>,
}

impl Confirmed {
    /// The payer to be asked next; `None` if the patient pays alone.
    pub fn next(&self) -> Option<&Share> {
        self.open.first()
    }
}

/// A settlement was sent to a payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settling {
    /// The others, and what the patient agreed to.
    confirmed: Confirmed,
    /// What the payer was sent.
    pub share: Box<Share>,
    /// The operation.
    pub attempt: Attempt,
}

/// An operation without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pending {
    /// A settlement.
    Settle(Box<Settling>),
    /// A reversal.
    Reverse(Box<Reversing>),
}

impl Pending {
    /// The operation to query.
    pub const fn attempt(&self) -> &Attempt {
        match self {
            Self::Settle(settling) => &settling.attempt,
            Self::Reverse(reversing) => &reversing.attempt,
        }
    }

    /// What its payer quoted.
    pub const fn share(&self) -> &Share {
        match self {
            Self::Settle(settling) => &settling.share,
            Self::Reverse(reversing) => &reversing.turn.share,
        }
    }
}

/// The outcome is unknown: query the payer, do not send again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    /// The operation.
    pub pending: Pending,
    /// Since when.
    pub since: Instant,
}

/// Paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// What the payers settled, first payer first; empty if the patient paid alone.
    standing: Vec<Standing>,
    /// Of earlier releases: empty.
    #[serde(default, skip_serializing)]
    refunded: BTreeSet<u32>,
    /// When.
    pub at: Instant,
}

/// Why settlements are taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The bill was paid, and a person takes it back.
    Reversed,
    /// The bill was paid, and its order is over: nothing is dispensed for what a payer does not take
    /// back.
    Ended,
    /// The last payer settled other figures than were agreed to: `INS_PRESETTLE_DRIFT`, or why they
    /// are invalid.
    Drifted(Code),
    /// A later payer refused.
    Declined(Vec<payer::Refusal>),
    /// It was abandoned before all payers had settled; by whom, `None` if by the host.
    Abandoned(Option<AccountId>),
    /// The bill was paid, and some of it is given back: what is left is settled anew.
    Refunded(Box<Reduction>),
}

/// What payers have settled must be taken back; no operation is in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unwinding {
    /// What still stands, first payer first. The last is taken back next.
    standing: Vec<Standing>,
    /// Why.
    pub why: Why,
    /// Why the payer refused to take it back; `None` if it was not asked or never decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Vec<payer::Refusal>>,
    /// What the reversal waits for; the host begins it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Since when.
    pub at: Instant,
}

impl Unwinding {
    fn new(standing: Vec<Standing>, why: Why, at: Instant) -> Self {
        Self { standing, why, refused: None, held: None, at }
    }
}

/// What is left after a partial refund: nothing stands of it, and it is to be settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reduced {
    /// What happens next.
    pub step: Step,
    /// Why it is not settled though it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Since when.
    pub at: Instant,
}

/// Who acts on [what is left](Reduced).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nobody, until it is asked of the payers (again).
    Held,
    /// The payers are asked for a quote, under this key, by whoever comes first.
    Asked(Attempt),
    /// The patient would pay more than before, and agrees or does not.
    Offered(Box<Offer>),
}

/// What the payers quote of what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    shares: Vec<Share>,
    agreed: Allocation,
}

/// Another bill of the patient that a reversal waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The bill.
    pub bill: BillId,
    /// `PAY_LATER_FIRST` if it has to be [reversed before](super::first_to_reverse), `PAY_STATE` if one of
    /// the payers is at it.
    pub why: Code,
}

/// The claim that a reversal began from, without the settlement that is being taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Origin {
    /// Paid, and whether its order [is over](By::End).
    Settled {
        settled: Settled,
        ended: bool,
    },
    Unwinding(Unwinding),
}

impl Origin {
    const fn why(&self) -> &Why {
        match self {
            Self::Settled { ended: true, .. } => &Why::Ended,
            Self::Settled { .. } => &Why::Reversed,
            Self::Unwinding(unwinding) => &unwinding.why,
        }
    }

    fn standing(&self) -> &[Standing] {
        match self {
            Self::Settled { settled, .. } => &settled.standing,
            Self::Unwinding(unwinding) => &unwinding.standing,
        }
    }
}

/// A reversal was sent to a payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversing {
    origin: Origin,
    /// The settlement that is being taken back.
    pub turn: Box<Standing>,
    /// The operation.
    pub attempt: Attempt,
}

/// Reversed. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversed {
    /// Why: it was paid, its order ended, or it had drifted.
    pub why: Why,
    /// When.
    pub at: Instant,
}

/// Declined by a payer; nothing stands. Final: the bill may be opened again with other payers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declined {
    /// The reasons.
    pub refusals: Vec<payer::Refusal>,
    /// When.
    pub at: Instant,
}

/// Abandoned before payment. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abandoned {
    /// By whom; `None` if by the host.
    #[serde(default)]
    pub by: Option<AccountId>,
    /// Whether it was a quote that nobody confirmed in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lapsed: bool,
    /// When.
    pub at: Instant,
}

/// A bill with its payers, in a known state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim<S> {
    head: Head,
    state: S,
}

machine! {
    /// A bill with its payers in any state, for storage.
    enum Charge of Claim with Head;
    /// The states of a bill.
    tag ChargeState;
    /// A state of a bill.
    stage ChargeStage;
    /// The payers have quoted.
    Quoted = "QUOTED",
    /// The patient has agreed.
    Confirmed = "CONFIRMED",
    /// A settlement was sent.
    Settling = "SETTLING",
    /// The outcome is unknown.
    Unknown = "UNKNOWN",
    /// Paid.
    Settled = "SETTLED",
    /// What payers have settled must be taken back.
    Unwinding = "UNWINDING",
    /// A reversal was sent.
    Reversing = "REVERSING",
    /// Reversed.
    Reversed = "REVERSED",
    /// Declined by a payer.
    Declined = "DECLINED",
    /// Abandoned before payment.
    Abandoned = "ABANDONED",
    /// Partly refunded: what is left is to be settled.
    Reduced = "REDUCED",
}

/// A refused step of a bill.
pub type RefusedClaim<S> = RefusedStep<Claim<S>, BillingError>;

/// An act on a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the steps")]
pub enum Act {
    Confirm,
    Lapse,
    Settle,
    Query,
    Reverse,
    Refund,
    Dispense,
    Undertake,
    Appeal,
    Deny,
}

/// Proof that a bill is paid by all and not reversed. Only a claim that is [`Settled`] at this moment,
/// with the patient's share [there](super::cash::Paid), gives one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    bill: BillId,
}

impl Paid {
    /// The bill.
    pub const fn bill(&self) -> BillId {
        self.bill
    }
}

impl Charge {
    /// Its id.
    pub const fn id(&self) -> BillId {
        self.head().id
    }

    /// The tenant whose ledger it belongs to.
    pub const fn tenant(&self) -> TenantId {
        self.head().tenant
    }

    /// The patient.
    pub const fn patient(&self) -> PatientId {
        self.head().patient
    }

    /// Ids of the payers' plugins, in their order; empty if the patient pays alone.
    pub fn payers(&self) -> &[String] {
        &self.head().payers
    }

    /// The bill.
    pub const fn bill(&self) -> &Bill {
        &self.head().bill
    }

    /// The bill as a payer would receive it: after those before it, by what they quoted or settled. One that
    /// is not among the payers would come last.
    pub fn bill_before(&self, payer: &str) -> Bill {
        let mut before: Vec<&Adjudication> =
            self.standing().iter().filter(|s| s.share.payer != payer).map(|s| &s.settlement.adjudication).collect();
        if let Self::Quoted(claim) = self {
            let shares = claim.state.shares.iter();
            before = shares.take_while(|share| share.payer != payer).map(|share| &share.quoted).collect();
        }
        self.head().sent().after(before)
    }

    /// What its lines charge for.
    pub fn items(&self) -> &[Item] {
        &self.head().items
    }

    /// What a line charges for.
    pub fn item(&self, line: u32) -> Option<&Item> {
        self.head().items.iter().find(|item| item.line == line)
    }

    /// Number of operations so far.
    pub const fn attempts(&self) -> u32 {
        self.head().attempts
    }

    /// What persons stated of its operations.
    pub fn statements(&self) -> &[Statement] {
        &self.head().statements
    }

    /// What the patient undertook to pay if an insurer denies it, having read a text.
    pub fn undertakings(&self) -> impl Iterator<Item = &Undertaking> {
        self.head().undertakings.iter().filter(|undertaking| undertaking.text.is_some())
    }

    /// Whether the patient undertook to pay a line that an insurer denies.
    pub fn has_undertaken(&self, line: u32) -> bool {
        self.undertakings().any(|undertaking| undertaking.lines.contains(&line))
    }

    /// The entries of the books by which an insurer denied what it had settled; some may have been taken back.
    pub fn denials_of(&self, payer: &str) -> BTreeSet<TransactionId> {
        let of_it = self.head().denials.iter().filter(|denial| denial.payer == payer);
        of_it.map(|denial| denial.transaction).collect()
    }

    /// What was settled and taken back, the latest reversal last.
    pub fn returned(&self) -> &[Returned] {
        &self.head().returned
    }

    /// What each source pays, as quoted; `None` of a bill that was declined or abandoned.
    pub const fn allocation(&self) -> Option<&Allocation> {
        match self {
            Self::Declined(_) | Self::Abandoned(_) => None,
            Self::Reduced(claim) => match &claim.state.step {
                Step::Offered(offer) => Some(&offer.agreed),
                Step::Held | Step::Asked(_) => None,
            },
            _ => Some(&self.head().agreed),
        }
    }

    /// The settlements that stand, first payer first, without one that is being taken back.
    pub fn standing(&self) -> &[Standing] {
        match self {
            Self::Confirmed(claim) => &claim.state.standing,
            Self::Settling(claim) => &claim.state.confirmed.standing,
            Self::Settled(claim) => &claim.state.standing,
            Self::Unwinding(claim) => &claim.state.standing,
            Self::Reversing(claim) => claim.state.origin.standing(),
            Self::Unknown(claim) => match &claim.state.pending {
                Pending::Settle(settling) => &settling.confirmed.standing,
                Pending::Reverse(reversing) => reversing.origin.standing(),
            },
            Self::Quoted(_) | Self::Reversed(_) | Self::Declined(_) | Self::Abandoned(_) | Self::Reduced(_) => &[],
        }
    }

    /// What it was before each partial refund, the first one first.
    pub fn replaced(&self) -> &[Replaced] {
        &self.head().replaced
    }

    /// The partial refund of this key, done or under way.
    pub fn refund(&self, key: &str) -> Option<&Refund> {
        let under_way = match self.why() {
            Some(Why::Refunded(reduction)) => Some(&reduction.refund),
            _ => None,
        };
        let done = self.head().replaced.iter().map(|replaced| &replaced.refund);
        done.chain(under_way).find(|refund| refund.key == key)
    }

    /// The quotes of payers that have not been asked to settle, in their order.
    pub fn to_settle(&self) -> &[Share] {
        match self {
            Self::Quoted(claim) => &claim.state.shares,
            Self::Confirmed(claim) => &claim.state.open,
            _ => &[],
        }
    }

    /// Why what payers settled was or is being taken back; `None` if it is not.
    pub const fn why(&self) -> Option<&Why> {
        match self {
            Self::Unwinding(claim) => Some(&claim.state.why),
            Self::Reversing(claim) => Some(claim.state.origin.why()),
            Self::Reversed(claim) => Some(&claim.state.why),
            Self::Unknown(claim) => match &claim.state.pending {
                Pending::Reverse(reversing) => Some(reversing.origin.why()),
                Pending::Settle(_) => None,
            },
            _ => None,
        }
    }

    /// Whether a payer settled other figures than agreed, and all was or is being taken back.
    pub const fn has_drifted(&self) -> bool {
        matches!(self.why(), Some(Why::Drifted(_)))
    }

    /// The operation in progress, and what its payer quoted.
    pub const fn in_progress(&self) -> Option<(&Attempt, &Share)> {
        match self {
            Self::Settling(claim) => Some((&claim.state.attempt, &claim.state.share)),
            Self::Reversing(claim) => Some((&claim.state.attempt, &claim.state.turn.share)),
            Self::Unknown(claim) => Some((claim.state.pending.attempt(), claim.state.pending.share())),
            _ => None,
        }
    }

    /// The proof that it is paid: by its payers, and by the patient, as `cash` shows.
    ///
    /// # Errors
    /// If it is not, or not any more.
    pub fn paid(&self, cash: Option<&Till>) -> Result<Paid, BillingError> {
        let Self::Settled(claim) = self else {
            return Err(BillingError::State { act: Act::Dispense, state: self.state() });
        };
        let (bill, due) = (claim.head.id, claim.head.agreed.part(Source::Cash));
        match cash {
            // The books may have made it more than was agreed to.
            Some(Till::Paid(there)) if there.bill() == bill => Ok(Paid { bill }),
            Some(there) => Err(BillingError::Unpaid(there.outstanding()?)),
            None if due == Money::ZERO => Ok(Paid { bill }),
            None => Err(BillingError::Unpaid(due)),
        }
    }

    /// The claim in a required state.
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
    /// The data of the state.
    pub const fn state(&self) -> &S {
        &self.state
    }

    /// The bill.
    pub const fn bill(&self) -> &Bill {
        &self.head.bill
    }

    /// The patient.
    pub const fn patient(&self) -> PatientId {
        self.head.patient
    }

    /// Ids of the payers' plugins, in their order; empty if the patient pays alone.
    pub fn payers(&self) -> &[String] {
        &self.head.payers
    }

    /// Number of operations so far.
    pub const fn attempts(&self) -> u32 {
        self.head.attempts
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

    /// The next operation; its key consists of tenant, bill, payer, attempt and verb.
    fn attempt(&self, verb: &str, share: &Share, at: Instant) -> Result<Attempt, BillingError> {
        let Head { id, tenant, bill, attempts, .. } = &self.head;
        let payer = Digest::of_bytes(share.payer.as_bytes()).to_string();
        let key = format!("{tenant}/{id}/{}/{}/{verb}", &payer[..16], attempts.saturating_add(1));
        let request = Digest::of(&(verb, bill, &share.allocation))?;
        Ok(Attempt { operation: Operation { key, at }, request })
    }

    /// Checks that the actor is the patient, or acts for the patient.
    fn patient_only(&self, by: &Actor, at: Instant) -> Result<(), BillingError> {
        can(by, Action::ConfirmCharge, at)?;
        if by.acts_for(self.head.patient) { Ok(()) } else { Err(BillingError::AnotherPatient) }
    }

    fn begun(mut self) -> Self {
        self.head.attempts = self.head.attempts.saturating_add(1);
        self
    }
}

impl Offer {
    /// The checked quotes of the payers, in their order.
    fn of(bill: &Bill, quotations: Vec<Quotation>) -> Result<Self, (usize, BillingError)> {
        let mut shares: Vec<Share> = Vec::with_capacity(quotations.len());
        for (index, quotation) in quotations.into_iter().enumerate() {
            let Quotation { payer, kind, discount_per_mille, told, adjudication: quoted } = quotation;
            let asked = bill.after(shares.iter().map(|share| &share.quoted));
            let allocation = Allocation::check(&asked, &quoted, kind)
                .and_then(|checked| check_discount(&asked, &quoted, discount_per_mille).map(|()| checked))
                .map_err(|error| (index, error))?;
            shares.push(Share { payer, told, quoted, allocation });
        }
        let agreed = match shares.last() {
            Some(last) => last.allocation.clone(),
            None => Allocation::self_pay(bill).map_err(|error| (0, error))?,
        };
        Ok(Self { shares, agreed })
    }
}

impl Claim<Quoted> {
    /// The checked quotes of the payers, in their order; without any, the patient pays alone.
    ///
    /// # Errors
    /// If the figures of one are invalid: its index, and what is wrong. If the bill has no lines or a
    /// negative one, the index is that of no payer.
    pub fn quote(open: Open, quotations: Vec<Quotation>, at: Instant) -> Result<Self, (usize, BillingError)> {
        let Open { id, tenant, patient, bill, items, valid_until } = open;
        let Offer { shares, agreed } = Offer::of(&bill, quotations)?;
        let payers = shares.iter().map(|share| share.payer.clone()).collect();
        let (returned, statements, undertakings) = (Vec::new(), Vec::new(), Vec::new());
        let head = Head {
            id,
            tenant,
            patient,
            payers,
            bill,
            items,
            agreed,
            attempts: 0,
            returned,
            statements,
            denials: Vec::new(),
            undertakings,
            replaced: Vec::new(),
            sent: None,
        };
        Ok(Self { head, state: Quoted { shares, at, valid_until } })
    }

    /// The patient undertakes to pay lines that an insurer denies, having read a text.
    ///
    /// # Errors
    /// If the actor is not the patient, or there is no such line.
    pub fn undertake(
        mut self,
        by: &Actor,
        lines: BTreeSet<u32>,
        text: Digest,
        at: Instant,
    ) -> Result<Self, RefusedClaim<Quoted>> {
        let known = |number: &u32| self.head.bill.lines.iter().any(|line| line.number == *number);
        let allowed = match self.patient_only(by, at) {
            Ok(()) if lines.is_empty() || !lines.iter().all(known) => Err(BillingError::Lines),
            other => other,
        };
        match allowed {
            Ok(()) => {
                self.head.undertakings.push(Undertaking { lines, by: by.account, text: Some(text), at });
                Ok(self)
            }
            Err(error) => Err(RefusedStep::new(self, error)),
        }
    }

    /// The patient agrees to pay this amount in cash.
    ///
    /// # Errors
    /// If the actor is not the patient, the quote has expired, or the amount is not as quoted;
    /// `PAY_NO_GUARANTEE` where an insurer that was asked pays nothing without a guarantee of payment, and has
    /// given none.
    pub fn confirm(self, by: &Actor, cash: Money, at: Instant) -> Result<Claim<Confirmed>, RefusedClaim<Quoted>> {
        self.advance(
            |claim| {
                claim.patient_only(by, at)?;
                if at >= claim.state.valid_until {
                    return Err(BillingError::Expired);
                }
                if let Some(payer) = claim.head.bill.lacks_guarantees().next() {
                    return Err(BillingError::NoGuarantee(payer.to_owned()));
                }
                if claim.head.agreed.part(Source::Cash) != cash {
                    return Err(BillingError::Drift);
                }
                Ok(())
            },
            |quoted, ()| Confirmed { by: by.account, at, standing: Vec::new(), open: quoted.shares },
        )
    }

    /// Abandons the claim.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn abandon(self, by: By<'_>, at: Instant) -> Result<Claim<Abandoned>, RefusedClaim<Quoted>> {
        self.advance(|claim| by.check(claim.head.patient, at), |_, by| Abandoned { by, lapsed: false, at })
    }

    /// Nobody confirmed it in time.
    ///
    /// # Errors
    /// If it may still be confirmed.
    pub fn lapse(self, at: Instant) -> Result<Claim<Abandoned>, RefusedClaim<Quoted>> {
        self.advance(
            |claim| match at < claim.state.valid_until {
                true => Err(BillingError::State { act: Act::Lapse, state: ChargeState::Quoted }),
                false => Ok(()),
            },
            |_, ()| Abandoned { by: None, lapsed: true, at },
        )
    }
}

impl Claim<Confirmed> {
    /// The patient confirms again after a settlement that did not take place.
    ///
    /// # Errors
    /// If the actor is not the patient, or the amount is not as agreed.
    pub fn confirm_again(self, by: &Actor, cash: Money, at: Instant) -> Result<Self, RefusedClaim<Confirmed>> {
        self.advance(
            |claim| {
                claim.patient_only(by, at)?;
                if claim.head.agreed.part(Source::Cash) != cash {
                    return Err(BillingError::Conflict(claim.head.id.to_string()));
                }
                Ok(())
            },
            |confirmed, ()| confirmed,
        )
    }

    /// Abandons the claim: [`Abandoned`], or [`Unwinding`] where a payer has settled. What is left after a
    /// refund is [`Reduced`] again.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn abandon(self, by: By<'_>, at: Instant) -> Result<Charge, RefusedClaim<Confirmed>> {
        match by.check(self.head.patient, at) {
            Ok(by) => Ok(over(self.head, self.state.standing, Why::Abandoned(by), at)),
            Err(error) => Err(RefusedStep::new(self, error)),
        }
    }

    /// Begins the settlement operation of the next payer. Store the result before sending it.
    ///
    /// # Errors
    /// If there is none.
    pub fn begin(self, at: Instant) -> Result<Claim<Settling>, RefusedClaim<Confirmed>> {
        self.advance(
            |claim| {
                let none = BillingError::State { act: Act::Settle, state: ChargeState::Confirmed };
                let share = claim.state.next().ok_or(none)?;
                Ok((share.clone(), claim.attempt("settle", share, at)?))
            },
            |mut confirmed, (share, attempt)| {
                confirmed.open.remove(0);
                Settling { confirmed, share: Box::new(share), attempt }
            },
        )
        .map(Claim::begun)
    }

    /// The patient has paid alone.
    ///
    /// # Errors
    /// If there is a payer.
    pub fn collect(self, at: Instant) -> Result<Claim<Settled>, RefusedClaim<Confirmed>> {
        self.advance(
            |claim| match claim.head.payers.is_empty() {
                true => Ok(()),
                false => Err(BillingError::State { act: Act::Settle, state: ChargeState::Confirmed }),
            },
            |_, ()| Settled::new(Vec::new(), at),
        )
    }
}

impl Claim<Settling> {
    /// The bill as the payer receives it: with what the payers before it settled.
    pub fn bill_sent(&self) -> Bill {
        self.head.sent().after(self.state.confirmed.standing.iter().map(|standing| &standing.settlement.adjudication))
    }

    /// Checks the payer's settlement.
    ///
    /// # Errors
    /// If its figures are invalid, or the reference is empty; whether they are as agreed is not checked.
    pub fn check(&self, settlement: &Settlement) -> Result<Allocation, BillingError> {
        if settlement.reference.trim().is_empty() {
            return Err(BillingError::Reference);
        }
        Allocation::check(&self.bill_sent(), &settlement.adjudication, self.state.share.allocation.kind())
    }

    /// The payer has answered.
    pub fn answered(self, answer: payer::Settled, at: Instant) -> Charge {
        match answer {
            payer::Settled::Done(settlement) => self.settled(settlement, at),
            payer::Settled::Refused(refusals) => self.declined(refusals, at),
        }
    }

    /// The payer could not decide. If it states that nothing was done, the claim may be sent
    /// again; otherwise the outcome is unknown.
    pub fn failed(self, error: &PayerError, at: Instant) -> Charge {
        match error {
            PayerError::Unavailable(_) | PayerError::MissingData(_) => self.not_done(at),
            PayerError::Conflict(_) | PayerError::Other(_) => self.unanswered(at).into(),
        }
    }

    /// The call failed or timed out.
    pub fn unanswered(self, at: Instant) -> Claim<Unknown> {
        self.with(|state| Unknown { pending: Pending::Settle(Box::new(state)), since: at })
    }

    /// Nothing was done: the patient confirms again. What is left after a refund is tried again by
    /// itself, from its quote on.
    fn not_done(self, at: Instant) -> Charge {
        if !self.head.replaced.is_empty() {
            return over(self.head, self.state.confirmed.standing, Why::Abandoned(None), at);
        }
        self.with(|Settling { mut confirmed, share, .. }| {
            confirmed.open.insert(0, *share);
            confirmed
        })
        .into()
    }

    fn declined(self, refusals: Vec<payer::Refusal>, at: Instant) -> Charge {
        over(self.head, self.state.confirmed.standing, Why::Declined(refusals), at)
    }

    fn settled(self, settlement: Settlement, at: Instant) -> Charge {
        let problem = match self.check(&settlement) {
            Ok(allocation) if allocation.same_figures(&self.state.share.allocation) => None,
            Ok(_) => Some(Code::InsPresettleDrift),
            Err(error) => Some(error.code()),
        };
        let Self { head, state: Settling { mut confirmed, share, attempt } } = self;
        confirmed.standing.push(Standing { share: *share, settlement, agreed: problem.is_none(), attempt });
        match problem {
            Some(problem) => {
                let state = Unwinding::new(confirmed.standing, Why::Drifted(problem), at);
                Claim { head, state }.into()
            }
            None if confirmed.open.is_empty() => {
                let state = Settled::new(confirmed.standing, at);
                Claim { head, state }.into()
            }
            None => Claim { head, state: confirmed }.into(),
        }
    }
}

impl Claim<Unknown> {
    /// The bill as the payer received it: with what the payers before it settled.
    pub fn bill_sent(&self) -> Bill {
        let before = match &self.state.pending {
            Pending::Settle(settling) => settling.confirmed.standing.as_slice(),
            Pending::Reverse(reversing) => reversing.origin.standing(),
        };
        self.head.sent().after(before.iter().map(|standing| &standing.settlement.adjudication))
    }

    /// Checks the payer's answer to a query.
    ///
    /// # Errors
    /// If its figures are invalid, or it is about an operation of another kind.
    pub fn check(&self, status: &Status) -> Result<(), BillingError> {
        match (&self.state.pending, status) {
            (Pending::Settle(settling), Status::Settled(settlement)) => {
                let claim = Claim { head: self.head.clone(), state: settling.as_ref().clone() };
                claim.check(settlement).map(drop)
            }
            (Pending::Reverse(_), Status::Reversed(reversal)) => check_accumulators(&reversal.accumulators),
            (Pending::Settle(_), Status::Reversed(_)) | (Pending::Reverse(_), Status::Settled(_)) => {
                Err(BillingError::AnotherVerb)
            }
            (_, Status::NeverSeen | Status::Pending | Status::Refused(_)) => Ok(()),
        }
    }

    /// A person of the hospital's accounts states what became of the operation, where the payer's
    /// plugin gives no answer.
    ///
    /// # Errors
    /// If the actor may not, or the reason or the reference is missing.
    pub fn stated(
        mut self,
        by: &Actor,
        stated: Stated,
        reason: String,
        at: Instant,
    ) -> Result<Charge, RefusedClaim<Unknown>> {
        let allowed = || {
            can(by, Action::ResolveCharge, at)?;
            match &stated {
                _ if reason.trim().is_empty() => Err(BillingError::Unsaid("reason")),
                Stated::Done { reference } if reference.trim().is_empty() => Err(BillingError::Unsaid("reference")),
                _ => Ok(()),
            }
        };
        if let Err(error) = allowed() {
            return Err(RefusedStep::new(self, error));
        }
        let status = match (&stated, &self.state.pending) {
            (Stated::NotDone, _) => Status::NeverSeen,
            (Stated::Done { reference }, Pending::Settle(settling)) => Status::Settled(Settlement {
                reference: reference.clone(),
                // It was done as agreed, so it is what was quoted.
                adjudication: settling.share.quoted.clone(),
            }),
            (Stated::Done { reference }, Pending::Reverse(_)) => {
                Status::Reversed(Reversal { reference: reference.clone(), accumulators: Vec::new() })
            }
        };
        let operation = self.state.pending.attempt().operation.key.clone();
        self.head.statements.push(Statement { operation, stated, by: by.account, reason, at });
        Ok(self.resolve(status, at))
    }

    /// Applies the payer's answer to a query of the operation.
    pub fn resolve(self, status: Status, at: Instant) -> Charge {
        let Self { head, state: Unknown { pending, since } } = self;
        match pending {
            Pending::Settle(state) => {
                let claim = Claim { head, state: *state };
                match status {
                    Status::Settled(settlement) => claim.settled(settlement, at),
                    Status::Refused(refusals) => claim.declined(refusals, at),
                    Status::NeverSeen => claim.not_done(at),
                    // A settlement's key cannot belong to a reversal: the answer is invalid,
                    // query again.
                    Status::Pending | Status::Reversed(_) => claim.unanswered(since).into(),
                }
            }
            Pending::Reverse(state) => {
                let claim = Claim { head, state: *state };
                match status {
                    Status::Reversed(reversal) => claim.reversed(reversal, at),
                    Status::NeverSeen => claim.stands(None, at),
                    Status::Refused(refusals) => claim.stands(Some(refusals), at),
                    // As above.
                    Status::Pending | Status::Settled(_) => claim.unanswered(since).into(),
                }
            }
        }
    }
}

impl Claim<Settled> {
    /// Gives a part of the bill back: in cash what is the patient's alone, and then it is paid as before;
    /// else all payers are to be taken back, and what is left is [`Reduced`].
    ///
    /// # Errors
    /// If the actor may not, a line does not exist or has less, or nothing would be left; without a key
    /// or a reason.
    pub fn refund(self, by: &Actor, new: NewRefund, at: Instant) -> Result<Charge, RefusedClaim<Settled>> {
        let checked = |claim: &Self| {
            can(by, Action::ReverseCharge, at)?;
            let NewRefund { key, lines, reason } = new;
            if reason.trim().is_empty() {
                return Err(BillingError::Unsaid("reason"));
            }
            if key.trim().is_empty() {
                return Err(BillingError::Unsaid("key"));
            }
            if lines.is_empty() {
                return Err(BillingError::Unsaid("lines"));
            }
            if claim.head.replaced.iter().any(|before| before.refund.key == key) {
                return Err(BillingError::Conflict(key));
            }
            let (head, standing) = (&claim.head, &claim.state.standing);
            let rest = head.rest(&lines)?;
            let in_cash = if head.payers.is_empty() {
                Some(Allocation::borne(&rest, head.agreed.part(Source::Cash))?)
            } else if lines.iter().all(|line| head.is_the_patients(standing, line.line)) {
                Some(head.agreed.without(&rest)?)
            } else {
                None
            };
            Ok((Refund { key, lines, reason, by: by.account, at }, rest, in_cash))
        };
        match checked(&self) {
            Err(error) => Err(RefusedStep::new(self, error)),
            Ok((refund, rest, Some(agreed))) => {
                let Self { mut head, state } = self;
                if head.sent.is_none() && !head.payers.is_empty() {
                    head.sent = Some(Box::new(head.bill.clone()));
                }
                head.replace(rest, refund);
                head.agreed = agreed;
                Ok(Claim { head, state }.into())
            }
            Ok((refund, rest, None)) => {
                let Self { head, state: Settled { standing, at: paid, .. } } = self;
                let why = Why::Refunded(Box::new(Reduction { refund, rest, paid }));
                Ok(Claim { head, state: Unwinding::new(standing, why, at) }.into())
            }
        }
    }

    /// An insurer has decided anew, upon an appeal: its decision takes the place of the former one, and of
    /// what each source pays. Also what each paid before.
    ///
    /// # Errors
    /// If it is not the last payer, on whose shares nobody else's rest, or its figures are invalid.
    pub fn decided_anew(
        self,
        payer: &str,
        settlement: Settlement,
    ) -> Result<(Self, Allocation), RefusedClaim<Settled>> {
        let checked = || {
            let last = self.state.standing.last().filter(|standing| standing.share.payer == payer);
            let last = last.ok_or(BillingError::State { act: Act::Appeal, state: ChargeState::Settled })?;
            if settlement.reference.trim().is_empty() {
                return Err(BillingError::Reference);
            }
            let before = self.state.standing.iter().rev().skip(1).rev();
            let sent = self.head.sent().after(before.map(|standing| &standing.settlement.adjudication));
            let allocation = Allocation::check(&sent, &settlement.adjudication, last.share.allocation.kind())?;
            // What was given back in cash stays given back.
            let agreed = match self.head.sent {
                Some(_) => allocation.without(&self.head.bill)?,
                None => allocation.clone(),
            };
            Ok((allocation, agreed))
        };
        let (allocation, agreed) = match checked() {
            Ok(both) => both,
            Err(error) => return Err(RefusedStep::new(self, error)),
        };
        let Self { mut head, mut state } = self;
        let before = std::mem::replace(&mut head.agreed, agreed);
        if let Some(last) = state.standing.last_mut() {
            last.share.quoted = settlement.adjudication.clone();
            last.share.allocation = allocation;
            last.settlement = settlement;
        }
        Ok((Self { head, state }, before))
    }

    /// An insurer denies a part of a line that it had paid, beside what of it is denied already and not `taken_back`.
    ///
    /// # Errors
    /// If it decided no such line, or the sum is more than it paid of it.
    pub fn deny(
        self,
        denial: Denial,
        taken_back: impl Fn(TransactionId) -> bool,
    ) -> Result<Self, RefusedClaim<Settled>> {
        let checked = || {
            let of_it = |standing: &&Standing| standing.share.payer() == denial.payer;
            let decided =
                self.state.standing.iter().find(of_it).and_then(|s| s.settlement.adjudication.insured.as_ref());
            let line = decided.and_then(|decided| decided.lines.iter().find(|line| line.number == denial.line));
            let line = line.ok_or(BillingError::NoSuchLine(denial.line))?;
            let same = self.head.denials.iter().filter(|one| (&one.payer, one.line) == (&denial.payer, denial.line));
            let before = Money::sum(same.filter(|one| !taken_back(one.transaction)).map(|one| one.amount))?;
            if denial.amount <= Money::ZERO || before.plus(denial.amount)? > line.benefit {
                return Err(BillingError::RefundExceeds);
            }
            Ok(())
        };
        match checked() {
            Err(error) => Err(RefusedStep::new(self, error)),
            Ok(()) => {
                let mut denied = self;
                denied.head.denials.push(denial);
                Ok(denied)
            }
        }
    }

    /// Begins the reversal of the last payer.
    ///
    /// # Errors
    /// If the actor may not, or there is no payer.
    pub fn reverse(self, by: By<'_>, at: Instant) -> Result<Claim<Reversing>, RefusedClaim<Settled>> {
        self.advance(
            |claim| {
                by.check(claim.head.patient, at)?;
                let none = BillingError::State { act: Act::Reverse, state: ChargeState::Settled };
                let turn = claim.state.standing.last().ok_or(none)?;
                Ok((turn.clone(), claim.attempt("reverse", &turn.share, at)?))
            },
            |mut settled, (turn, attempt)| {
                settled.standing.pop();
                Reversing {
                    origin: Origin::Settled { settled, ended: matches!(by, By::End) },
                    turn: Box::new(turn),
                    attempt,
                }
            },
        )
        .map(Claim::begun)
    }

    /// Nothing is dispensed for it any more, and its reversal waits.
    pub fn hold(self, by: By<'_>, held: Held, at: Instant) -> Claim<Unwinding> {
        let why = if matches!(by, By::End) { Why::Ended } else { Why::Reversed };
        self.with(|settled| Unwinding { held: Some(held), ..Unwinding::new(settled.standing, why, at) })
    }

    /// Refunds everything that the patient had paid alone.
    ///
    /// # Errors
    /// If the actor may not, or there is a payer.
    pub fn refund_all(self, by: By<'_>, at: Instant) -> Result<Claim<Reversed>, RefusedClaim<Settled>> {
        self.advance(
            |claim| {
                by.check(claim.head.patient, at)?;
                match claim.head.payers.is_empty() {
                    true => Ok(()),
                    false => Err(BillingError::State { act: Act::Refund, state: ChargeState::Settled }),
                }
            },
            |_, ()| Reversed { why: Why::Reversed, at },
        )
    }
}

impl Claim<Unwinding> {
    /// Begins the reversal of the last payer that settled.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn reverse(self, by: By<'_>, at: Instant) -> Result<Claim<Reversing>, RefusedClaim<Unwinding>> {
        self.advance(
            |claim| {
                by.check(claim.head.patient, at)?;
                let none = BillingError::State { act: Act::Reverse, state: ChargeState::Unwinding };
                let turn = claim.state.standing.last().ok_or(none)?;
                Ok((turn.clone(), claim.attempt("reverse", &turn.share, at)?))
            },
            |mut unwinding, (turn, attempt)| {
                unwinding.standing.pop();
                (unwinding.refused, unwinding.held) = (None, None);
                Reversing { origin: Origin::Unwinding(unwinding), turn: Box::new(turn), attempt }
            },
        )
        .map(Claim::begun)
    }

    /// The next reversal waits.
    pub fn hold(self, held: Held) -> Self {
        self.with(|unwinding| Unwinding { held: Some(held), ..unwinding })
    }

    /// The next reversal as one without an outcome, for a person to state what the payer did of it
    /// outside its plugin.
    ///
    /// # Errors
    /// If the figures cannot be hashed.
    pub fn asked_about(self, at: Instant) -> Result<Claim<Unknown>, RefusedClaim<Unwinding>> {
        Ok(self.reverse(By::Host, at)?.unanswered(at))
    }
}

impl Claim<Reversing> {
    /// The payer has answered. If it refuses, the settlement remains.
    pub fn answered(self, answer: payer::Reversed, at: Instant) -> Charge {
        match answer {
            payer::Reversed::Done(reversal) => self.reversed(reversal, at),
            payer::Reversed::Refused(refusals) => self.stands(Some(refusals), at),
        }
    }

    /// The payer could not decide; see [`Claim::<Settling>::failed`].
    pub fn failed(self, error: &PayerError, at: Instant) -> Charge {
        match error {
            PayerError::Unavailable(_) | PayerError::MissingData(_) => self.stands(None, at),
            PayerError::Conflict(_) | PayerError::Other(_) => self.unanswered(at).into(),
        }
    }

    /// The call failed or timed out.
    pub fn unanswered(self, at: Instant) -> Claim<Unknown> {
        self.with(|state| Unknown { pending: Pending::Reverse(Box::new(state)), since: at })
    }

    fn reversed(self, reversal: Reversal, at: Instant) -> Charge {
        let Self { mut head, state: Reversing { origin, turn, attempt } } = self;
        head.returned.push(Returned { standing: *turn, reversal, operation: attempt.operation.key });
        let why = origin.why().clone();
        let standing = match origin {
            Origin::Settled { settled, .. } => settled.standing,
            Origin::Unwinding(unwinding) => unwinding.standing,
        };
        over(head, standing, why, at)
    }

    /// The payer did not take it back.
    fn stands(self, refused: Option<Vec<payer::Refusal>>, at: Instant) -> Charge {
        let Self { head, state: Reversing { origin, turn, .. } } = self;
        match origin {
            Origin::Settled { settled: mut state, ended: false } => {
                state.standing.push(*turn);
                Claim { head, state }.into()
            }
            Origin::Settled { settled: Settled { mut standing, .. }, ended: true } => {
                standing.push(*turn);
                Claim { head, state: Unwinding { refused, ..Unwinding::new(standing, Why::Ended, at) } }.into()
            }
            Origin::Unwinding(mut state) => {
                state.standing.push(*turn);
                match &state.why {
                    // Nothing of it was given back: the bill is paid as before.
                    Why::Refunded(reduction) if refused.is_some() && state.standing.len() == head.payers.len() => {
                        let state = Settled::new(state.standing, reduction.paid);
                        Claim { head, state }.into()
                    }
                    _ => Claim { head, state: Unwinding { refused, ..state } }.into(),
                }
            }
        }
    }
}

impl Settled {
    const fn new(standing: Vec<Standing>, at: Instant) -> Self {
        Self { standing, refunded: BTreeSet::new(), at }
    }
}

/// What a claim is that is not, or no more, to be settled as it was: what still stands is taken back;
/// where nothing does, it is over, unless it is what a refund has left.
fn over(mut head: Head, standing: Vec<Standing>, why: Why, at: Instant) -> Charge {
    if !standing.is_empty() {
        return Claim { head, state: Unwinding::new(standing, why, at) }.into();
    }
    let is_rest = !head.replaced.is_empty();
    match why {
        Why::Refunded(reduction) => {
            let Reduction { refund, rest, .. } = *reduction;
            head.replace(rest, refund);
            head.renumber();
            head.sent = None;
            Claim { head, state: Reduced { step: Step::Held, why: None, at } }.into()
        }
        why @ (Why::Declined(_) | Why::Abandoned(_) | Why::Drifted(_)) if is_rest => {
            Claim { head, state: Reduced { step: Step::Held, why: Some(why), at } }.into()
        }
        Why::Declined(refusals) => Claim { head, state: Declined { refusals, at } }.into(),
        Why::Abandoned(by) => Claim { head, state: Abandoned { by, lapsed: false, at } }.into(),
        why @ (Why::Reversed | Why::Ended | Why::Drifted(_)) => Claim { head, state: Reversed { why, at } }.into(),
    }
}

impl Claim<Reduced> {
    /// Whether the payers are to be asked, and nobody has to say so.
    pub const fn is_asked(&self) -> bool {
        self.asked().is_some()
    }

    /// The operation by which they are asked.
    pub const fn asked(&self) -> Option<&Attempt> {
        match &self.state.step {
            Step::Asked(attempt) => Some(attempt),
            Step::Held | Step::Offered(_) => None,
        }
    }

    /// The payers are to be asked for a quote of what is left. Store the result before they are.
    ///
    /// # Errors
    /// If the bill cannot be hashed.
    pub fn ask(self, at: Instant) -> Result<Self, RefusedClaim<Reduced>> {
        let Head { id, tenant, bill, attempts, .. } = &self.head;
        let key = format!("{tenant}/{id}/rest/{}/quote", attempts.saturating_add(1));
        let attempt = match Digest::of(&("quote", bill)) {
            Ok(request) => Attempt { operation: Operation { key, at }, request },
            Err(error) => return Err(RefusedStep::new(self, error.into())),
        };
        Ok(self.with(|reduced| Reduced { step: Step::Asked(attempt), ..reduced }).begun())
    }

    /// The payers have quoted what is left: it is settled if the patient pays no more than before, else
    /// [offered](Step::Offered).
    ///
    /// # Errors
    /// As [`Claim::quote`].
    pub fn quoted(self, quotations: Vec<Quotation>, at: Instant) -> Result<Charge, (usize, BillingError)> {
        let offer = Offer::of(&self.head.bill, quotations)?;
        if offer.agreed.part(Source::Cash) > self.head.most_cash() {
            return Ok(self.with(|state| Reduced { step: Step::Offered(Box::new(offer)), ..state }).into());
        }
        let by = self.head.replaced.last().map(|before| before.refund.by);
        Ok(match by {
            Some(by) => self.accepted(offer, by, at).into(),
            None => self.into(),
        })
    }

    /// The patient agrees to pay this amount in cash for what is left.
    ///
    /// # Errors
    /// If nothing is offered, the actor is not the patient, or the amount is another.
    pub fn agree(self, by: &Actor, cash: Money, at: Instant) -> Result<Claim<Confirmed>, RefusedClaim<Reduced>> {
        let checked = |claim: &Self| {
            claim.patient_only(by, at)?;
            match &claim.state.step {
                Step::Offered(offer) if offer.agreed.part(Source::Cash) == cash => Ok(offer.as_ref().clone()),
                Step::Offered(_) => Err(BillingError::Drift),
                _ => Err(BillingError::State { act: Act::Confirm, state: ChargeState::Reduced }),
            }
        };
        match checked(&self) {
            Ok(offer) => Ok(self.accepted(offer, by.account, at)),
            Err(error) => Err(RefusedStep::new(self, error)),
        }
    }

    fn accepted(mut self, offer: Offer, by: AccountId, at: Instant) -> Claim<Confirmed> {
        let Offer { shares, agreed } = offer;
        self.head.payers = shares.iter().map(|share| share.payer.clone()).collect();
        self.head.agreed = agreed;
        self.with(|_| Confirmed { by, at, standing: Vec::new(), open: shares })
    }

    /// A person of the hospital's accounts states that no payer will pay for what is left: the patient
    /// pays for it, but no more than before, and the hospital bears the rest.
    ///
    /// # Errors
    /// If the actor may not, or there is no reason.
    pub fn waive(mut self, by: &Actor, reason: String, at: Instant) -> Result<Claim<Settled>, RefusedClaim<Reduced>> {
        let checked = || {
            can(by, Action::ResolveCharge, at)?;
            if reason.trim().is_empty() {
                return Err(BillingError::Unsaid("reason"));
            }
            Allocation::borne(&self.head.bill, self.head.most_cash())
        };
        match checked() {
            Err(error) => Err(RefusedStep::new(self, error)),
            Ok(agreed) => {
                let operation = format!("{}/{}/rest", self.head.tenant, self.head.id);
                let stated = Stated::NotDone;
                self.head.statements.push(Statement { operation, stated, by: by.account, reason, at });
                self.head.payers.clear();
                self.head.agreed = agreed;
                Ok(self.with(|_| Settled::new(Vec::new(), at)))
            }
        }
    }

    /// What is left is given back too; nothing of it stands, and it was the patient's alone.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn give_up(mut self, by: By<'_>, at: Instant) -> Result<Claim<Reversed>, RefusedClaim<Reduced>> {
        let why = if matches!(by, By::End) { Why::Ended } else { Why::Reversed };
        let checked = by.check(self.head.patient, at).and_then(|_| Allocation::self_pay(&self.head.bill));
        match checked {
            Err(error) => Err(RefusedStep::new(self, error)),
            Ok(agreed) => {
                self.head.agreed = agreed;
                Ok(self.with(|_| Reversed { why, at }))
            }
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
            items: vec![Item { line: 1, code: "follow-up-visit".into(), title: "复诊".into(), order: None }],
            valid_until: NOW.plus_minutes(30),
        }
    }

    fn person(by: &Actor) -> By<'_> {
        By::Person(by)
    }

    fn quotation(adjudication: Adjudication) -> Quotation {
        let (payer, kind, told) = (INSURANCE.into(), PayerKind::BasicInsurance, fixture::told());
        Quotation { payer, kind, discount_per_mille: 0, told, adjudication }
    }

    fn quoted() -> Claim<Quoted> {
        Claim::quote(open(), vec![quotation(fixture::adjudication())], NOW).expect("quote")
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

    /// The patient's share, paid or not.
    fn till(bill: BillId, there: bool) -> Till {
        use crate::billing::cash::{Cash, Channel, Owed, Received};
        let owed = Owed { bill, tenant: TenantId::from_u128(1), patient: fixture::PATIENT, amount: fen(6750) };
        let due = Till::from(Cash::due(owed, None, NOW).expect("due"));
        let transaction = "1".to_owned();
        let received =
            Received { channel: Channel::Counter, order: 0, transaction, amount: fen(6750), at: NOW, by: None };
        if there { due.receive(received, NOW).expect("received").0 } else { due }
    }

    #[test]
    fn a_quote_lapses_after_its_time() {
        let until = open().valid_until;
        let (last, over) = (Instant::from_micros(until.micros() - 1), until);
        quoted().confirm(&fixture::patient(), fen(6750), last).expect("in time");
        let late = quoted().confirm(&fixture::patient(), fen(6750), over).expect_err("late");
        assert_eq!(late.error.code(), Code::PayQuoteExpired);
        assert_eq!(quoted().lapse(last).expect_err("it may be confirmed").error.code(), Code::PayState);
        let lapsed = quoted().lapse(over).expect("over");
        assert!(lapsed.state().lapsed && lapsed.state().by.is_none());
        assert!(!quoted().abandon(By::Host, over).expect("host").state().lapsed);
        // What was confirmed in time stays so.
        confirmed().confirm_again(&fixture::patient(), fen(6750), over).expect("the same amount");
    }

    #[test]
    fn what_waits_is_paid_no_more_and_goes_on() {
        let held = Held { bill: BillId::from_u128(2), why: Code::PayLaterFirst };
        for (by, why) in [(By::End, Why::Ended), (By::Host, Why::Reversed)] {
            let waiting = settled().hold(by, held, NOW);
            assert_eq!((waiting.state().held, &waiting.state().why), (Some(held), &why));
            let charge = Charge::from(waiting);
            assert!(charge.paid(None).is_err());
            let json = serde_json::to_value(&charge).expect("json");
            assert_eq!(serde_json::from_value::<Charge>(json).expect("charge"), charge);
            let waiting = charge.expecting::<Unwinding>(Act::Reverse).expect("it stands");
            let other = Held { why: Code::PayState, ..held };
            assert_eq!(waiting.clone().hold(other).state().held, Some(other));
            let down =
                waiting.reverse(By::Host, NOW).expect("begun").failed(&PayerError::Unavailable("down".into()), NOW);
            assert!(matches!(&down, Charge::Unwinding(still) if still.state().held.is_none()));
        }
    }

    fn of_nothing_in_cash() -> Allocation {
        let parts = [(Source::BasicFund, 18_300)];
        let adjudication = fixture::adjudication_of(&fixture::bill(), &parts);
        Allocation::check(&fixture::bill(), &adjudication, PayerKind::BasicInsurance).expect("sound")
    }

    #[test]
    fn a_settlement_as_agreed_is_paid() {
        let charge = Charge::from(settled());
        assert_eq!(charge.state(), ChargeState::Settled);
        assert_eq!(charge.paid(Some(&till(open().id, true))).expect("paid").bill(), open().id);
        // The payers have paid, and the patient has not, or another bill.
        for cash in [None, Some(till(open().id, false)), Some(till(BillId::from_u128(99), true))] {
            assert_eq!(charge.paid(cash.as_ref()).map_err(|e| e.code()).err(), Some(Code::PayDue));
        }
        // Nothing was agreed to in cash; by a denial that the patient undertook something is due all the same.
        let whole = Claim { head: Head { agreed: of_nothing_in_cash(), ..settled().head }, ..settled() };
        let whole = Charge::from(whole);
        for (cash, code) in
            [(None, None), (Some(till(open().id, true)), None), (Some(till(open().id, false)), Some(Code::PayDue))]
        {
            assert_eq!(whole.paid(cash.as_ref()).map_err(|e| e.code()).err(), code);
        }
        assert_eq!(Charge::from(settling()).paid(None).map_err(|e| e.code()).err(), Some(Code::PayState));
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
        let drifted = charge.expecting::<Unwinding>(Act::Reverse).expect("drifted");
        assert_eq!(drifted.state().why, Why::Drifted(Code::InsPresettleDrift));
        let nonsense = settlement(|a| a.parts[0].amount = fen(1));
        let charge = settling().answered(payer::Settled::Done(nonsense), NOW);
        assert_eq!(charge.clone().paid(None).map_err(|e| e.code()).err(), Some(Code::PayState));
        let unbalanced = charge.expecting::<Unwinding>(Act::Reverse).expect("it happened");
        assert_eq!(unbalanced.state().why, Why::Drifted(Code::LedgerUnbalanced));
        let done = payer::Reversed::Done(Reversal { reference: "rev-1".into(), accumulators: vec![] });
        let reversed = drifted.reverse(By::Host, NOW).expect("begun").answered(done, NOW);
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

        assert!(free().abandon(person(&fixture::stranger()), NOW).is_err());
        assert!(free().abandon(person(&fixture::doctor()), NOW).is_err());
        let by_patient = quoted().abandon(person(&fixture::patient()), NOW).expect("their own");
        assert_eq!(by_patient.state().by, Some(fixture::patient().account));
        assert_eq!(quoted().abandon(By::Host, NOW).expect("expired").state().by, None);
        let by_staff = Charge::from(quoted().abandon(person(&fixture::pharmacist()), NOW).expect("quoted"));
        assert_eq!(by_staff.in_progress(), None);
        let abandoned = free().abandon(person(&fixture::pharmacist()), NOW).expect("confirmed");
        assert_eq!((abandoned.state(), abandoned.allocation()), (ChargeState::Abandoned, None));
        assert_eq!(abandoned.paid(None).map_err(|e| e.code()).err(), Some(Code::PayState));
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
            charge.expecting::<Unwinding>(Act::Reverse).expect("drifted")
        };
        let first = drifted().reverse(By::Host, NOW).expect("begun");
        let stands = [
            first.clone().answered(payer::Reversed::Refused(refusal()), NOW),
            first.clone().failed(&PayerError::Unavailable("down".into()), NOW),
            first.clone().unanswered(NOW).resolve(Status::NeverSeen, NOW),
        ];
        for charge in stands {
            let again =
                charge.expecting::<Unwinding>(Act::Reverse).expect("it stands").reverse(By::Host, NOW).expect("begun");
            assert_ne!(again.state().attempt.operation.key, first.state().attempt.operation.key);
        }
    }

    #[test]
    fn a_reversal_may_be_unknown_too() {
        let unknown = || settled().reverse(person(&fixture::pharmacist()), NOW).expect("begun").unanswered(NOW);
        let state = |status| unknown().resolve(status, NOW).state();
        assert_eq!(state(Status::NeverSeen), ChargeState::Settled);
        assert_eq!(state(Status::Pending), ChargeState::Unknown);
        let reversal = Reversal { reference: "rev-1".into(), accumulators: vec![] };
        let reversed = unknown().resolve(Status::Reversed(reversal), NOW);
        let again = reversed.expecting::<Settled>(Act::Reverse).expect_err("twice");
        assert_eq!(again.error.code(), Code::PayAlreadyReversed);
    }

    #[test]
    fn what_is_not_taken_back_of_an_ended_order_waits_for_a_person() {
        let unavailable = PayerError::Unavailable("down".into());
        let reversing = |by: By<'_>| settled().reverse(by, NOW).expect("begun");
        for (by, wanted) in [(By::Host, ChargeState::Settled), (By::End, ChargeState::Unwinding)] {
            let refused = reversing(by).answered(payer::Reversed::Refused(refusal()), NOW);
            assert_eq!(refused.state(), wanted);
            assert_eq!(reversing(by).failed(&unavailable, NOW).state(), wanted);
            for status in [Status::NeverSeen, Status::Refused(refusal())] {
                assert_eq!(reversing(by).unanswered(NOW).resolve(status, NOW).state(), wanted);
            }
            let json = serde_json::to_value(&refused).expect("json");
            assert_eq!(serde_json::from_value::<Charge>(json).expect("charge"), refused);
        }
        let withheld = || {
            let refused = reversing(By::End).answered(payer::Reversed::Refused(refusal()), NOW);
            assert!(refused.paid(None).is_err(), "nothing is dispensed for it");
            refused.expecting::<Unwinding>(Act::Reverse).expect("withheld")
        };
        assert_eq!(withheld().state().refused, Some(refusal()));
        assert!(withheld().reverse(person(&fixture::stranger()), NOW).is_err());
        // Again and again, and it stays what it is.
        let again = withheld().reverse(person(&fixture::pharmacist()), NOW).expect("begun");
        assert_eq!(again.failed(&unavailable, NOW).state(), ChargeState::Unwinding);
        let accountant = fixture::accountant();
        for (stated, state) in [
            (Stated::Done { reference: "paper-7".into() }, ChargeState::Reversed),
            (Stated::NotDone, ChargeState::Unwinding),
        ] {
            let said = withheld()
                .asked_about(NOW)
                .expect("asked")
                .stated(&accountant, stated, "by letter".into(), NOW)
                .expect("said");
            assert_eq!((said.state(), said.statements().len()), (state, 1));
        }
    }

    #[test]
    fn a_person_states_what_the_plugin_cannot_say() {
        let (accountant, pharmacist) = (fixture::accountant(), fixture::pharmacist());
        let done = || Stated::Done { reference: "paper-7".into() };
        let said = "the fund's office, by letter of today";
        let settle = || settling().unanswered(NOW);
        let settled_by_hand = settle().stated(&accountant, done(), said.into(), NOW).expect("said");
        assert_eq!(settled_by_hand.state(), ChargeState::Settled);
        assert!(settled_by_hand.paid(Some(&till(open().id, true))).is_ok());
        assert_eq!(settled_by_hand.allocation().map(|a| a.part(Source::Cash)), Some(fen(6750)));
        assert_eq!(settled_by_hand.statements()[0].by, accountant.account);
        let json = serde_json::to_value(&settled_by_hand).expect("json");
        assert_eq!(serde_json::from_value::<Charge>(json).expect("charge"), settled_by_hand);
        let free = settle().stated(&accountant, Stated::NotDone, said.into(), NOW).expect("said");
        assert_eq!(free.state(), ChargeState::Confirmed);

        let back = || settled().reverse(By::Host, NOW).expect("begun").unanswered(NOW);
        assert_eq!(back().stated(&accountant, done(), said.into(), NOW).expect("said").state(), ChargeState::Reversed);
        assert_eq!(
            back().stated(&accountant, Stated::NotDone, said.into(), NOW).expect("said").state(),
            ChargeState::Settled
        );

        let code = |by: &Actor, stated: Stated, reason: &str| {
            settle().stated(by, stated, reason.into(), NOW).map_err(|refused| refused.error.code()).err()
        };
        assert_eq!(code(&pharmacist, done(), said), Some(Code::AuthForbidden));
        assert_eq!(code(&fixture::patient(), done(), said), Some(Code::AuthForbidden));
        assert_eq!(code(&accountant, done(), " "), Some(Code::BodyInvalid));
        assert_eq!(code(&accountant, Stated::Done { reference: String::new() }, said), Some(Code::BodyInvalid));
    }

    #[test]
    fn a_payers_mistake_names_its_field() {
        let field = |change: fn(&mut Settlement)| {
            let mut answer = settlement(|_| {});
            change(&mut answer);
            settling().check(&answer).err().and_then(|error| error.field())
        };
        assert_eq!(field(|_| {}), None);
        assert_eq!(field(|s| s.reference.clear()).as_deref(), Some("reference"));
        assert_eq!(field(|s| s.adjudication.parts[0].amount = fen(-1)).as_deref(), Some("parts[basic_fund]"));
        assert_eq!(field(|s| s.adjudication.parts[0].amount = fen(1)).as_deref(), Some("parts"));
        assert_eq!(field(|s| s.adjudication.lines[1].in_scope = fen(-1)).as_deref(), Some("lines[2].in-scope"));
        assert_eq!(field(|s| s.adjudication.lines[1].in_scope = fen(1)).as_deref(), Some("lines[2]"));
        assert_eq!(field(|s| drop(s.adjudication.lines.pop())).as_deref(), Some("lines"));
        let code = fixture::adjudication().accumulators[0].code.clone();
        let negative = field(|s| s.adjudication.accumulators[0].amount = fen(-1));
        assert_eq!(negative, Some(format!("accumulators[{code}]")));
        let another = settling().unanswered(NOW);
        let reversal = Reversal { reference: "rev-1".into(), accumulators: vec![] };
        let about = another.check(&Status::Reversed(reversal)).expect_err("another verb");
        assert_eq!(about.field().as_deref(), Some("status"));
        assert_eq!(BillingError::AnotherPatient.field(), None);
    }

    /// A quote of one line of 1200 yuan to an insurer that denies so much of it.
    fn insured(denied: i64, guarantees: &[(&str, payer::Guaranteed)]) -> Claim<Quoted> {
        let mut bill = fixture::bill_of(&[(payer::LineKind::Service, 120_000)]);
        bill.guarantees = guarantees.iter().map(|(payer, stands)| ((*payer).to_owned(), stands.clone())).collect();
        let quotation = quotation_of(&bill, decision(denied));
        Claim::quote(Open { bill, ..open() }, vec![quotation], NOW).expect("a quote")
    }

    fn decision(denied: i64) -> crate::insurance::claims::Adjudication {
        let allowed = 114_000 - denied;
        let line =
            crate::insurance::fixture::adjudicated(1, [6_000, denied, allowed, 0, 10_000, 0, 0, allowed - 10_000]);
        let citation = fixture::citation();
        crate::insurance::claims::Adjudication { lines: vec![line], draws: vec![], citation, attributes: vec![] }
    }

    fn quotation_of(bill: &Bill, decided: crate::insurance::claims::Adjudication) -> Quotation {
        let adjudication = crate::billing::insured::adjudicated(bill, decided).expect("sound");
        let (payer, told) = ("insurer".into(), fixture::told());
        Quotation { payer, kind: PayerKind::Commercial, discount_per_mille: 50, told, adjudication }
    }

    #[test]
    fn who_confirms_a_quote_undertakes_no_more_than_it_shows() {
        let by = fixture::patient();
        // What it shows as not covered is in the amount that they agree to.
        for denied in [0, 4_000] {
            let quoted = insured(denied, &[]);
            let cash = quoted.head.agreed.part(Source::Cash);
            assert_eq!(cash, fen(10_000 + denied));
            let mut confirmed = quoted.confirm(&by, cash, NOW).expect("agreed");
            assert!(!Charge::from(confirmed.clone()).has_undertaken(1), "{denied}");
            // An earlier release had noted it as undertaken.
            let noted = Undertaking { lines: BTreeSet::from([1]), by: by.account, text: None, at: NOW };
            confirmed.head.undertakings.push(noted);
            assert!(!Charge::from(confirmed).has_undertaken(1), "{denied}");
        }
        let text = Digest::of_bytes(b"text");
        let undertaken = insured(0, &[]).undertake(&by, BTreeSet::from([1]), text, NOW).expect("the patient's");
        let cash = undertaken.head.agreed.part(Source::Cash);
        let confirmed = Charge::from(undertaken.confirm(&by, cash, NOW).expect("agreed"));
        assert!(confirmed.has_undertaken(1) && !confirmed.has_undertaken(2));
        let stranger = fixture::stranger();
        for (actor, lines, code) in [
            (&by, vec![], Code::LedgerUnbalanced),
            (&by, vec![2], Code::LedgerUnbalanced),
            (&stranger, vec![1], Code::AuthForbidden),
        ] {
            let refused = insured(0, &[]).undertake(actor, lines.into_iter().collect(), text, NOW);
            assert_eq!(refused.expect_err("refused").error.code(), code);
        }
    }

    #[test]
    fn nothing_is_confirmed_without_the_guarantee_that_an_insurer_wants() {
        let by = fixture::patient();
        for (stands, code) in
            [(payer::Guaranteed::Wanted, Some(Code::PayNoGuarantee)), (payer::Guaranteed::Given("G-1".into()), None)]
        {
            let quoted = insured(0, &[("insurer", stands.clone())]);
            let given = match &stands {
                payer::Guaranteed::Given(reference) => Some(reference.as_str()),
                payer::Guaranteed::Wanted => None,
            };
            assert_eq!(quoted.bill().guarantee_of("insurer"), given);
            assert_eq!(quoted.bill().guarantee_of("another"), None);
            let confirmed = quoted.confirm(&by, fen(10_000), NOW);
            assert_eq!(confirmed.err().map(|refused| refused.error.code()), code, "{stands:?}");
        }
    }

    /// A line that the insurer excludes was given back in cash: it decides anew on all that it was sent, and what was
    /// given back stays given back.
    #[test]
    fn a_decision_anew_leaves_given_back_what_was() {
        let bill = fixture::bill_of(&[(payer::LineKind::Service, 120_000), (payer::LineKind::Material, 4_500)]);
        let decided = |denied: i64| {
            let mut decided = decision(denied);
            decided.lines.push(crate::insurance::fixture::adjudicated(2, [0, 4_500, 0, 0, 0, 0, 0, 0]));
            decided
        };
        let quotation = quotation_of(&bill, decided(4_000));
        let quoted = Claim::quote(Open { bill: bill.clone(), ..open() }, vec![quotation], NOW).expect("a quote");
        let settling =
            quoted.confirm(&fixture::patient(), fen(18_500), NOW).expect("agreed").begin(NOW).expect("begun");
        let settlement = |reference: &str, denied: i64| Settlement {
            reference: reference.into(),
            adjudication: quotation_of(&bill, decided(denied)).adjudication,
        };
        let paid = settling.answered(payer::Settled::Done(settlement("E-1", 4_000)), NOW);
        let back = refunded(paid.expecting(Act::Refund).expect("settled"), "strips", &[(2, 1)]);
        assert_eq!((back.state(), back.bill_before("insurer").lines.len()), (ChargeState::Settled, 2));
        let settled = back.expecting::<Settled>(Act::Appeal).expect("settled");
        let (anew, before) = settled.decided_anew("insurer", settlement("E-2", 0)).expect("more is paid");
        let parts = |of: &Allocation| [Source::Commercial, Source::Cash].map(|source| of.part(source).as_fen());
        assert_eq!((parts(&before), parts(&anew.head.agreed)), ([100_000, 14_000], [104_000, 10_000]));
        assert_eq!(parts(anew.state.standing[0].share.allocation()), [104_000, 14_500]);
    }

    #[test]
    fn a_decision_anew_takes_the_place_of_the_former() {
        let quoted = insured(4_000, &[]);
        let confirmed = quoted.confirm(&fixture::patient(), fen(14_000), NOW).expect("agreed");
        let settling = confirmed.begin(NOW).expect("begun");
        let bill = settling.bill_sent();
        let settlement = |reference: &str, denied| Settlement {
            reference: reference.into(),
            adjudication: quotation_of(&bill, decision(denied)).adjudication,
        };
        let paid = settling.answered(payer::Settled::Done(settlement("E-1", 4_000)), NOW);
        let settled = || paid.clone().expecting::<Settled>(Act::Appeal).expect("settled");
        let (anew, before) = settled().decided_anew("insurer", settlement("E-2", 0)).expect("more is paid");
        assert_eq!((before.part(Source::Commercial), before.part(Source::Cash)), (fen(100_000), fen(14_000)));
        let anew = Charge::from(anew);
        let after = anew.allocation().expect("settled");
        assert_eq!((after.part(Source::Commercial), after.part(Source::Cash)), (fen(104_000), fen(10_000)));
        assert_eq!(anew.standing()[0].settlement.reference, "E-2", "that is what a reversal takes back");
        for (payer, settlement) in [
            ("another", settlement("E-2", 0)),
            ("insurer", settlement(" ", 0)),
            (
                "insurer",
                Settlement {
                    adjudication: Adjudication { parts: vec![], ..settlement("E-2", 0).adjudication },
                    ..settlement("E-2", 0)
                },
            ),
        ] {
            assert!(settled().decided_anew(payer, settlement).is_err(), "{payer}");
        }
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
        // A settlement that may be sent again gets a new key.
        let again = first.clone().failed(&PayerError::Unavailable("down".into()), NOW);
        let again = again.expecting::<Confirmed>(Act::Settle).expect("free").begin(NOW).expect("begun");
        assert_ne!(again.state().attempt.operation.key, first.state().attempt.operation.key);
        assert_eq!(again.state().attempt.request, first.state().attempt.request);
    }

    #[test]
    fn more_than_the_contracts_discount_opens_nothing() {
        let discount = crate::coding::Attribute {
            key: crate::billing::allocation::ADJUSTMENT.into(),
            value: crate::coding::AttributeValue::Money(fen(183)),
        };
        let parts = [(Source::Commercial, 18_117)];
        let adjudication =
            Adjudication { attributes: vec![discount], ..fixture::adjudication_of(&fixture::bill(), &parts) };
        let quotation = |discount_per_mille| Quotation {
            kind: PayerKind::Commercial,
            discount_per_mille,
            ..quotation(adjudication.clone())
        };
        let refused = Claim::quote(open(), vec![quotation(9)], NOW);
        assert_eq!(refused.map_err(|(index, e)| (index, e.code())).err(), Some((0, Code::MoneyInvalid)));
        assert!(Claim::quote(open(), vec![quotation(10)], NOW).is_ok());
    }

    #[test]
    fn paying_alone_asks_nobody() {
        let alone =
            || Claim::quote(open(), Vec::new(), NOW).expect("quote").confirm(&fixture::patient(), fen(18300), NOW);
        let confirmed = alone().expect("agreed");
        assert!(confirmed.clone().begin(NOW).is_err());
        let settled = confirmed.collect(NOW).expect("paid");
        assert!(settled.clone().reverse(person(&fixture::pharmacist()), NOW).is_err());
        assert!(settled.clone().refund_all(person(&fixture::stranger()), NOW).is_err());
        let reversed = settled.refund_all(person(&fixture::patient()), NOW).expect("refunded");
        let again = Charge::from(reversed).expecting::<Settled>(Act::Refund).expect_err("twice");
        assert_eq!(again.error.code(), Code::PayAlreadyReversed);
        assert!(settling().unanswered(NOW).state().pending.attempt().operation.key.ends_with("/settle"));
    }

    #[test]
    fn a_quote_that_does_not_add_up_opens_nothing() {
        let mut adjudication = fixture::adjudication();
        adjudication.parts.push(Part { source: Source::Cash, amount: fen(1) });
        let refused = Claim::quote(open(), vec![quotation(adjudication)], NOW);
        assert_eq!(refused.map_err(|(index, e)| (index, e.code())).err(), Some((0, Code::LedgerUnbalanced)));
    }

    // --- partial refunds ------------------------------------------------------

    /// The worked example, with two boxes of metformin; of everything else two halves.
    fn boxes() -> Bill {
        let mut bill = fixture::bill();
        for line in &mut bill.lines {
            line.quantity = Decimal::whole(2);
        }
        bill
    }

    fn paid() -> Claim<Settled> {
        let open = Open { bill: boxes(), ..open() };
        let quoted = Claim::quote(open, vec![quotation(fixture::adjudication())], NOW).expect("quote");
        let settling = quoted.confirm(&fixture::patient(), fen(6750), NOW).expect("agreed").begin(NOW).expect("begun");
        let done = payer::Settled::Done(settlement(|_| {}));
        settling.answered(done, NOW).expecting(Act::Refund).expect("settled")
    }

    fn back(key: &str, lines: &[(u32, u32)]) -> NewRefund {
        let lines = lines.iter().map(|&(line, quantity)| RefundLine { line, quantity }).collect();
        NewRefund { key: key.into(), lines, reason: "returned".into() }
    }

    fn refunded(paid: Claim<Settled>, key: &str, lines: &[(u32, u32)]) -> Charge {
        paid.refund(&fixture::pharmacist(), back(key, lines), NOW).expect("refunded")
    }

    fn parts(charge: &Charge) -> [i64; 3] {
        let agreed = charge.allocation().expect("figures");
        [Source::BasicFund, Source::PersonalAccount, Source::Cash].map(|source| agreed.part(source).as_fen())
    }

    fn reversal() -> payer::Reversed {
        payer::Reversed::Done(Reversal { reference: "rev-1".into(), accumulators: vec![] })
    }

    /// One metformin box back: its payer has taken its settlement back, and is asked about the rest.
    fn box_back() -> Claim<Reduced> {
        let unwinding = refunded(paid(), "box", &[(2, 1)]).expecting::<Unwinding>(Act::Reverse).expect("shared");
        let reversed = unwinding.reverse(By::Host, NOW).expect("begun").answered(reversal(), NOW);
        reversed.expecting::<Reduced>(Act::Settle).expect("reduced").ask(NOW).expect("asked")
    }

    /// What the scheme says of the rest: D7 is 3675, 6000, 6125.
    fn of_the_rest(shares: [i64; 3]) -> Adjudication {
        let mut adjudication = fixture::adjudication();
        adjudication.lines[1].in_scope = fen(2500);
        for (part, amount) in adjudication.parts.iter_mut().zip(shares) {
            part.amount = fen(amount);
        }
        adjudication
    }

    #[test]
    fn a_line_that_is_the_patients_alone_goes_back_in_cash() {
        let half = refunded(paid(), "half", &[(4, 1)]);
        assert_eq!((half.state(), parts(&half)), (ChargeState::Settled, [5550, 6000, 4500]));
        let none = refunded(half.expecting(Act::Refund).expect("paid"), "other half", &[(4, 1)]);
        assert_eq!((parts(&none), none.bill().lines.len()), ([5550, 6000, 2250], 3));
        assert_eq!(none.replaced().iter().map(|before| before.bill.lines.len()).collect::<Vec<_>>(), [4, 4]);
        let json = serde_json::to_value(&none).expect("json");
        assert_eq!(serde_json::from_value::<Charge>(json).expect("charge"), none);

        let code = |claim: Claim<Settled>, by: &Actor, refund: NewRefund| {
            claim.refund(by, refund, NOW).map_err(|refused| refused.error.code()).err()
        };
        let by = fixture::pharmacist();
        let none = || none.clone().expecting::<Settled>(Act::Refund).expect("paid");
        assert_eq!(code(none(), &by, back("more", &[(4, 1)])), Some(Code::RefundExceeds));
        assert_eq!(code(none(), &by, back("half", &[(2, 1)])), Some(Code::PayIdempotencyConflict));
        for (lines, wanted) in [
            (&[(2, 3)][..], Code::RefundExceeds),
            (&[(9, 1)], Code::BodyInvalid),
            (&[(2, 0)], Code::BodyInvalid),
            (&[(2, 1), (2, 1)], Code::BodyInvalid),
            (&[], Code::BodyInvalid),
            (&[(1, 2), (2, 2), (3, 2), (4, 2)], Code::PayState),
        ] {
            assert_eq!(code(paid(), &by, back("a", lines)), Some(wanted), "{lines:?}");
        }
        assert_eq!(code(paid(), &fixture::patient(), back("a", &[(4, 1)])), Some(Code::AuthForbidden));
        let unsaid = NewRefund { reason: " ".into(), ..back("a", &[(4, 1)]) };
        assert_eq!(code(paid(), &by, unsaid), Some(Code::BodyInvalid));
    }

    /// D7: the fund 1875 less, the account as before, the patient 625 less.
    #[test]
    fn what_a_payer_shares_is_taken_back_whole_and_the_rest_settled() {
        let quoted = box_back().quoted(vec![quotation(of_the_rest([3675, 6000, 6125]))], NOW).expect("sound");
        assert_eq!(parts(&quoted), [3675, 6000, 6125]);
        let settling = quoted.expecting::<Confirmed>(Act::Settle).expect("agreed before").begin(NOW).expect("begun");
        let done = Settlement { reference: "setl-2".into(), adjudication: of_the_rest([3675, 6000, 6125]) };
        let settled = settling.clone().answered(payer::Settled::Done(done), NOW);
        assert_eq!((settled.state(), settled.returned().len()), (ChargeState::Settled, 1));
        assert_eq!(settled.refund("box").map(|refund| refund.lines.len()), Some(1));
        let before = &settled.replaced()[0];
        assert_eq!((before.bill.clone(), before.agreed.part(Source::BasicFund)), (boxes(), fen(5550)));

        // Whatever goes wrong with it, nothing is lost, and it is tried again.
        let drift = Settlement { reference: "setl-2".into(), adjudication: of_the_rest([3674, 6000, 6126]) };
        let drifted = settling.clone().answered(payer::Settled::Done(drift), NOW);
        let drifted = drifted.expecting::<Unwinding>(Act::Reverse).expect("drifted").reverse(By::Host, NOW);
        for again in [
            drifted.expect("begun").answered(reversal(), NOW),
            settling.clone().answered(payer::Settled::Refused(refusal()), NOW),
            settling.clone().failed(&PayerError::Unavailable("down".into()), NOW),
            settling.unanswered(NOW).resolve(Status::NeverSeen, NOW),
        ] {
            let reduced = again.expecting::<Reduced>(Act::Settle).expect("what is left");
            assert!(reduced.state().why.is_some() && !reduced.is_asked());
            assert!(reduced.ask(NOW).expect("asked").is_asked());
        }
    }

    #[test]
    fn nobody_pays_more_than_before_without_agreeing() {
        let offered = || {
            let dearer = box_back().quoted(vec![quotation(of_the_rest([0, 6000, 9800]))], NOW).expect("sound");
            dearer.expecting::<Reduced>(Act::Confirm).expect("offered")
        };
        assert!(!offered().is_asked());
        assert_eq!(Charge::from(offered()).allocation().map(|a| a.part(Source::Cash)), Some(fen(9800)));
        let patient = fixture::patient();
        let code = |claim: Claim<Reduced>, by: &Actor, cash| {
            claim.agree(by, fen(cash), NOW).map_err(|refused| refused.error.code()).err()
        };
        assert_eq!(code(offered(), &patient, 9799), Some(Code::InsPresettleDrift));
        assert_eq!(code(offered(), &fixture::stranger(), 9800), Some(Code::AuthForbidden));
        assert_eq!(code(box_back(), &patient, 9800), Some(Code::PayState));
        assert_eq!(code(offered(), &patient, 9800), None);

        // Or the hospital bears what no payer does.
        let accountant = fixture::accountant();
        for reduced in [offered(), box_back()] {
            assert!(reduced.clone().waive(&patient, "y".into(), NOW).is_err());
            assert!(reduced.clone().waive(&accountant, " ".into(), NOW).is_err());
            let borne = Charge::from(reduced.waive(&accountant, "by letter".into(), NOW).expect("borne"));
            assert_eq!((parts(&borne), borne.payers().len(), borne.statements().len()), ([0, 0, 6750], 0, 1));
            assert_eq!(borne.allocation().map(Allocation::adjustment), Some(fen(15_800 - 6750)));
            // Less of it is less for both, the patient last.
            let strips = refunded(borne.expecting(Act::Refund).expect("paid"), "strips", &[(4, 2)]);
            assert_eq!(parts(&strips), [0, 0, 6750]);
            let most = refunded(strips.expecting(Act::Refund).expect("paid"), "more", &[(3, 2)]);
            assert_eq!((parts(&most), most.allocation().map(Allocation::adjustment)), ([0, 0, 4500], Some(fen(0))));
        }
        assert!(box_back().give_up(person(&fixture::stranger()), NOW).is_err());
        let all = Charge::from(box_back().give_up(By::End, NOW).expect("the host"));
        assert_eq!(all.state(), ChargeState::Reversed);
    }

    #[test]
    fn what_a_payer_does_not_take_back_is_paid_as_before() {
        let unwinding = || refunded(paid(), "box", &[(2, 1)]).expecting::<Unwinding>(Act::Reverse).expect("shared");
        let reversing = || unwinding().reverse(By::Host, NOW).expect("begun");
        let refused = reversing().answered(payer::Reversed::Refused(refusal()), NOW);
        assert_eq!(refused, Charge::from(Claim { head: Head { attempts: 2, ..paid().head }, state: paid().state }));
        // Asked again, until it says so.
        let down = reversing().failed(&PayerError::Unavailable("down".into()), NOW);
        assert_eq!(down.state(), ChargeState::Unwinding);
        assert_eq!(down.refund("box").map(|refund| refund.by), Some(fixture::pharmacist().account));
        assert!(down.paid(None).is_err(), "nothing is dispensed meanwhile");
    }

    // --- several payers -------------------------------------------------------

    /// The fund, and the insurers after it: each takes 4200 of what is left in cash.
    fn quotations(insurers: usize) -> Vec<Quotation> {
        let parts = |insurers: usize| {
            let part = |source, amount| Part { source, amount: fen(amount) };
            let mut parts = vec![part(Source::BasicFund, 5550)];
            let insured = i64::try_from(insurers).expect("few") * 4200;
            parts.extend((insured > 0).then(|| part(Source::Commercial, insured)));
            parts.push(part(Source::Cash, 12_750 - insured));
            parts
        };
        (0..=insurers)
            .map(|index| Quotation {
                payer: format!("payer-{index}"),
                kind: if index == 0 { PayerKind::BasicInsurance } else { PayerKind::Commercial },
                discount_per_mille: 0,
                told: fixture::told(),
                adjudication: Adjudication { parts: parts(index), ..fixture::adjudication() },
            })
            .collect()
    }

    fn open_without_account() -> Open {
        Open { bill: Bill { use_account: false, ..fixture::bill() }, ..open() }
    }

    fn agreed(insurers: usize) -> Claim<Confirmed> {
        let quoted = Claim::quote(open_without_account(), quotations(insurers), NOW).expect("quote");
        let cash = Charge::from(quoted.clone()).allocation().expect("quoted").part(Source::Cash);
        quoted.confirm(&fixture::patient(), cash, NOW).expect("agreed")
    }

    fn answer_of(settling: &Claim<Settling>) -> Settlement {
        let share = &settling.state().share;
        Settlement { reference: format!("setl-{}", share.payer), adjudication: share.quoted.clone() }
    }

    fn settle(confirmed: Claim<Confirmed>) -> Charge {
        let settling = confirmed.begin(NOW).expect("begun");
        let answer = answer_of(&settling);
        settling.answered(payer::Settled::Done(answer), NOW)
    }

    fn next(charge: Charge) -> Claim<Confirmed> {
        charge.expecting(Act::Settle).expect("the next payer")
    }

    fn who(charge: &Charge) -> Vec<&str> {
        charge.standing().iter().map(|standing| standing.share.payer()).collect()
    }

    /// The parts of each decision are those of all payers so far.
    #[test]
    fn each_payer_owes_what_it_added() {
        let settled = settle(next(settle(next(settle(agreed(2))))));
        let standing = settled.standing();
        let before = [None, standing.first(), standing.get(1)];
        let pays: Vec<_> = standing.iter().zip(before).map(|(one, before)| one.pays(before)).collect();
        assert_eq!(pays, [fen(5550), fen(4200), fen(4200)]);
    }

    /// A payer may answer anything; what was not agreed to is owed as far as it can be reckoned.
    #[test]
    fn figures_that_have_no_sum_are_owed_by_nobody() {
        let part = |source, amount| Part { source, amount: fen(amount) };
        let of = |parts: &[(Source, i64)]| {
            let nonsense =
                settlement(|a| a.parts = parts.iter().map(|&(source, amount)| part(source, amount)).collect());
            let charge = settling().answered(payer::Settled::Done(nonsense), NOW);
            assert_eq!(charge.state(), ChargeState::Unwinding, "{parts:?}");
            charge.standing()[0].pays(None).as_fen()
        };
        use Source as S;
        assert_eq!(of(&[(S::BasicFund, 5549), (S::PersonalAccount, 6000), (S::Cash, 6751)]), 11_549);
        assert_eq!(of(&[(S::BasicFund, -3000), (S::Cash, 10_000)]), -3000);
        assert_eq!(of(&[(S::BasicFund, i64::MAX), (S::PersonalAccount, 1)]), 0);
        assert_eq!(of(&[(S::BasicFund, i64::MIN)]), 0, "it could not be taken back");
    }

    /// D2 after D1: 5550, 4200, 8550.
    #[test]
    fn payers_settle_in_order_and_are_taken_back_in_the_opposite_one() {
        let first = agreed(1).begin(NOW).expect("begun");
        assert!(first.bill_sent().prior.is_empty());
        let second = next(settle(agreed(1))).begin(NOW).expect("begun");
        let prior = second.bill_sent().prior;
        assert_eq!((prior.len(), prior[0].accumulators.len()), (1, 0), "what the fund counts is not the insurer's");
        let paid = settle(next(settle(agreed(1))));
        assert_eq!((paid.state(), who(&paid)), (ChargeState::Settled, vec!["payer-0", "payer-1"]));
        let allocation = paid.allocation().expect("paid");
        let sources = [Source::BasicFund, Source::Commercial, Source::Cash].map(|source| allocation.part(source));
        assert_eq!(sources, [fen(5550), fen(4200), fen(8550)]);

        let done = || payer::Reversed::Done(Reversal { reference: "rev".into(), accumulators: vec![] });
        let settled = paid.expecting::<Settled>(Act::Reverse).expect("settled");
        let reversing = settled.reverse(person(&fixture::patient()), NOW).expect("begun");
        assert_eq!(reversing.state().turn.share.payer(), "payer-1");
        let halfway = reversing.answered(done(), NOW);
        assert_eq!((halfway.state(), who(&halfway)), (ChargeState::Unwinding, vec!["payer-0"]));
        let unwinding = halfway.expecting::<Unwinding>(Act::Reverse).expect("halfway");
        // Half of it is back: it is paid no more, whatever the first payer says.
        let refused = unwinding.clone().reverse(By::Host, NOW).expect("begun");
        let refused = refused.answered(payer::Reversed::Refused(refusal()), NOW);
        assert_eq!(refused.state(), ChargeState::Unwinding);
        assert!(refused.paid(None).is_err());
        let reversed = unwinding.reverse(By::Host, NOW).expect("begun").answered(done(), NOW);
        assert_eq!((reversed.state(), reversed.returned().len()), (ChargeState::Reversed, 2));
    }

    #[test]
    fn what_a_later_payer_refuses_is_taken_back_from_those_before() {
        let settling = next(settle(agreed(1))).begin(NOW).expect("begun");
        let refused = settling.clone().answered(payer::Settled::Refused(refusal()), NOW);
        let unwinding = refused.expecting::<Unwinding>(Act::Reverse).expect("the first stands");
        let done = payer::Reversed::Done(Reversal { reference: "rev".into(), accumulators: vec![] });
        let declined = unwinding.reverse(By::Host, NOW).expect("begun").answered(done, NOW);
        assert!(matches!(&declined, Charge::Declined(claim) if claim.state().refusals == refusal()));

        // One that could not be reached may be asked again, or the order is abandoned.
        let down = settling.failed(&PayerError::Unavailable("down".into()), NOW);
        assert_eq!((down.state(), who(&down)), (ChargeState::Confirmed, vec!["payer-0"]));
        let confirmed = down.expecting::<Confirmed>(Act::Settle).expect("free");
        assert_eq!(settle(confirmed.clone()).state(), ChargeState::Settled);
        let abandoned = confirmed.abandon(person(&fixture::patient()), NOW).expect("their own");
        assert_eq!((abandoned.state(), who(&abandoned)), (ChargeState::Unwinding, vec!["payer-0"]));
    }

    /// What the payers of what is left would pay: of everything these hundredths the fund, half as much
    /// each insurer.
    fn of_rest(reduced: &Claim<Reduced>, hundredths: i64) -> Vec<Quotation> {
        let gross = reduced.bill().lines.iter().map(|line| line.gross.as_fen()).sum::<i64>();
        let (fund, each) = (gross * hundredths / 100, gross * hundredths / 200);
        let payers = reduced.payers().iter().enumerate();
        payers
            .map(|(index, payer)| {
                let insured = each * i64::try_from(index).expect("few");
                let parts =
                    [(Source::BasicFund, fund), (Source::Commercial, insured), (Source::Cash, gross - fund - insured)];
                Quotation {
                    payer: payer.clone(),
                    kind: if index == 0 { PayerKind::BasicInsurance } else { PayerKind::Commercial },
                    discount_per_mille: 0,
                    told: fixture::told(),
                    adjudication: fixture::adjudication_of(reduced.bill(), &parts),
                }
            })
            .collect()
    }

    /// Whatever was refunded: the parts are the lines, no line has more than before, and of each of them no
    /// more is given back than there was.
    fn conserved(charge: &Charge) {
        let lines = Money::sum(charge.bill().lines.iter().map(|line| line.gross)).expect("sum");
        if let Some(agreed) = charge.allocation() {
            let parts = Money::sum(agreed.parts().values().copied()).expect("sum");
            assert_eq!(parts.plus(agreed.adjustment()), Ok(lines), "{}", charge.state());
            let shares = agreed.shares().iter().flat_map(|line| line.parts.values().copied().chain([line.adjustment]));
            assert_eq!(Money::sum(shares), Ok(lines));
        }
        let mut before: Option<&Bill> = None;
        for after in charge.replaced().iter().map(|replaced| &replaced.bill).chain([charge.bill()]) {
            for line in &after.lines {
                let had = before.map_or(Some(line), |bill| bill.lines.iter().find(|of| of.code == line.code));
                assert!(had.is_some_and(|had| line.units() <= had.units() && line.gross <= had.gross), "{line:?}");
            }
            before = Some(after);
        }
    }

    /// What payers did, whatever the host learnt of it.
    #[derive(Default)]
    struct World {
        settled: Vec<String>,
    }

    impl World {
        /// One step of the host, with what happens to it: 0 carried out and answered, 1 carried out and
        /// the answer lost, 2 lost before it was carried out, 3 not available, 4 refused, 5 other
        /// figures.
        fn step(&mut self, charge: Charge, luck: u8) -> Charge {
            let lost = matches!(luck, 1 | 2);
            match charge {
                Charge::Confirmed(confirmed) if luck == 4 => confirmed.abandon(By::Host, NOW).expect("host"),
                Charge::Confirmed(confirmed) => confirmed.begin(NOW).expect("begun").into(),
                Charge::Settling(settling) => {
                    let payer = settling.state().share.payer().to_owned();
                    let mut answer = answer_of(&settling);
                    match luck {
                        3 => return settling.failed(&PayerError::Unavailable("down".into()), NOW),
                        4 => return settling.answered(payer::Settled::Refused(refusal()), NOW),
                        2 => {}
                        _ => self.settled.push(payer),
                    }
                    if luck == 5 {
                        answer.adjudication.parts.reverse();
                        answer.adjudication.parts[0].amount = fen(1);
                    }
                    if lost {
                        settling.unanswered(NOW).into()
                    } else {
                        settling.answered(payer::Settled::Done(answer), NOW)
                    }
                }
                Charge::Settled(settled) if luck > 3 && settled.payers().is_empty() => {
                    settled.refund_all(By::Host, NOW).expect("host").into()
                }
                Charge::Settled(settled) if luck == 5 => settled.reverse(By::End, NOW).expect("host").into(),
                Charge::Settled(settled) if luck == 3 => {
                    let number = settled.bill().lines[0].number;
                    let key = format!("refund-{}", settled.attempts());
                    match settled.refund(&fixture::pharmacist(), back(&key, &[(number, 1)]), NOW) {
                        Ok(charge) => charge,
                        Err(refused) => (*refused.value).into(),
                    }
                }
                Charge::Reduced(reduced) => match (&reduced.state().step, luck) {
                    (Step::Held, _) => reduced.ask(NOW).expect("asked").into(),
                    (Step::Asked(_), 3) => reduced.into(),
                    (Step::Asked(_), _) => {
                        let quotations = of_rest(&reduced, if luck == 1 { 0 } else { 40 });
                        reduced.quoted(quotations, NOW).expect("sound")
                    }
                    (Step::Offered(_), 4) => reduced.give_up(By::Host, NOW).expect("host").into(),
                    (Step::Offered(_), 5) => {
                        reduced.waive(&fixture::accountant(), "y".into(), NOW).expect("borne").into()
                    }
                    (Step::Offered(offer), _) => {
                        let cash = offer.agreed.part(Source::Cash);
                        reduced.agree(&fixture::patient(), cash, NOW).expect("agreed").into()
                    }
                },
                Charge::Settled(settled) if luck == 4 => settled.reverse(By::Host, NOW).expect("host").into(),
                Charge::Unwinding(unwinding) => unwinding.reverse(By::Host, NOW).expect("begun").into(),
                Charge::Reversing(reversing) => {
                    let reversal = Reversal { reference: "rev".into(), accumulators: vec![] };
                    match luck {
                        3 => return reversing.failed(&PayerError::Unavailable("down".into()), NOW),
                        4 => return reversing.answered(payer::Reversed::Refused(refusal()), NOW),
                        2 => {}
                        _ => assert_eq!(self.settled.pop().as_deref(), Some(reversing.state().turn.share.payer())),
                    }
                    if lost {
                        reversing.unanswered(NOW).into()
                    } else {
                        reversing.answered(payer::Reversed::Done(reversal), NOW)
                    }
                }
                Charge::Unknown(unknown) => {
                    let share = unknown.state().pending.share();
                    let stands = self.settled.iter().any(|payer| payer == share.payer());
                    let status = match (&unknown.state().pending, stands) {
                        _ if luck == 3 => Status::Pending,
                        (Pending::Settle(settling), true) => Status::Settled(Settlement {
                            reference: "setl".into(),
                            adjudication: settling.share.quoted.clone(),
                        }),
                        (Pending::Settle(_), false) | (Pending::Reverse(_), true) => Status::NeverSeen,
                        (Pending::Reverse(_), false) => {
                            Status::Reversed(Reversal { reference: "rev".into(), accumulators: vec![] })
                        }
                    };
                    unknown.resolve(status, NOW)
                }
                end => end,
            }
        }
    }

    proptest::proptest! {
        /// Whatever happens to the calls: what the host knows is what payers did, except for the one
        /// operation that is in progress, and every end is a whole one.
        #[test]
        fn what_stands_is_known(insurers in 0_usize..3, luck in proptest::collection::vec(0_u8..6, 1..40)) {
            let (mut world, mut charge) = (World::default(), Charge::from(agreed(insurers)));
            for luck in luck {
                charge = world.step(charge, luck);
                let json = serde_json::to_value(&charge).expect("json");
                proptest::prop_assert_eq!(&serde_json::from_value::<Charge>(json).expect("charge"), &charge);
                conserved(&charge);
                let known = who(&charge);
                let in_progress = charge.in_progress().map(|(_, share)| share.payer());
                let others: Vec<&str> =
                    world.settled.iter().map(String::as_str).filter(|payer| Some(*payer) != in_progress).collect();
                proptest::prop_assert_eq!(&known, &others, "{}", charge.state());
                match charge.state() {
                    ChargeState::Settled => proptest::prop_assert_eq!(known.len(), charge.payers().len()),
                    ChargeState::Reversed | ChargeState::Declined | ChargeState::Abandoned => {
                        proptest::prop_assert!(world.settled.is_empty());
                    }
                    _ => {}
                }
            }
            // Nothing hangs: with payers that answer, every claim comes to an end.
            for _ in 0..16 {
                charge = world.step(charge, 0);
            }
            let ended = [ChargeState::Settled, ChargeState::Reversed, ChargeState::Declined, ChargeState::Abandoned];
            proptest::prop_assert!(ended.contains(&charge.state()), "{}", charge.state());
        }
    }
}
