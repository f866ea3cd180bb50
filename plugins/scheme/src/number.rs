//! Numbers as a scheme writes them: whole, or as text. A TOML number with a point is a float, and
//! there is no float anywhere.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use xinglin_sdk::{
    money::{Fen, MoneyError, Rounding},
    types::Decimal,
};

/// An exact decimal, at least zero, of at most four digits after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(Decimal);

impl Exact {
    /// Digits after the point.
    pub const DIGITS: u8 = 4;

    /// The number.
    pub const fn value(self) -> Decimal {
        self.0
    }

    /// In ten-thousandths.
    pub fn ten_thousandths(self) -> i128 {
        let Decimal { unscaled, scale } = self.0;
        i128::from(unscaled) * 10_i128.pow(u32::from(Self::DIGITS - scale))
    }

    fn of(value: Decimal) -> Result<Self, String> {
        let value = value.normalized();
        if value.unscaled < 0 || value.scale > Self::DIGITS {
            return Err(format!("{value} is below zero, or finer than four digits"));
        }
        Ok(Self(value))
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl de::Visitor<'_> for Written {
            type Value = Exact;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a decimal as text, such as \"12.5\"")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Exact, E> {
                Exact::of(Decimal::whole(value)).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Exact, E> {
                Exact::of(text.parse().map_err(E::custom)?).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Written)
    }
}

/// From 0 to 100 %, of at most two digits after the point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Exact")]
pub struct Percent(u16);

impl Percent {
    /// All of it.
    pub const ALL: Self = Self(10_000);
    /// Nothing of it.
    pub const NONE: Self = Self(0);

    /// In hundredths of a percent.
    pub const fn hundredths(self) -> u16 {
        self.0
    }

    /// So much of an amount.
    ///
    /// # Errors
    /// On overflow.
    pub fn of(self, amount: Fen, rounding: Rounding) -> Result<Fen, MoneyError> {
        amount.times(Decimal::new(i64::from(self.0), 4), rounding)
    }
}

impl TryFrom<Exact> for Percent {
    type Error = String;

    fn try_from(number: Exact) -> Result<Self, String> {
        let ten_thousandths = number.ten_thousandths();
        let hundredths = (ten_thousandths % 100 == 0).then_some(ten_thousandths / 100);
        let percent = hundredths.and_then(|all| u16::try_from(all).ok()).filter(|all| *all <= Self::ALL.0);
        percent.map(Self).ok_or_else(|| format!("{} is no percentage of at most two digits", number.0))
    }
}

/// An amount in fen, at least zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "i64")]
pub struct Amount(Fen);

impl Amount {
    /// The amount.
    pub const fn fen(self) -> Fen {
        self.0
    }
}

impl TryFrom<i64> for Amount {
    type Error = MoneyError;

    fn try_from(fen: i64) -> Result<Self, MoneyError> {
        Fen::new(fen).non_negative().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        exact: Option<Exact>,
        percent: Option<Percent>,
        amount: Option<Amount>,
    }

    fn row(text: &str) -> Result<Row, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        let exact = |text: &str| row(&format!("exact = {text}")).map(|row| row.exact.map(Exact::ten_thousandths));
        assert_eq!(exact("\"0.80\""), Ok(Some(8_000)));
        assert_eq!(exact("2"), Ok(Some(20_000)));
        for wrong in ["0.8", "\"-1\"", "\"0.00001\"", "\"x\""] {
            assert!(exact(wrong).is_err(), "{wrong}");
        }
        let percent = |text: &str| row(&format!("percent = {text}")).map(|row| row.percent.map(Percent::hundredths));
        assert_eq!(percent("\"12.50\""), Ok(Some(1_250)));
        assert_eq!(percent("100"), Ok(Some(10_000)));
        for wrong in ["101", "\"100.01\"", "\"0.001\"", "-1"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
        assert_eq!(row("amount = 600000").map(|row| row.amount.map(Amount::fen)), Ok(Some(Fen::new(600_000))));
        assert!(row("amount = -1").is_err());
    }
}
