//! Checks of payers' figures: a payer plugin proposes, and nothing is booked before every sum is
//! checked here.
//!
//! - [`allocation`]: a checked adjudication of one bill, to the fen;
//! - [`cash`]: the patient's share in money: orders at channels, what came in, what goes back;
//! - [`claim`]: the state machine of a bill with a payer, including the state of an
//!   unknown outcome;
//! - [`insured`]: bills as claims of insurers;
//! - [`Subject`]: what a bill is for;
//! - [`split`]: what each payer pays of each line;
//! - [`discount`]: what the hospital gives up of it;
//! - [`membership`]: a patient's insurance, with its figures by benefit year;
//! - [`told`]: what of it a payer was told, on which its quote rests;
//! - [`order`]: in which order settlements are taken back;
//! - [`request`]: what is asked of an insurer beside the settlement: eligibility, guarantees, appeals.

pub mod allocation;
pub mod cash;
pub mod claim;
pub mod discount;
pub mod insured;
pub mod membership;
pub mod order;
pub mod request;
pub mod split;
mod subject;
pub mod told;

use thiserror::Error;

pub use self::{
    allocation::{Allocation, PayerKind},
    claim::{Act, By, Charge, ChargeState, Claim, Open, Paid},
    membership::Membership,
    order::first_to_reverse,
    subject::Subject,
    told::{Basis, Contract, Told},
};
use crate::{
    access::Denied,
    canonical::CanonicalError,
    code::Code,
    machine::Refused,
    money::{Money, MoneyError},
    payer::Source,
};

/// Why an operation on a bill is refused.
#[derive(Debug, Error)]
pub enum BillingError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Overflow, or an invalid amount.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A figure of the payer is negative, or too large.
    #[error("{field}: {error}")]
    Figure {
        /// Where in its answer.
        field: String,
        /// What is wrong.
        error: MoneyError,
    },
    /// The payer's reference is empty, so what it did cannot be named again.
    #[error("the reference is empty")]
    Reference,
    /// The payer's answer is about an operation of another kind.
    #[error("the answer is about an operation of another kind")]
    AnotherVerb,
    /// The lines are not exactly those of the bill, in its order.
    #[error("the lines do not correspond to those of the bill")]
    Lines,
    /// The four amounts of a line do not sum to its gross.
    #[error("line {line}: the parts sum to {parts}, the gross is {gross}")]
    LineSum {
        /// Number of the line.
        line: u32,
        /// Sum of the amounts.
        parts: Money,
        /// The gross.
        gross: Money,
    },
    /// The shares do not sum to the gross.
    #[error("the shares sum to {parts}, the gross is {gross}")]
    Sum {
        /// Sum of the shares.
        parts: Money,
        /// The gross.
        gross: Money,
    },
    /// A payer uses a source that it does not control.
    #[error("a payer of this kind may not change the share of {0:?}")]
    Source(Source),
    /// An accumulator is negative or listed twice.
    #[error("the accumulator `{0}` is negative or comes twice")]
    Accumulator(String),
    /// The payer takes more discount than its contract allows.
    #[error("{field}: a discount of {amount}, where the contract allows {most}")]
    Discount {
        /// Where in its answer.
        field: String,
        /// What it takes.
        amount: Money,
        /// The most.
        most: Money,
    },
    /// The quote was not confirmed in time.
    #[error("the quote has expired")]
    Expired,
    /// The settlement differs from what the patient agreed to.
    #[error("the figures differ from those that were agreed to")]
    Drift,
    /// An insurer wants a guarantee of payment first.
    #[error(
        "`{0}` wants a guarantee of payment first: ask it for one, or for a quote without it (`payers`, `self_pay`)"
    )]
    NoGuarantee(String),
    /// The payer refused.
    #[error("the payer refused: {0}")]
    Refused(String),
    /// The same key with other content.
    #[error("the operation `{0}` was requested before with another content")]
    Conflict(String),
    /// A second reversal.
    #[error("it was reversed before")]
    AlreadyReversed,
    /// The refund exceeds what was paid.
    #[error("a refund of more than was taken")]
    RefundExceeds,
    /// A refund of nothing, or of a line that the bill does not have, or twice of one.
    #[error("line {0}: not on the bill, twice, or none of it")]
    NoSuchLine(u32),
    /// Nothing would be left of the bill.
    #[error("nothing would be left: reverse the whole bill")]
    Whole,
    /// Not possible in this state.
    #[error("{act:?} is not possible: the bill is {state}")]
    State {
        /// The act.
        act: Act,
        /// The state.
        state: ChargeState,
    },
    /// A statement lacks a part.
    #[error("`{0}` is missing")]
    Unsaid(&'static str),
    /// The patient's share is not there.
    #[error("the patient's share, {0}, has not been paid")]
    Unpaid(Money),
    /// Another patient's bill.
    #[error("the bill is another patient's")]
    AnotherPatient,
    /// It cannot be hashed.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl<T> From<Refused<T, Self>> for BillingError {
    fn from(refused: Refused<T, Self>) -> Self {
        refused.error
    }
}

impl BillingError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Money(_) | Self::Figure { .. } | Self::Accumulator(_) | Self::Discount { .. } => Code::MoneyInvalid,
            Self::Expired => Code::PayQuoteExpired,
            Self::Lines | Self::LineSum { .. } | Self::Sum { .. } | Self::Source(_) | Self::Reference => {
                Code::LedgerUnbalanced
            }
            Self::Drift => Code::InsPresettleDrift,
            Self::NoGuarantee(_) => Code::PayNoGuarantee,
            Self::Refused(_) => Code::PayRefused,
            Self::Conflict(_) => Code::PayIdempotencyConflict,
            Self::AlreadyReversed => Code::PayAlreadyReversed,
            Self::RefundExceeds => Code::RefundExceeds,
            Self::Whole | Self::State { .. } | Self::AnotherVerb => Code::PayState,
            Self::Unpaid(_) => Code::PayDue,
            Self::Unsaid(_) | Self::NoSuchLine(_) => Code::BodyInvalid,
            Self::AnotherPatient => Code::AuthForbidden,
            Self::Canonical(_) => Code::Internal,
        }
    }

    /// The field of a payer's answer that is wrong; `None` if the payer is not at fault.
    pub fn field(&self) -> Option<String> {
        match self {
            Self::Figure { field, .. } | Self::Discount { field, .. } => Some(field.clone()),
            Self::Lines => Some("lines".into()),
            Self::LineSum { line, .. } => Some(format!("lines[{line}]")),
            Self::Sum { .. } => Some("parts".into()),
            Self::Source(source) => Some(format!("parts[{}]", source.as_str())),
            Self::Accumulator(code) => Some(format!("accumulators[{code}]")),
            Self::Reference => Some("reference".into()),
            Self::AnotherVerb => Some("status".into()),
            _ => None,
        }
    }
}
