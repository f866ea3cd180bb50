//! Amounts in whole fen, and the exact factors they are multiplied by.

use serde_json::Value;

/// A decimal: `unscaled / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor {
    unscaled: i128,
    scale: u32,
}

/// How a fraction of a fen is rounded.
#[derive(Debug, Clone, Copy)]
pub enum Rounding {
    /// Half a fen up: on a line.
    HalfUp,
    /// Down: what an insurer pays.
    Floor,
}

impl Factor {
    /// A decimal as written; `None` if it is none, below zero, or has more than 18 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{rest}");
        let is_plain = !whole.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let unscaled = digits.parse().ok().filter(|_| is_plain)?;
        Some(Self { unscaled, scale: u32::try_from(rest.len()).ok()? })
    }

    /// A percentage as a factor.
    pub const fn of_percent(self) -> Self {
        Self { unscaled: self.unscaled, scale: self.scale + 2 }
    }

    /// Of a number of JSON, or its text.
    pub fn of(value: &Value) -> Option<Self> {
        Self::parse(value.as_str().map_or_else(|| value.to_string(), str::to_owned).trim())
    }

    /// Whether it is more than nothing.
    pub const fn is_positive(self) -> bool {
        self.unscaled > 0
    }
}

/// `amount` × `factor`; `None` on overflow. Amounts are not negative.
pub fn times(amount: i64, factor: Factor, rounding: Rounding) -> Option<i64> {
    let unit = 10_i128.checked_pow(factor.scale)?;
    let product = i128::from(amount).checked_mul(factor.unscaled)?;
    let up = matches!(rounding, Rounding::HalfUp) && product.rem_euclid(unit) * 2 >= unit && unit > 1;
    i64::try_from(product.div_euclid(unit) + i128::from(up)).ok()
}

/// Fen of an amount in yuan: a number or a text of at most two digits after the point.
pub fn fen(value: &Value) -> Option<i64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
    let Factor { unscaled, scale } = Factor::parse(digits)?;
    let unit = 10_i128.checked_pow(scale)?;
    let fen = unscaled.checked_mul(100)?;
    (fen % unit == 0).then(|| i64::try_from(fen / unit).ok()).flatten()?.checked_mul(sign)
}

/// Yuan with two digits after the point.
pub fn yuan_text(fen: i64) -> String {
    let (sign, units) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    format!("{sign}{}.{:02}", units / 100, units % 100)
}

/// The same as a number of JSON that keeps its digits.
pub fn yuan(fen: i64) -> Value {
    serde_json::from_str(&yuan_text(fen)).unwrap_or_default()
}

/// The sum; `None` on overflow.
pub fn sum(amounts: impl IntoIterator<Item = i64>) -> Option<i64> {
    amounts.into_iter().try_fold(0, i64::checked_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yuan_are_fen_to_the_digit() {
        for (value, expected) in [
            (json!("55.50"), Some(5550)),
            (json!("55.5"), Some(5550)),
            (json!("0.555"), None),
            (json!("0.550"), Some(55)),
            (json!(-3), Some(-300)),
            (json!("x"), None),
            (json!("1e3"), None),
            (json!(null), None),
            (json!(""), None),
            (yuan(-5), Some(-5)),
            (json!("99999999999999999999"), None),
        ] {
            assert_eq!(fen(&value), expected, "{value}");
        }
        assert_eq!(serde_json::to_string(&yuan(18300)).unwrap(), "183.00");
    }

    #[test]
    fn fractions_go_where_the_rule_says() {
        let ratio = Factor::parse("75").unwrap().of_percent();
        assert_eq!(times(7401, ratio, Rounding::Floor), Some(5550));
        assert_eq!(times(5, Factor::parse("0.1").unwrap(), Rounding::HalfUp), Some(1));
        assert_eq!(times(4, Factor::parse("0.1").unwrap(), Rounding::HalfUp), Some(0));
        assert_eq!(times(7, Factor::parse("2").unwrap(), Rounding::HalfUp), Some(14));
        assert_eq!(times(i64::MAX, Factor::parse("2").unwrap(), Rounding::Floor), None);
    }
}
