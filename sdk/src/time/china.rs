//! Days of Asia/Shanghai, which has been UTC+8 without summer time since 1991, and their dates
//! (proleptic Gregorian; Howard Hinnant, "chrono-compatible low-level date algorithms",
//! <https://howardhinnant.github.io/date_algorithms.html>).

use super::{DAY, Instant, MINUTE};

/// How far its clocks are ahead of UTC.
pub const AHEAD: Instant = 8 * 60 * MINUTE;

/// Number of the day, from 1970-01-01.
pub const fn day(at: Instant) -> i64 {
    at.saturating_add(AHEAD).div_euclid(DAY)
}

/// Midnight with which a day begins.
pub const fn midnight(day: i64) -> Instant {
    day.saturating_mul(DAY).saturating_sub(AHEAD)
}

/// Year, month and day of the month of a day.
pub const fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + (month <= 2) as i64, month, day)
}

/// Number of a day. A day that the month does not have is counted on: 29 February is 1 March.
pub const fn from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - (month <= 2) as i64;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for number in -800_000..800_000 {
            let (year, month, of_month) = civil(number);
            assert_eq!(from_civil(year, month, of_month), number);
            assert_eq!((day(midnight(number)), day(midnight(number) - 1)), (number, number - 1));
        }
        assert_eq!((civil(0), from_civil(2027, 2, 29)), ((1970, 1, 1), from_civil(2027, 3, 1)));
    }
}
