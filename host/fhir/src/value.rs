//! Values compared in searches: time spans, numbers, texts.

use jiff::ToSpan;
use xinglin_domain::time::Instant;

/// The interval of instants that a date of some precision denotes: from `low` to `high`,
/// exclusive, in µs. Dates without offset are in Asia/Shanghai.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) low: i64,
    pub(crate) high: i64,
}

impl Span {
    /// Unbounded.
    pub const EVER: Self = Self { low: -9_000_000_000_000_000_000, high: 9_000_000_000_000_000_000 };

    /// `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, or with a time, optionally without seconds and offset.
    pub fn of(text: &str) -> Option<Self> {
        match text.split_once('T') {
            None => Self::of_date(text),
            Some((date, time)) => Self::of_time(date, time),
        }
    }

    fn of_date(text: &str) -> Option<Self> {
        let (full, length) = match text.len() {
            4 => (format!("{text}-01-01"), 1.year()),
            7 => (format!("{text}-01"), 1.month()),
            10 => (text.to_owned(), 1.day()),
            _ => return None,
        };
        if !crate::primitive::is_date(text) {
            return None;
        }
        let first: jiff::civil::Date = full.parse().ok()?;
        let low = Instant::parse(&full)?.micros();
        let next = first.checked_add(length).ok().and_then(|next| Instant::parse(&next.to_string()));
        Some(Self { low, high: next.map_or(Self::EVER.high, Instant::micros) })
    }

    fn of_time(date: &str, time: &str) -> Option<Self> {
        let offset = time.find(['Z', '+', '-', ' ']);
        let (clock, offset) = time.split_at(offset.unwrap_or(time.len()));
        // An unescaped plus sign in a URL is decoded as a space.
        let offset = if offset.is_empty() { "+08:00".to_owned() } else { offset.replace(' ', "+") };
        let (clock, length) = match clock.split_once('.') {
            Some((_, fraction)) => (clock.to_owned(), 10_i64.pow(6 - u32::try_from(fraction.len().min(6)).ok()?)),
            None if clock.len() == 5 => (format!("{clock}:00"), 60_000_000),
            None => (clock.to_owned(), 1_000_000),
        };
        let text = format!("{date}T{clock}{offset}");
        if !crate::primitive::is_instant(&text) {
            return None;
        }
        let low = Instant::parse(&text)?.micros();
        Some(Self { low, high: low.saturating_add(length) })
    }
}

/// A decimal in millionths; capped at 9 × 10¹².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) value: i64,
    /// Half a unit of its last digit: the tolerance of `7.4`.
    pub(crate) half_step: i64,
}

impl Measure {
    pub fn of(text: &str) -> Option<Self> {
        /// Maximum significant digits.
        const MOST: usize = 24;
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, number) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        let cut = digits.len().saturating_sub(MOST);
        let kept: i128 = digits[..digits.len() - cut].parse().unwrap_or(0);
        // The place of the last digit, in millionths.
        let last =
            i32::try_from(fraction.len()).ok().and_then(|places| exponent.checked_sub(places)?.checked_add(6))?;
        let value = scaled(kept, last.checked_add(i32::try_from(cut).ok()?)?);
        let half_step = scaled(5, last.checked_sub(1)?);
        Some(Self { value: if negative { -value } else { value }, half_step })
    }
}

/// `number` × 10^`places`, capped.
fn scaled(number: i128, places: i32) -> i64 {
    const MOST: i64 = Span::EVER.high;
    let Some(factor) = 10_i128.checked_pow(places.unsigned_abs()) else {
        return if places > 0 && number > 0 { MOST } else { 0 };
    };
    let scaled = if places < 0 { Some(number / factor) } else { number.checked_mul(factor) };
    scaled.and_then(|scaled| i64::try_from(scaled).ok()).map_or(MOST, |scaled| scaled.min(MOST))
}

/// A text in the form for case-insensitive comparison.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_means_all_of_itself() {
        let span =
            |text: &str| Span::of(text).map(|Span { low, high }| (Instant::from_micros(low).to_string(), high - low));
        const SECOND: i64 = 1_000_000;
        let day = 24 * 3600 * SECOND;
        assert_eq!(span("2026-01-02"), Some(("2026-01-01T16:00:00Z".to_owned(), day)));
        assert_eq!(span("2024-02").map(|(_, length)| length), Some(29 * day));
        assert_eq!(span("2024").map(|(_, length)| length), Some(366 * day));
        assert_eq!(span("2026-01-02T10:30:00Z"), Some(("2026-01-02T10:30:00Z".to_owned(), SECOND)));
        assert_eq!(span("2026-01-02T10:30:00.25Z").map(|(_, length)| length), Some(10_000));
        assert_eq!(span("2026-01-02T10:30:00.123456789Z").map(|(_, length)| length), Some(1));
        assert_eq!(span("2026-01-02T10:30"), Some(("2026-01-02T02:30:00Z".to_owned(), 60 * SECOND)));
        assert_eq!(span("2026-01-02T10:30:00 02:00"), Some(("2026-01-02T08:30:00Z".to_owned(), SECOND)));
        assert_eq!(Span::of("9999").map(|span| span.high), Some(Span::EVER.high));
        for bad in ["", "26", "2026-13", "2026-1-1", "2026-01-02T", "2026-01-02T25:00Z", "T", "today", "2026-01-02Tx+"]
        {
            assert_eq!(Span::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_measure_keeps_its_precision() {
        let of = |text: &str| Measure::of(text).map(|Measure { value, half_step }| (value, half_step));
        assert_eq!(of("7.4"), Some((7_400_000, 50_000)));
        assert_eq!(of("-7.40"), Some((-7_400_000, 5_000)));
        assert_eq!(of("100"), Some((100_000_000, 500_000)));
        assert_eq!(of("1e2"), Some((100_000_000, 50_000_000)));
        assert_eq!(of("1.5E-3"), Some((1_500, 50)));
        assert_eq!(of("0.0000001"), Some((0, 0)));
        assert_eq!(of("1e400").map(|(value, _)| value), Some(Span::EVER.high));
        assert_eq!(of(&"9".repeat(400)).map(|(value, _)| value), Some(Span::EVER.high));
        assert_eq!(of("0"), Some((0, 500_000)));
        for bad in ["", ".", "-", "x", "1e", "1.2.3", "1e99999999999", "٣"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
