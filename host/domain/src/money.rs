//! Money: whole minor units of one currency, never a float, never wrapping.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An amount that does not exist: not a whole number of minor units, out of
/// range, or in another currency. Code `MONEY_INVALID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// The result does not fit.
    #[error("the amount is out of range")]
    Overflow,
    /// Fractions divide by zero.
    #[error("a share of zero parts")]
    ZeroDenominator,
    /// An amount that must not be below zero is.
    #[error("the amount is negative")]
    Negative,
    /// Only the currency of the hospital is taken.
    #[error("the currency is not CNY")]
    Currency,
}

/// Fen (分), a hundredth of a yuan. May be negative: a difference, a credit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

/// How a fraction of a fen is settled. There is no default: each rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Half a fen away from zero: per line (DOMAIN D1).
    HalfUp,
    /// Towards negative infinity: the side of the fund (DOMAIN D1).
    Floor,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The only currency there is so far, as ISO 4217 writes it.
    pub const CURRENCY: &'static str = "CNY";

    /// So many fen.
    pub const fn fen(amount: i64) -> Self {
        Self(amount)
    }

    /// The amount in fen.
    pub const fn as_fen(self) -> i64 {
        self.0
    }

    /// From an amount as a plugin writes it.
    ///
    /// # Errors
    /// If the currency is another.
    pub fn from_minor(minor_units: i64, currency: &str) -> Result<Self, MoneyError> {
        if currency == Self::CURRENCY { Ok(Self(minor_units)) } else { Err(MoneyError::Currency) }
    }

    /// Sum.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// Difference.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// The same amount the other way.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn negate(self) -> Result<Self, MoneyError> {
        self.0.checked_neg().map(Self).ok_or(MoneyError::Overflow)
    }

    /// Sum of many.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// `numerator / denominator` of it.
    ///
    /// # Errors
    /// If the denominator is zero or the result does not fit.
    pub fn share(self, numerator: i64, denominator: i64, rounding: Rounding) -> Result<Self, MoneyError> {
        if denominator == 0 {
            return Err(MoneyError::ZeroDenominator);
        }
        let product = i128::from(self.0) * i128::from(numerator);
        let divisor = i128::from(denominator);
        let floor = product.div_euclid(divisor) - i128::from(divisor < 0 && product.rem_euclid(divisor) != 0);
        let rest = product - floor * divisor;
        let rounded = match rounding {
            Rounding::Floor => floor,
            Rounding::HalfUp => {
                let twice = (rest * 2).abs();
                let width = divisor.abs();
                let up = twice > width || (twice == width && floor >= 0);
                floor + i128::from(up)
            }
        };
        i64::try_from(rounded).map(Self).map_err(|_| MoneyError::Overflow)
    }

    /// Itself, if it is not below zero.
    ///
    /// # Errors
    /// If it is.
    pub fn non_negative(self) -> Result<Self, MoneyError> {
        if self.0 < 0 { Err(MoneyError::Negative) } else { Ok(self) }
    }
}

/// In yuan: `55.50`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}
