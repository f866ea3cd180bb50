//! Days and months of Asia/Shanghai: eight hours ahead of UTC, without summer time since 1991.

use xinglin_sdk::{
    insurance::Period,
    time::{
        Instant,
        china::{self, civil, from_civil},
        days_between,
    },
};

/// A date of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i64,
    /// 1 to 12.
    month: i64,
    day: i64,
}

impl Date {
    const fn at(at: Instant) -> Self {
        let (year, month, day) = civil(china::day(at));
        Self { year, month, day }
    }

    /// Its midnight. A day that the month does not have runs on into the next.
    const fn midnight(self) -> Instant {
        china::midnight(from_civil(self.year, self.month, self.day))
    }

    /// The same day so many months later, which the month may not have.
    const fn plus_months(self, months: u32) -> Self {
        let count = self.month - 1 + months as i64;
        Self { year: self.year + count.div_euclid(12), month: count.rem_euclid(12) + 1, day: self.day }
    }
}

/// Midnight of a date.
pub const fn date(year: u16, month: u8, day: u8) -> Instant {
    Date { year: year as i64, month: month as i64, day: day as i64 }.midnight()
}

/// The midnight at which the day of a moment began.
pub const fn midnight(at: Instant) -> Instant {
    Date::at(at).midnight()
}

/// The midnight at which the month after that of a moment begins.
pub const fn next_month(at: Instant) -> Instant {
    Date { day: 1, ..Date::at(at).plus_months(1) }.midnight()
}

/// Midnight of the same day so many months later, or, if that month has no such day, of the first
/// day after it: the period up to there ends with the last day of the month (民法典 art. 202).
pub const fn plus_months(at: Instant, months: u32) -> Instant {
    let later = Date::at(at).plus_months(months);
    let (there, next) = (later.midnight(), Date { day: 1, ..later.plus_months(1) }.midnight());
    if there < next { there } else { next }
}

/// Whether it is twelve whole months. How many days they have does not matter.
pub const fn is_year(period: &Period) -> bool {
    let start = Date::at(period.start);
    start.day == 1 && start.midnight() == period.start && plus_months(period.start, 12) == period.end
}

/// Days of a period that are over at a moment, and all that it has. The day that has begun is not
/// over.
pub fn days_over(period: &Period, now: Instant) -> (u32, u32) {
    let all = days_between(midnight(period.start), midnight(period.end)).max(0);
    let over = days_between(midnight(period.start), midnight(now)).clamp(0, all);
    (u32::try_from(over).unwrap_or(u32::MAX), u32::try_from(all).unwrap_or(u32::MAX))
}

/// As `2026-01-31`.
pub fn written(at: Instant) -> String {
    let Date { year, month, day } = Date::at(at);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xinglin_sdk::{
        testing::YEAR,
        time::{DAY, MINUTE, china::AHEAD},
    };

    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        assert_eq!(Period { start: date(2026, 1, 1), end: date(2027, 1, 1) }, YEAR);
        for (at, day) in [(0, "1970-01-01"), (16 * 60 * MINUTE - 1, "1970-01-01"), (16 * 60 * MINUTE, "1970-01-02")] {
            assert_eq!(written(at), day);
        }
        assert_eq!(written(date(2028, 2, 29) + DAY - 1), "2028-02-29");
        assert_eq!(written(date(1900, 2, 28) + DAY), "1900-03-01");
    }

    #[test]
    fn months() {
        let cases = [
            ((2026, 1, 1), 1, "2026-02-01"),
            ((2026, 1, 31), 1, "2026-03-01"),
            ((2026, 12, 31), 2, "2027-03-01"),
            ((2028, 2, 29), 12, "2029-03-01"),
            ((2027, 3, 1), 12, "2028-03-01"),
            ((2026, 8, 31), 12, "2027-08-31"),
        ];
        for ((year, month, day), months, end) in cases {
            assert_eq!(written(plus_months(date(year, month, day), months)), end, "{year}-{month}-{day}");
        }
        assert_eq!(written(next_month(date(2026, 12, 31))), "2027-01-01");
        assert_eq!(written(next_month(date(2026, 1, 31) + DAY - 1)), "2026-02-01");
    }

    #[test]
    fn a_year_is_twelve_months() {
        let year = |from, to| is_year(&Period { start: from, end: to });
        assert!(year(date(2028, 1, 1), date(2029, 1, 1)), "of 366 days");
        assert!(year(date(2026, 7, 1), date(2027, 7, 1)), "of a scheme that begins in July");
        assert!(!year(date(2026, 1, 1), date(2026, 12, 31)));
        assert!(!year(date(2026, 1, 2), date(2027, 1, 2)));
        assert!(!year(date(2026, 1, 1) + 1, date(2027, 1, 1) + 1));
    }

    proptest! {
        #[test]
        fn there_and_back(day in -800_000_i64..800_000) {
            let at = day * DAY - AHEAD;
            prop_assert_eq!(Date::at(at).midnight(), at);
            prop_assert_eq!(midnight(at + DAY - 1), at);
            prop_assert!(next_month(at) > at && next_month(at) <= at + 31 * DAY);
        }
    }
}
