//! Days and years in Asia/Shanghai, which is UTC+8 without summer time, and times as text.

use xinglin_sdk::{
    insurance::Period,
    time::{
        DAY, Instant, MINUTE,
        china::{AHEAD, civil, from_civil},
    },
};

pub use xinglin_sdk::time::china::{day, midnight};

const SECOND: Instant = MINUTE / 60;

/// Midnight with which the day of a moment ends: "until" a day counts to here.
pub const fn end_of_day(at: Instant) -> Instant {
    midnight(day(at).saturating_add(1))
}

/// The calendar year that holds a moment.
pub const fn calendar_year(at: Instant) -> Period {
    let (year, ..) = civil(day(at));
    Period { start: midnight(from_civil(year, 1, 1)), end: midnight(from_civil(year + 1, 1, 1)) }
}

/// The year of the policy that holds a moment: from an anniversary of its beginning to the next.
pub const fn policy_year(since: Instant, at: Instant) -> Period {
    let ((_, month, of_month), (year, ..)) = (civil(day(since)), civil(day(at)));
    let begun = if from_civil(year, month, of_month) > day(at) { year - 1 } else { year };
    Period {
        start: midnight(from_civil(begun, month, of_month)),
        end: midnight(from_civil(begun + 1, month, of_month)),
    }
}

/// `2026-01-31`
pub fn date(day: i64) -> String {
    let (year, month, of_month) = civil(day);
    format!("{year:04}-{month:02}-{of_month:02}")
}

/// `2026-01-31T09:00:00+08:00`, with a fraction if there is one.
pub fn rfc3339(at: Instant) -> String {
    let of_day = at.saturating_add(AHEAD).rem_euclid(DAY);
    let (seconds, micros) = (of_day / SECOND, of_day % SECOND);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}{fraction}+08:00", date(day(at)))
}

/// Reads RFC 3339. `None` for anything else.
pub fn parse(text: &str) -> Option<Instant> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let separator = |at: usize, of: &[u8]| text.as_bytes().get(at).is_some_and(|byte| of.contains(byte));
    let separators = [(4, b"-".as_slice()), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")];
    if !separators.into_iter().all(|(at, of)| separator(at, of)) {
        return None;
    }
    let (year, month, of_month) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let day = from_civil(year, month, of_month);
    if civil(day) != (year, month, of_month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let rest = text.get(19..)?;
    let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let micros: i64 = match rest.strip_prefix('.') {
        None => 0,
        Some(_) if digits == 0 => return None,
        Some(fraction) => format!("{:0<6}", fraction.get(..digits.min(6))?).parse().ok()?,
    };
    let zone = rest.get(if digits == 0 { 0 } else { digits + 1 }..)?;
    let offset = match (zone, zone.get(..1)) {
        ("Z" | "z", _) => 0,
        (_, Some(sign @ ("+" | "-"))) if zone.len() == 6 && zone.get(3..4) == Some(":") => {
            let from = text.len() - 5;
            let minutes = number(from..from + 2)? * 60 + number(from + 3..from + 5)?;
            if sign == "-" { -minutes } else { minutes }
        }
        _ => return None,
    };
    day.checked_mul(DAY)?.checked_add((hour * 60 + minute - offset) * MINUTE + second * SECOND + micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use xinglin_sdk::testing::{START, YEAR};

    #[test]
    fn days_are_those_of_shanghai() {
        assert_eq!(rfc3339(START), "2026-01-01T08:00:00+08:00");
        assert_eq!(calendar_year(START), YEAR);
        assert_eq!(end_of_day(YEAR.start), YEAR.start + DAY);
        assert_eq!(end_of_day(YEAR.start - 1), YEAR.start);
    }

    #[test]
    fn a_policy_year_begins_at_the_anniversary() {
        let since = parse("2023-03-15T10:00:00+08:00").expect("a time");
        for (at, start) in [
            ("2026-03-14T23:59:59+08:00", "2025-03-15T00:00:00+08:00"),
            ("2026-03-15T00:00:00+08:00", "2026-03-15T00:00:00+08:00"),
            ("2026-12-31T12:00:00+08:00", "2026-03-15T00:00:00+08:00"),
        ] {
            let at = parse(at).expect("a time");
            let year = policy_year(since, at);
            assert_eq!(rfc3339(year.start), start);
            assert!(year.contains(at));
        }
        let leap = parse("2024-02-29T00:00:00+08:00").expect("a time");
        let year = policy_year(leap, parse("2026-02-28T12:00:00+08:00").expect("a time"));
        assert_eq!(
            (rfc3339(year.start), rfc3339(year.end)),
            ("2025-03-01T00:00:00+08:00".to_owned(), "2026-03-01T00:00:00+08:00".to_owned())
        );
    }

    #[test]
    fn times_are_read_in_every_zone_and_nothing_else_is() {
        for text in ["2026-01-01T08:00:00+08:00", "2026-01-01T00:00:00Z", "2025-12-31T19:30:00.000-04:30"] {
            assert_eq!(parse(text), Some(START), "{text}");
        }
        assert_eq!(parse("2026-01-01T00:00:00.25Z"), Some(START + 250_000));
        for text in [
            "",
            "2026-01-01",
            "2026-02-30T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+8",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
