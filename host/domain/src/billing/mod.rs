//! What the host makes of a payer's figures: a payer plugin proposes, nothing
//! is booked before every sum was checked here.
//!
//! - [`allocation`]: one checked reading of one bill, to the fen;
//! - [`claim`]: the life of a bill with a payer, with the one state that makes
//!   payment hard: not knowing whether it happened.

pub mod allocation;
pub mod claim;

use thiserror::Error;

pub use self::{
    allocation::{Allocation, PayerKind},
    claim::{Act, Charge, ChargeState, Claim, Open, Paid},
};
use crate::{
    access::Denied,
    canonical::CanonicalError,
    code::Code,
    machine::Refused,
    money::{Money, MoneyError},
    payer::Source,
};

/// Why a bill is not taken, or does not go on.
#[derive(Debug, Error)]
pub enum BillingError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// An amount that does not exist.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The lines are not those of the bill, one for each, in its order.
    #[error("the lines do not correspond to those of the bill")]
    Lines,
    /// The four parts of a line are not its gross.
    #[error("line {line}: the parts sum to {parts}, the gross is {gross}")]
    LineSum {
        /// Number of the line.
        line: u32,
        /// What the parts sum to.
        parts: Money,
        /// What they should.
        gross: Money,
    },
    /// The shares of the payers are not the whole.
    #[error("the shares sum to {parts}, the gross is {gross}")]
    Sum {
        /// What the shares sum to.
        parts: Money,
        /// What they should.
        gross: Money,
    },
    /// A payer spends what is not its to spend.
    #[error("a payer of this kind may not change the share of {0:?}")]
    Source(Source),
    /// A running figure of the insured person is negative or comes twice.
    #[error("the accumulator `{0}` is negative or comes twice")]
    Accumulator(String),
    /// The settlement is not what the patient agreed to.
    #[error("the figures differ from those that were agreed to")]
    Drift,
    /// The payer refused.
    #[error("the payer refused: {0}")]
    Refused(String),
    /// The same key with another content.
    #[error("the operation `{0}` was requested before with another content")]
    Conflict(String),
    /// A second reversal.
    #[error("it was reversed before")]
    AlreadyReversed,
    /// More than was taken.
    #[error("a refund of more than was taken")]
    RefundExceeds,
    /// A line that the payer shares in goes back only with all of the bill.
    #[error("line {0} is shared by the payer: reverse the bill and settle the rest")]
    Shared(u32),
    /// Not possible from here.
    #[error("{act:?} is not possible: the bill is {state}")]
    State {
        /// What was wanted.
        act: Act,
        /// Where it stands.
        state: ChargeState,
    },
    /// Somebody else's bill.
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
            Self::Money(_) | Self::Accumulator(_) => Code::MoneyInvalid,
            Self::Lines | Self::LineSum { .. } | Self::Sum { .. } | Self::Source(_) => Code::LedgerUnbalanced,
            Self::Drift => Code::InsPresettleDrift,
            Self::Refused(_) => Code::PayRefused,
            Self::Conflict(_) => Code::PayIdempotencyConflict,
            Self::AlreadyReversed => Code::PayAlreadyReversed,
            Self::RefundExceeds => Code::RefundExceeds,
            Self::Shared(_) | Self::State { .. } => Code::PayState,
            Self::AnotherPatient => Code::AuthForbidden,
            Self::Canonical(_) => Code::Internal,
        }
    }
}
