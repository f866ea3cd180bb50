//! Exact decimals. An operation is exact, or there is no result: a threshold means what it says.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use thiserror::Error;

/// `unscaled × 10^-scale`.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    unscaled: i128,
    scale: u8,
}

/// Most digits of a number in a file: products of two of them still fit.
const MAX_DIGITS: usize = 18;

/// The text is no decimal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no decimal number of at most {MAX_DIGITS} digits, such as 16.7")]
pub struct InvalidNumber(String);

impl Number {
    /// `unscaled × 10^-scale`.
    pub fn new(unscaled: i64, scale: u8) -> Self {
        Self { unscaled: i128::from(unscaled), scale }
    }

    /// A whole number.
    pub fn whole(value: i64) -> Self {
        Self::new(value, 0)
    }

    /// Exact product; `None` on overflow.
    pub fn times(self, other: Self) -> Option<Self> {
        let scale = self.scale.checked_add(other.scale)?;
        Some(Self { unscaled: self.unscaled.checked_mul(other.unscaled)?, scale }.short())
    }

    /// Exact sum; `None` on overflow.
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Some(Self { unscaled: self.at(scale)?.checked_add(other.at(scale)?)?, scale }.short())
    }

    /// Exact difference; `None` on overflow.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self { unscaled: other.unscaled.checked_neg()?, scale: other.scale })
    }

    /// By value; `None` if that cannot be computed exactly.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        let scale = self.scale.max(other.scale);
        Some(self.at(scale)?.cmp(&other.at(scale)?))
    }

    /// Digits after the point, without trailing zeros.
    pub fn digits(self) -> u8 {
        self.short().scale
    }

    /// One unit of so many digits after the point: for the values just below and above a threshold.
    pub const fn step(digits: u8) -> Self {
        Self { unscaled: 1, scale: digits }
    }

    /// The value in `i64` digits, for the contract; `None` if it does not fit.
    pub fn parts(self) -> Option<(i64, u8)> {
        let short = self.short();
        Some((i64::try_from(short.unscaled).ok()?, short.scale)).filter(|(_, scale)| *scale <= 18)
    }

    fn at(self, scale: u8) -> Option<i128> {
        let more = u32::from(scale.checked_sub(self.scale)?);
        10_i128.checked_pow(more)?.checked_mul(self.unscaled)
    }

    fn short(mut self) -> Self {
        while self.scale > 0 && self.unscaled % 10 == 0 {
            self.unscaled /= 10;
            self.scale -= 1;
        }
        self
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.short(), other.short());
        (a.unscaled, a.scale) == (b.unscaled, b.scale)
    }
}

impl Eq for Number {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.unscaled.unsigned_abs().to_string();
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl FromStr for Number {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        let invalid = || InvalidNumber(text.chars().take(40).collect());
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(invalid()),
            Some(parts) => parts,
            None => (text, ""),
        };
        let plain = whole.strip_prefix('-').unwrap_or(whole);
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if plain.is_empty() || !digits(plain) || !digits(fraction) || plain.len() + fraction.len() > MAX_DIGITS {
            return Err(invalid());
        }
        let unscaled = format!("{whole}{fraction}").parse().map_err(|_| invalid())?;
        Ok(Self { unscaled, scale: u8::try_from(fraction.len()).map_err(|_| invalid())? })
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().expect("a number")
    }

    #[test]
    fn it_is_exact_or_there_is_nothing() {
        assert_eq!(number("16.70"), number("16.7"));
        assert_eq!(number("6").times(number("59.48")), Some(number("356.88")));
        assert_eq!(number("2").minus(number("2.5")), Some(number("-0.5")));
        assert_eq!(number("3.9").compare(number("3.90001")), Some(Ordering::Less));
        assert_eq!(number("-0.05").to_string(), "-0.05");
        let great = number("999999999999999999");
        assert_eq!(great.times(great).and_then(|square| square.times(great)), None);
        for text in ["", "-", ".5", "5.", "1e3", "1,5", "1234567890123456789", "+1", "NaN", "0x1"] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }
}
