//! Amounts in fen (分): integers, checked arithmetic, rounding only where stated.

use std::fmt;

use thiserror::Error;

use crate::types::{Decimal, Money};

/// An invalid amount. Code `MONEY_INVALID`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Overflow.
    #[error("MONEY_INVALID: the amount is out of range")]
    Overflow,
    /// The amount is negative where it must not be.
    #[error("MONEY_INVALID: the amount is negative")]
    Negative,
    /// The amount is in another currency.
    #[error("MONEY_INVALID: the currency is `{0}`, not CNY")]
    Currency(String),
}

/// How a fraction of a fen is rounded. There is no default: each rule states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Half a fen away from zero.
    HalfUp,
    /// Towards negative infinity: in favour of the payer.
    Floor,
}

/// An amount of Chinese yuan in fen. May be negative: a difference, a credit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fen(i64);

impl Fen {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// The currency (ISO 4217).
    pub const CURRENCY: &'static str = "CNY";

    /// An amount in fen.
    pub const fn new(amount: i64) -> Self {
        Self(amount)
    }

    /// The amount in fen.
    pub const fn amount(self) -> i64 {
        self.0
    }

    /// From an amount of the contract.
    ///
    /// # Errors
    /// If the currency is another.
    pub fn of(money: &Money) -> Result<Self, MoneyError> {
        if money.currency == Self::CURRENCY {
            Ok(Self(money.minor_units))
        } else {
            Err(MoneyError::Currency(money.currency.clone()))
        }
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

    /// The sum of several amounts.
    ///
    /// # Errors
    /// On overflow.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// The product with an exact factor, such as a ratio or a number of boxes.
    ///
    /// # Errors
    /// On overflow.
    pub fn times(self, factor: Decimal, rounding: Rounding) -> Result<Self, MoneyError> {
        let product = i128::from(self.0) * i128::from(factor.unscaled);
        let unit = 10_i128.checked_pow(u32::from(factor.scale)).ok_or(MoneyError::Overflow)?;
        let (floor, rest) = (product.div_euclid(unit), product.rem_euclid(unit));
        let up = match rounding {
            Rounding::Floor => false,
            Rounding::HalfUp => rest > unit / 2 || (unit > 1 && rest == unit / 2 && product > 0),
        };
        i64::try_from(floor + i128::from(up)).map(Self).map_err(|_| MoneyError::Overflow)
    }

    /// The amount, or zero if it is negative.
    #[must_use]
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// The amount itself, if it is not negative.
    ///
    /// # Errors
    /// If it is.
    pub fn non_negative(self) -> Result<Self, MoneyError> {
        if self.0 < 0 { Err(MoneyError::Negative) } else { Ok(self) }
    }
}

impl From<Fen> for Money {
    fn from(fen: Fen) -> Self {
        Self { minor_units: fen.0, currency: Fen::CURRENCY.to_owned() }
    }
}

/// In yuan: `55.50`.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_fen_goes_where_the_rule_says() {
        let tenth = Decimal::new(1, 1);
        let cases = [(14, 1, 1), (15, 2, 1), (16, 2, 1), (-14, -1, -2), (-15, -2, -2), (-16, -2, -2)];
        for (fen, half_up, floor) in cases {
            assert_eq!(Fen::new(fen).times(tenth, Rounding::HalfUp), Ok(Fen::new(half_up)), "{fen}");
            assert_eq!(Fen::new(fen).times(tenth, Rounding::Floor), Ok(Fen::new(floor)), "{fen}");
        }
        assert_eq!(Fen::new(7400).times(Decimal::new(75, 2), Rounding::Floor), Ok(Fen::new(5550)));
    }

    #[test]
    fn nothing_wraps() {
        let most = Fen::new(i64::MAX);
        assert_eq!(most.plus(Fen::new(1)), Err(MoneyError::Overflow));
        assert_eq!(Fen::new(i64::MIN).minus(Fen::new(1)), Err(MoneyError::Overflow));
        assert_eq!(most.times(Decimal::whole(2), Rounding::Floor), Err(MoneyError::Overflow));
        assert_eq!(most.times(Decimal::whole(1), Rounding::HalfUp), Ok(most));
        let dollars = Money { minor_units: 1, currency: "USD".to_owned() };
        assert_eq!(Fen::of(&dollars), Err(MoneyError::Currency("USD".to_owned())));
        assert_eq!(Fen::new(-5).to_string(), "-0.05");
    }
}
