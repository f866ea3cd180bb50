//! Money: whole minor units of one currency, no floats, checked arithmetic.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::code::Code;

/// An invalid amount: not a whole number of minor units, out of range, or in another currency.
/// Code `MONEY_INVALID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Overflow.
    #[error("the amount is out of range")]
    Overflow,
    /// The denominator of a share is not positive.
    #[error("a share of no parts")]
    Denominator,
    /// The amount is negative where it must not be.
    #[error("the amount is negative")]
    Negative,
    /// Another currency than the hospital's.
    #[error("the currency is not CNY")]
    Currency,
}

impl MoneyError {
    /// The stable code.
    pub const fn code(self) -> Code {
        Code::MoneyInvalid
    }
}

/// An amount in fen (分), a hundredth of a yuan. May be negative: a difference, a credit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

/// How a fraction of a fen is rounded. There is no default: each rule states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Half a fen away from zero: lines of a bill.
    HalfUp,
    /// Towards negative infinity: shares of an insurance fund.
    Floor,
}

impl Money {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// The only supported currency (ISO 4217).
    pub const CURRENCY: &'static str = "CNY";

    /// An amount in fen.
    pub const fn fen(amount: i64) -> Self {
        Self(amount)
    }

    /// The amount in fen.
    pub const fn as_fen(self) -> i64 {
        self.0
    }

    /// From an amount of a plugin.
    ///
    /// # Errors
    /// If the currency is another.
    pub fn from_minor(minor_units: i64, currency: &str) -> Result<Self, MoneyError> {
        if currency == Self::CURRENCY { Ok(Self(minor_units)) } else { Err(MoneyError::Currency) }
    }

    /// The sum.
    ///
    /// # Errors
    /// On overflow.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// The difference.
    ///
    /// # Errors
    /// On overflow.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// The negated amount.
    ///
    /// # Errors
    /// On overflow.
    pub fn negate(self) -> Result<Self, MoneyError> {
        self.0.checked_neg().map(Self).ok_or(MoneyError::Overflow)
    }

    /// The sum of several amounts.
    ///
    /// # Errors
    /// On overflow.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// `numerator / denominator` of it.
    ///
    /// # Errors
    /// If the denominator is not positive, or on overflow.
    pub fn share(self, numerator: i64, denominator: i64, rounding: Rounding) -> Result<Self, MoneyError> {
        if denominator <= 0 {
            return Err(MoneyError::Denominator);
        }
        let product = i128::from(self.0) * i128::from(numerator);
        let divisor = i128::from(denominator);
        let floor = product.div_euclid(divisor);
        let rounded = match rounding {
            Rounding::Floor => floor,
            Rounding::HalfUp => {
                let twice = product.rem_euclid(divisor) * 2;
                floor + i128::from(twice > divisor || (twice == divisor && product >= 0))
            }
        };
        i64::try_from(rounded).map(Self).map_err(|_| MoneyError::Overflow)
    }

    /// The amount itself, if it is not negative.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_round_as_said() {
        let share = |fen, n, d, r| Money::fen(fen).share(n, d, r).map(Money::as_fen);
        assert_eq!(share(7400, 75, 100, Rounding::Floor), Ok(5550));
        assert_eq!(share(5, 1, 2, Rounding::HalfUp), Ok(3));
        assert_eq!(share(-5, 1, 2, Rounding::HalfUp), Ok(-3));
        assert_eq!(share(5, 1, 2, Rounding::Floor), Ok(2));
        assert_eq!(share(-5, 1, 2, Rounding::Floor), Ok(-3));
        assert_eq!(share(1, 1, 0, Rounding::Floor), Err(MoneyError::Denominator));
        assert_eq!(share(1, 1, -2, Rounding::Floor), Err(MoneyError::Denominator));
        assert_eq!(share(i64::MAX, 2, 1, Rounding::Floor), Err(MoneyError::Overflow));
    }

    #[test]
    fn never_wraps() {
        assert_eq!(Money::fen(i64::MAX).plus(Money::fen(1)), Err(MoneyError::Overflow));
        assert_eq!(Money::fen(i64::MIN).negate(), Err(MoneyError::Overflow));
        assert_eq!(Money::fen(i64::MIN).minus(Money::fen(1)), Err(MoneyError::Overflow));
        assert_eq!(Money::from_minor(1, "USD"), Err(MoneyError::Currency));
        assert_eq!(Money::fen(-5).to_string(), "-0.05");
    }

    proptest! {
        #[test]
        fn a_share_is_within_one_fen_of_the_truth(fen: i64, n in -1_000_000_i64..1_000_000, d in 1_i64..1_000_000) {
            let exact = i128::from(fen) * i128::from(n);
            let width = i128::from(d);
            if let Ok(floor) = Money::fen(fen).share(n, d, Rounding::Floor) {
                let error = exact - i128::from(floor.as_fen()) * width;
                prop_assert!((0..width).contains(&error));
            }
            if let Ok(half) = Money::fen(fen).share(n, d, Rounding::HalfUp) {
                let error = exact - i128::from(half.as_fen()) * width;
                prop_assert!(error.abs() * 2 <= width);
            }
        }

        #[test]
        fn half_up_is_symmetric(fen in -1_000_000_000_i64..1_000_000_000, n in 0_i64..10_000, d in 1_i64..10_000) {
            let there = Money::fen(fen).share(n, d, Rounding::HalfUp).expect("fits");
            let back = Money::fen(-fen).share(n, d, Rounding::HalfUp).expect("fits");
            prop_assert_eq!(there.negate(), Ok(back));
        }

        #[test]
        fn complementary_floors_lose_at_most_one_fen(fen in 0_i64..1_000_000_000_000, n in 0_i64..=100) {
            let ours = Money::fen(fen).share(n, 100, Rounding::Floor).expect("fits");
            let theirs = Money::fen(fen).share(100 - n, 100, Rounding::Floor).expect("fits");
            let lost = Money::fen(fen).minus(ours).and_then(|rest| rest.minus(theirs)).expect("fits");
            prop_assert!((0..=1).contains(&lost.as_fen()));
        }
    }
}
