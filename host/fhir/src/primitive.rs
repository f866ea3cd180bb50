//! The formats of FHIR's primitive types.

use serde_json::{Number, Value};

/// `[A-Za-z0-9\-.]{1,64}`.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// Whether it has the form of a resource type name, known or not.
pub fn is_type_name(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_alphabetic())
}

/// No leading or trailing space, and only single ones within.
pub(crate) fn is_code(text: &str) -> bool {
    !text.is_empty() && text.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace))
}

/// Any URI: no white space.
pub(crate) fn is_uri(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// Not blank, at most 1 MiB, no control characters except tab and line ends.
pub(crate) fn is_string(text: &str) -> bool {
    const MOST: usize = 1 << 20;
    text.len() <= MOST
        && text.contains(|c: char| !c.is_whitespace())
        && !text.contains(|c: char| c < ' ' && !matches!(c, '\t' | '\r' | '\n'))
}

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, an existing date.
pub(crate) fn is_date(text: &str) -> bool {
    let full = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        10 => text.to_owned(),
        _ => return false,
    };
    has_shape(&full, "0000-00-00") && full.parse::<jiff::civil::Date>().is_ok() && !full.starts_with("0000")
}

/// A date, or an instant.
pub(crate) fn is_date_time(text: &str) -> bool {
    is_date(text) || is_instant(text)
}

/// `YYYY-MM-DDThh:mm:ss`, any fraction down to nanoseconds, and an offset.
pub(crate) fn is_instant(text: &str) -> bool {
    const SECONDS: usize = "0000-00-00T00:00:00".len();
    let (Some(stamp), Some(rest)) = (text.get(..SECONDS), text.get(SECONDS..)) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if offset.len() == fraction.len() {
                return false;
            }
            offset
        }
        None => rest,
    };
    has_shape(stamp, "0000-00-00T00:00:00")
        && (offset == "Z" || has_shape(offset, "+00:00") || has_shape(offset, "-00:00"))
        && text.parse::<jiff::Timestamp>().is_ok()
}

/// `hh:mm:ss` and any fraction.
pub(crate) fn is_time(text: &str) -> bool {
    text.get(..8).is_some_and(|t| has_shape(t, "00:00:00")) && text.parse::<jiff::civil::Time>().is_ok()
}

/// Digits where the shape has `0`, the literal characters elsewhere.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s })
}

/// A 32-bit integer, at least `least`, written without point or exponent.
pub(crate) fn is_integer(number: &Number, least: i32) -> bool {
    number.to_string().parse::<i32>().is_ok_and(|n| n >= least)
}

/// The type of a JSON value, as text.
pub(crate) const fn shape_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_exist_and_may_be_partial() {
        for good in ["1977", "1977-10", "1977-10-02", "2024-02-29"] {
            assert!(is_date(good) && is_date_time(good), "{good}");
        }
        for bad in [
            "",
            "77",
            "1977-13",
            "2023-02-29",
            "1977-1-2",
            "1977/10/02",
            "0000-01-01",
            "1977-10-02T00:00:00Z",
            "+1977-1",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn instants_have_seconds_and_an_offset() {
        for good in ["2015-02-07T13:28:17.239+02:00", "2017-01-01T00:00:00Z", "2026-08-16T19:14:11.937981+00:00"] {
            assert!(is_instant(good) && is_date_time(good), "{good}");
        }
        for bad in [
            "2015-02-07T13:28:17",
            "2015-02-07T13:28Z",
            "2015-02-07 13:28:17Z",
            "2015-02-07T25:00:00Z",
            "2015-02-07T13:28:17.Z",
            "2015-02-07T13:28:17[Asia/Shanghai]",
        ] {
            assert!(!is_date_time(bad), "{bad}");
        }
    }

    #[test]
    fn ids_codes_and_strings() {
        assert!(is_id("pat-01.A") && !is_id("") && !is_id("a b") && !is_id("张三") && !is_id(&"x".repeat(65)));
        assert!(
            is_code("entered-in-error") && is_code("two words") && !is_code(" x") && !is_code("a  b") && !is_code("")
        );
        assert!(is_string("空腹血糖\n") && !is_string(" \n") && !is_string("\u{0}"));
        assert!(is_time("08:30:00") && is_time("23:59:59.5") && !is_time("8:30") && !is_time("24:01:00"));
    }
}
