//! Exact decimals without rounding: an operation is exact or returns
//! `None`, so thresholds are exact.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use thiserror::Error;

use super::{Decimal, Quantity};

/// The text is not a decimal of at most 18 digits after the point.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a decimal number within range: `{0}`")]
pub struct InvalidDecimal(pub String);

impl Decimal {
    /// Maximum number of digits after the point.
    pub const MAX_SCALE: u8 = 18;

    /// `unscaled × 10^-scale`: `Decimal::new(167, 1)` is 16.7. The host refuses a
    /// scale above [`Decimal::MAX_SCALE`].
    pub const fn new(unscaled: i64, scale: u8) -> Self {
        Self { unscaled, scale }
    }

    /// A whole number.
    pub const fn whole(value: i64) -> Self {
        Self::new(value, 0)
    }

    /// Exact product; `None` on overflow.
    pub fn times(self, other: Self) -> Option<Self> {
        Self::fitting(
            i128::from(self.unscaled) * i128::from(other.unscaled),
            u16::from(self.scale) + u16::from(other.scale),
        )
    }

    /// Exact sum; `None` on overflow.
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Self::fitting(self.at_scale(scale)?.checked_add(other.at_scale(scale)?)?, u16::from(scale))
    }

    /// Without trailing zeros: 16.70 becomes 16.7.
    #[must_use]
    pub const fn normalized(mut self) -> Self {
        while self.scale > 0 && self.unscaled % 10 == 0 {
            self.unscaled /= 10;
            self.scale -= 1;
        }
        self
    }

    /// Rounded half away from zero to this number of digits, for display.
    #[must_use]
    pub fn shown_to(self, digits: u8) -> Self {
        if self.scale <= digits {
            return self;
        }
        let Some(unit) = 10_i128.checked_pow(u32::from(self.scale - digits)) else {
            return Self::new(0, digits);
        };
        let value = i128::from(self.unscaled);
        let rounded = (value.abs() * 2 + unit) / (unit * 2) * value.signum();
        i64::try_from(rounded).map_or(self, |unscaled| Self::new(unscaled, digits))
    }

    fn at_scale(self, scale: u8) -> Option<i128> {
        if self.unscaled == 0 {
            return Some(0);
        }
        let more = u32::from(scale.checked_sub(self.scale)?);
        10_i128.checked_pow(more)?.checked_mul(i128::from(self.unscaled))
    }

    /// Removes trailing zeros until the digits fit.
    fn fitting(mut unscaled: i128, mut scale: u16) -> Option<Self> {
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        let scale = u8::try_from(scale).ok().filter(|scale| *scale <= Self::MAX_SCALE)?;
        Some(Self { unscaled: i64::try_from(unscaled).ok()?, scale })
    }
}

impl Ord for Decimal {
    /// By value, for any two records, including those that the host would refuse.
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.at_scale(scale), other.at_scale(scale)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // Only one of them had to be scaled up and has overflowed: it is
            // the greater in magnitude.
            (None, _) => self.unscaled.cmp(&0),
            (_, None) => 0.cmp(&other.unscaled),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { unscaled, scale } = self.normalized();
        (unscaled, if unscaled == 0 { 0 } else { scale }).hash(state);
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self::whole(value)
    }
}

impl fmt::Display for Decimal {
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

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    /// Digits with at most one point: `16.7`, `-0.5`.
    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let invalid = || InvalidDecimal(text.chars().take(64).collect());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(digits) || !all_digits(fraction) {
            return Err(invalid());
        }
        let fraction = if text.contains('.') { fraction } else { "" };
        let scale = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= Self::MAX_SCALE).ok_or_else(invalid)?;
        let unscaled = format!("{whole}{fraction}").parse().map_err(|_| invalid())?;
        Ok(Self { unscaled, scale })
    }
}

impl Quantity {
    /// A value with a UCUM unit.
    pub fn new(value: impl Into<Decimal>, unit: impl Into<String>) -> Self {
        Self { value: value.into(), unit: unit.into() }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit.as_str() {
            "" => write!(f, "{}", self.value),
            unit => write!(f, "{} {unit}", self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn equality_is_by_value() {
        assert_eq!(decimal("16.70"), decimal("16.7"));
        assert_ne!(decimal("16.71"), decimal("16.7"));
        assert!(decimal("-0.5") < decimal("0.25"));
        assert!(decimal("3.9") < decimal("3.90001"));
    }

    #[test]
    fn comparison_cannot_overflow() {
        let greatest = Decimal::whole(i64::MAX);
        let finest = Decimal::new(i64::MIN, u8::MAX);
        assert!(finest < greatest);
        assert!(greatest > finest);
        assert!(Decimal::whole(i64::MIN) < finest);
        assert!(Decimal::whole(0) > finest);
    }

    #[test]
    fn arithmetic_is_exact_or_refused() {
        assert_eq!(decimal("16.7").times(decimal("18.016")), Some(decimal("300.8672")));
        assert_eq!(
            decimal("0.09148").times(decimal("53")).and_then(|v| v.plus(decimal("2.152"))),
            Some(decimal("7.00044"))
        );
        assert_eq!(Decimal::whole(i64::MAX).times(Decimal::whole(2)), None);
        assert_eq!(Decimal::new(1, 18).times(Decimal::new(1, 1)), None);
        assert_eq!(Decimal::whole(i64::MAX).plus(Decimal::whole(1)), None);
    }

    #[test]
    fn text_goes_both_ways() {
        for text in ["0", "16.7", "-0.05", "100", "0.000000000000000001"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        for text in ["", "-", ".5", "5.", "1e3", "1,5", "0.0000000000000000001", "99999999999999999999"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        assert_eq!(decimal("7.00044").shown_to(1).to_string(), "7.0");
        assert_eq!(decimal("-2.25").shown_to(1).to_string(), "-2.3");
    }
}
