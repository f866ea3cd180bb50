//! Months of the books.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{canonical::Digest, time::Day};

/// A month of the calendar of Asia/Shanghai: `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Period {
    first: Day,
    last: Day,
}

/// The text is not a month.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a month of the form 2026-11")]
pub struct InvalidPeriod(pub String);

impl Period {
    /// The month of a day.
    pub fn of(day: Day) -> Self {
        let (year, month) = day.month();
        let (first, last) = Day::of_month(year, month).unwrap_or((day, day));
        Self { first, last }
    }

    /// Its first day.
    pub const fn first(self) -> Day {
        self.first
    }

    /// Its last day.
    pub const fn last(self) -> Day {
        self.last
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self::of(self.last.next())
    }

    /// Whether it has ended: only then it can be closed.
    pub fn is_over(self, today: Day) -> bool {
        self.last < today
    }

    /// The first day that can be posted to, on or after a day, if all months to `closed` are closed.
    pub fn open_day(day: Day, closed: Option<Self>) -> Day {
        closed.map_or(day, |closed| day.max(closed.last.next()))
    }

    /// The digest of what was booked in it: number of transactions, and the balance of each
    /// account in fen, by name. Who has the ledger can compute it again.
    pub fn digest<'a>(self, transactions: i64, totals: impl IntoIterator<Item = (&'a str, i128)>) -> Digest {
        let lines = totals.into_iter().map(|(account, fen)| format!("{account} {fen}\n"));
        Digest::of_bytes(format!("{self} {transactions}\n{}", lines.collect::<String>()).as_bytes())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = self.first.month();
        write!(f, "{year:04}-{month:02}")
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let first: Option<Day> = format!("{text}-01").parse().ok();
        first.map(Self::of).ok_or_else(|| InvalidPeriod(text.chars().take(32).collect()))
    }
}

impl TryFrom<String> for Period {
    type Error = InvalidPeriod;

    fn try_from(text: String) -> Result<Self, InvalidPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end() {
        let day = |text: &str| text.parse::<Day>().expect("a day");
        for (period, first, last, next) in [
            ("2026-11", "2026-11-01", "2026-11-30", "2026-12"),
            ("2026-12", "2026-12-01", "2026-12-31", "2027-01"),
            ("2028-02", "2028-02-01", "2028-02-29", "2028-03"),
        ] {
            let period: Period = period.parse().expect("a month");
            assert_eq!((period.first(), period.last()), (day(first), day(last)));
            assert_eq!(period.next().to_string(), next);
            assert_eq!((Period::of(day(first)), Period::of(day(last))), (period, period));
            assert_eq!((period.is_over(day(last)), period.is_over(day(last).next())), (false, true));
            assert_eq!(period.to_string().parse(), Ok(period));
        }
        for text in ["2026-13", "2026-1", "2026", "2026-11-01", ""] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_late_goes_to_the_next_open_day() {
        let day = |text: &str| text.parse::<Day>().expect("a day");
        let closed = "2026-11".parse().ok();
        for (asked, closed, open) in [
            ("2026-11-21", None, "2026-11-21"),
            ("2026-11-21", closed, "2026-12-01"),
            ("2026-03-02", closed, "2026-12-01"),
            ("2026-12-05", closed, "2026-12-05"),
        ] {
            assert_eq!(Period::open_day(day(asked), closed), day(open));
        }
    }

    #[test]
    fn a_digest_names_period_number_and_balances() {
        let period: Period = "2026-11".parse().expect("a month");
        let totals = [("bank", 5550), ("receivable.basic-fund", -5550)];
        let digest = period.digest(1, totals);
        assert_eq!(period.digest(1, totals), digest);
        assert_ne!(period.digest(2, totals), digest);
        assert_ne!(period.next().digest(1, totals), digest);
        assert_ne!(period.digest(1, [("bank", 5551), ("receivable.basic-fund", -5551)]), digest);
    }
}
