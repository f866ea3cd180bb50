//! Points in time, always arguments: this crate reads no clock.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Microseconds since 1970-01-01T00:00:00Z. Stored, sent and compared in this form; displayed,
/// and converted to calendar dates, in Asia/Shanghai.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(i64);

const SECOND: i64 = 1_000_000;

impl Instant {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Adds seconds; negative values subtract. Saturates.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }

    /// Adds minutes.
    #[must_use]
    pub const fn plus_minutes(self, minutes: i64) -> Self {
        self.plus_seconds(minutes.saturating_mul(60))
    }

    /// Adds hours.
    #[must_use]
    pub const fn plus_hours(self, hours: i64) -> Self {
        self.plus_minutes(hours.saturating_mul(60))
    }

    /// Adds periods of 24 hours.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_hours(days.saturating_mul(24))
    }

    /// The day of the calendar of Asia/Shanghai, which has been UTC+8 without summer time since
    /// 1991, counted from 1970-01-01.
    pub const fn china_day(self) -> i64 {
        const DAY: i64 = 24 * 3600 * SECOND;
        self.plus_hours(8).0.div_euclid(DAY)
    }

    /// The year of the calendar of Asia/Shanghai.
    pub fn china_year(self) -> i16 {
        self.civil().map_or(0, |civil| civil.year())
    }

    /// Whether it is the first moment of a month in Asia/Shanghai.
    pub fn is_month_start(self) -> bool {
        self.civil().is_some_and(|civil| civil.day() == 1 && civil.time() == jiff::civil::Time::midnight())
    }

    /// Parses an RFC 3339 time stamp or an ISO date (its first moment in Asia/Shanghai). A year
    /// or year-month, which FHIR allows, is parsed as its first day.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
            return Some(Self(stamp.as_microsecond()));
        }
        let full = match text.len() {
            4 => format!("{text}-01-01"),
            7 => format!("{text}-01"),
            _ => text.to_owned(),
        };
        let date: jiff::civil::Date = full.parse().ok()?;
        let zoned = date.in_tz("Asia/Shanghai").ok()?;
        Some(Self(zoned.timestamp().as_microsecond()))
    }

    /// Whole months from `earlier` to `self` by the calendar of Asia/Shanghai;
    /// `None` if `earlier` is later.
    pub fn months_since(self, earlier: Self) -> Option<u32> {
        let from = earlier.civil()?;
        let to = self.civil()?;
        let span = from.until((jiff::Unit::Month, to)).ok()?;
        u32::try_from(span.get_months()).ok()
    }

    /// Subtracts calendar years in Asia/Shanghai, the unit of legal terms; 29 February becomes 28
    /// February in a common year. Saturates.
    #[must_use]
    pub fn minus_years(self, years: i16) -> Self {
        let earlier = || {
            let stamp = jiff::Timestamp::from_microsecond(self.0).ok()?;
            let zoned = stamp.in_tz("Asia/Shanghai").ok()?;
            zoned.checked_sub(jiff::Span::new().try_years(years).ok()?).ok()
        };
        earlier().map_or(Self(i64::MIN), |zoned| Self(zoned.timestamp().as_microsecond()))
    }

    /// Adds calendar years in Asia/Shanghai; 29 February becomes 28 February in a common year.
    /// Saturates.
    #[must_use]
    pub fn plus_years(self, years: i16) -> Self {
        let later = || {
            let stamp = jiff::Timestamp::from_microsecond(self.0).ok()?;
            let zoned = stamp.in_tz("Asia/Shanghai").ok()?;
            zoned.checked_add(jiff::Span::new().try_years(years).ok()?).ok()
        };
        later().map_or(Self(i64::MAX), |zoned| Self(zoned.timestamp().as_microsecond()))
    }

    /// The first moment at which so many full years have passed: for 29 February in a common
    /// year, 1 March.
    #[must_use]
    pub fn after_years(self, years: i16) -> Self {
        let later = self.plus_years(years);
        if later.minus_years(years) >= self {
            return later;
        }
        let next_day = || {
            let zoned = jiff::Timestamp::from_microsecond(later.0).ok()?.in_tz("Asia/Shanghai").ok()?;
            zoned.tomorrow().ok()?.start_of_day().ok()
        };
        next_day().map_or(Self(i64::MAX), |zoned| Self(zoned.timestamp().as_microsecond()))
    }

    fn civil(self) -> Option<jiff::civil::DateTime> {
        let stamp = jiff::Timestamp::from_microsecond(self.0).ok()?;
        Some(stamp.in_tz("Asia/Shanghai").ok()?.datetime())
    }
}

/// RFC 3339 in UTC.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => write!(f, "{}µs", self.0),
        }
    }
}

/// A day of the calendar of Asia/Shanghai: the business day of the books. Its text is the ISO
/// date, which sorts as the days do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(jiff::civil::Date);

/// The text is not a day: `2026-11-21`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a day of the form 2026-11-21")]
pub struct InvalidDay(pub String);

impl Day {
    /// The day of a moment. Saturates at the years 1 and 9999.
    pub fn of(at: Instant) -> Self {
        /// 0001-01-01 and 9999-12-31, counted from 1970-01-01.
        const FIRST: i64 = -719_162;
        const LAST: i64 = 2_932_896;
        let days = at.china_day().clamp(FIRST, LAST);
        let date =
            jiff::Span::new().try_days(days).and_then(|span| jiff::civil::Date::constant(1970, 1, 1).checked_add(span));
        Self(date.unwrap_or(jiff::civil::Date::MAX))
    }

    /// The day after it. Saturates.
    #[must_use]
    pub fn next(self) -> Self {
        self.0.tomorrow().map_or(self, Self)
    }

    /// Its first moment.
    pub fn start(self) -> Instant {
        self.0.in_tz("Asia/Shanghai").map_or(Instant(i64::MAX), |zoned| Instant(zoned.timestamp().as_microsecond()))
    }

    /// Year, month and day.
    pub fn parts(self) -> (u16, u8, u8) {
        let unsigned = |part: i8| u8::try_from(part).unwrap_or_default();
        (u16::try_from(self.0.year()).unwrap_or_default(), unsigned(self.0.month()), unsigned(self.0.day()))
    }

    /// Year and month.
    pub(crate) fn month(self) -> (i16, i8) {
        (self.0.year(), self.0.month())
    }

    /// The first and the last day of a month, if there is one.
    pub(crate) fn of_month(year: i16, month: i8) -> Option<(Self, Self)> {
        let first = jiff::civil::Date::new(year, month, 1).ok()?;
        (year > 0).then(|| (Self(first), Self(first.last_of_month())))
    }
}

/// ISO 8601.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let day = text.parse().map(Self).ok().filter(|day| day.0.year() > 0 && day.to_string() == text);
        day.ok_or_else(|| InvalidDay(text.chars().take(32).collect()))
    }
}

impl TryFrom<String> for Day {
    type Error = InvalidDay;

    fn try_from(text: String) -> Result<Self, InvalidDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_fhir_writes() {
        let midnight = Instant::parse("2026-11-21").expect("date");
        assert_eq!(midnight.to_string(), "2026-11-20T16:00:00Z");
        assert_eq!(Instant::parse("2026-11-21T00:00:00+08:00"), Some(midnight));
        assert_eq!(Instant::parse("2026").map(|i| i.to_string()).as_deref(), Some("2025-12-31T16:00:00Z"));
        assert_eq!(Instant::parse("2026-13-01"), None);
        assert_eq!(Instant::parse("yesterday"), None);
    }

    #[test]
    fn a_day_begins_at_midnight_in_china() {
        let day = |text: &str| Instant::parse(text).expect("a time").china_day();
        assert_eq!(day("1970-01-01T00:00:00Z"), 0);
        assert_eq!(day("2026-11-20T16:00:00Z"), day("2026-11-21"));
        assert_eq!(day("2026-11-20T15:59:59Z") + 1, day("2026-11-21"));
        assert_eq!(day("1969-12-31T15:59:59Z"), -1);
    }

    #[test]
    fn days_read_back() {
        let day = Day::of(Instant::parse("2026-11-30T16:00:00Z").expect("a time"));
        assert_eq!(day.to_string(), "2026-12-01");
        assert_eq!(Day::of(day.start()), day);
        assert_eq!(Day::of(day.start().plus_seconds(-1)).to_string(), "2026-11-30");
        assert_eq!(day.next().to_string(), "2026-12-02");
        assert_eq!("2026-12-01".parse(), Ok(day));
        for text in ["2026-12-32", "2026-1-1", "20261201", "2026-12-01T00:00", "-000001-01-01", "", "today"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        for far in [i64::MIN, i64::MAX] {
            assert_eq!(Day::of(Instant::from_micros(far)).to_string().len(), 10);
        }
    }

    #[test]
    fn counts_completed_months() {
        let birth = Instant::parse("2020-03-15").expect("date");
        let day_before = Instant::parse("2026-03-14").expect("date");
        let birthday = Instant::parse("2026-03-15").expect("date");
        assert_eq!(day_before.months_since(birth), Some(71));
        assert_eq!(birthday.months_since(birth), Some(72));
        assert_eq!(birth.months_since(birthday), None);
    }
}
