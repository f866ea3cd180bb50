//! Direct billing by a commercial insurer, line by line (商保直付). The host owns the ledger and
//! checks every amount.
//!
//! | role of `#[plugin(…)]` | trait | asked |
//! |---|---|---|
//! | `eligibility` | [`eligibility::Eligibility`] | whether the patient is insured for something |
//! | `preauthorization` | [`preauthorization::Preauthorization`] | for a guarantee of payment |
//! | `claims` | [`claims::Claims`] | to predetermine, pay, cancel, decide anew |
//! | `reconciliation` | [`reconciliation::Reconciliation`] | whether both books say the same |
//!
//! A plugin exports any of them; only `claims` is needed to be a payer. The words that they share
//! are in this module.
//!
//! # Errors
//!
//! [`Error::NotDone`] and [`Error::MissingData`] state that **nothing was done**: the host may send
//! the same operation again. After [`Error::Unknown`], [`Error::Conflict`], [`Error::Other`], a panic
//! or the end of the deadline the outcome is **unknown**: the host asks `status`, and sends nothing
//! again before that answers `Ok(None)`. A request whose answer was lost may have been processed:
//! return [`Error::Unknown`]. Functions that change nothing may be asked again after any error.

pub mod claims;
pub mod eligibility;
pub mod preauthorization;
pub mod reconciliation;

pub use crate::bindings::xinglin::payment::insurance::{
    Allowance, Balance, BasicClass, Claim, ClaimLine, Document, Draw, Error, LineKind, Operation, Pending, Period,
    Policy, PriorShare, Refusal, Source,
};
use crate::{
    money::{Fen, MoneyError},
    time::Instant,
};

impl Period {
    /// Whether it holds a moment.
    pub const fn contains(&self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }
}

impl Policy {
    /// The balance with this code in the period that holds a moment.
    pub fn balance(&self, code: &str, at: Instant) -> Option<&Balance> {
        self.balances.iter().find(|balance| balance.code == code && balance.period.contains(at))
    }
}

impl Balance {
    /// What is left of an amount of money, at least zero; `None` if it counts something else, or
    /// if nothing bounds it.
    ///
    /// # Errors
    /// If the currency is another.
    pub fn money_left(&self) -> Result<Option<Fen>, MoneyError> {
        let (Allowance::Money(used), Some(Allowance::Money(limit))) = (&self.used, &self.limit) else {
            return Ok(None);
        };
        Ok(Some(Fen::of(limit)?.minus(Fen::of(used)?)?.or_zero()))
    }

    /// How many times are left; `None` if it is an amount of money, or if nothing bounds it.
    pub const fn count_left(&self) -> Option<u32> {
        match (&self.used, &self.limit) {
            (Allowance::Count(used), Some(Allowance::Count(limit))) => Some(limit.saturating_sub(*used)),
            _ => None,
        }
    }
}

impl ClaimLine {
    /// What payers before this one pay of it.
    ///
    /// # Errors
    /// On overflow, or if the currency is another.
    pub fn prior_sum(&self) -> Result<Fen, MoneyError> {
        self.prior.iter().try_fold(Fen::ZERO, |sum, share| sum.plus(Fen::of(&share.amount)?))
    }

    /// What they leave of it.
    ///
    /// # Errors
    /// On overflow, or if the currency is another.
    pub fn rest(&self) -> Result<Fen, MoneyError> {
        Fen::of(&self.gross)?.minus(self.prior_sum()?)
    }
}
