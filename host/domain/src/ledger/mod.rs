//! Double-entry ledger. A [`Transaction`] that does not balance cannot be constructed.
//! Transactions are never changed; each is corrected at most once, by a linked contra entry. Each
//! has a business day, and the books of a month that is over are closed for ever.
//!
//! - [`account`]: the chart of accounts;
//! - [`transaction`]: what is booked: one constructor for each [`Kind`], which makes only the
//!   postings that belong to it;
//! - [`book`]: the transactions of a bill, and the checks of a new one;
//! - [`statement`]: what payers, days, doctors or accounts come to;
//! - [`period`]: months, open and closed;
//! - [`reconciliation`]: our books, a payer's and the bank's.

pub mod account;
pub mod book;
pub mod period;
pub mod reconciliation;
pub mod statement;
pub mod transaction;

use thiserror::Error;

pub use self::{
    account::{Account, Side, UnknownAccount},
    book::{Book, TrialBalance, Turnover},
    period::Period,
    statement::{By, Line, Movement},
    transaction::{Entry, Kind, Posting, Stamp, Stored, Subject, Transaction},
};
use crate::{
    code::Code,
    id::TransactionId,
    money::{Money, MoneyError},
};

/// Why a transaction is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// Overflow, or an invalid amount.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The amount of a posting is not positive.
    #[error("a posting of {0}; it must be more than nothing")]
    Amount(Money),
    /// Debits and credits differ.
    #[error("debit {debit}, credit {credit}")]
    Unbalanced {
        /// Sum of debits.
        debit: Money,
        /// Sum of credits.
        credit: Money,
    },
    /// No postings.
    #[error("a transaction without postings")]
    Empty,
    /// A transaction of this kind needs it: a bill, a payer, a doctor, a reason.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Both sides are the same account.
    #[error("account {0} cannot be both debited and credited")]
    SameAccount(Account),
    /// A stored transaction has an unknown kind.
    #[error("`{0}` is no kind of transaction")]
    Kind(String),
    /// The id is already used.
    #[error("transaction {0} is booked already")]
    Booked(TransactionId),
    /// The original of a contra entry does not exist.
    #[error("there is no transaction {0} to reverse")]
    NoOriginal(TransactionId),
    /// The contra entry does not mirror its original.
    #[error("the contra entry of {0} is not its mirror image")]
    NotContra(TransactionId),
    /// A second contra entry of one original, or a contra entry of a contra entry.
    #[error("transaction {0} was reversed before, or is itself a contra entry")]
    AlreadyReversed(TransactionId),
    /// More is returned than was booked.
    #[error("account {account} of the bill would stand at {balance}")]
    Exceeds {
        /// The account.
        account: Account,
        /// The balance that would result.
        balance: Money,
    },
}

impl LedgerError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Money(_) | Self::Amount(_) => Code::MoneyInvalid,
            Self::Unbalanced { .. }
            | Self::Empty
            | Self::NoOriginal(_)
            | Self::NotContra(_)
            | Self::SameAccount(_)
            | Self::Kind(_) => Code::LedgerUnbalanced,
            Self::Missing(_) => Code::BodyInvalid,
            Self::Booked(_) => Code::PayIdempotencyConflict,
            Self::AlreadyReversed(_) => Code::PayAlreadyReversed,
            Self::Exceeds { .. } => Code::RefundExceeds,
        }
    }
}
