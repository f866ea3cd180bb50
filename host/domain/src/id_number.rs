//! Resident identity numbers (公民身份号码, GB 11643-1999): six digits of region, eight of birth
//! date, three of sequence (the last is odd for men), and a check character by ISO 7064 MOD 11-2.
//! Permits of residents of Hong Kong, Macao and Taiwan (81 to 83) and foreigners' permanent
//! residence cards of 2023 (91) have the same form.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{clinical::Sex, time::Instant};

/// A well-formed number: known province, existing birth date, right check character. Whether it
/// was issued is known to the register only.
///
/// `Debug` and `Display` are masked; [`IdNumber::expose`] returns the whole number.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdNumber(String);

/// Why a number is not well-formed. Does not contain the number: errors are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdNumberError {
    /// Not 17 digits and a digit or X.
    #[error("an identity number has 17 digits and then a digit or X")]
    Form,
    /// Unknown province code.
    #[error("the identity number begins with no known region")]
    Region,
    /// The birth date does not exist.
    #[error("the identity number names no day of birth")]
    Birth,
    /// The check character does not match.
    #[error("the check character of the identity number is wrong")]
    Check,
}

/// GB/T 2260, first two digits; 81 to 83 and 91 as above.
const PROVINCES: [u8; 36] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63,
    64, 65, 71, 81, 82, 83, 91,
];
/// ISO 7064 MOD 11-2: the check character of each remainder.
const CHECK: [u8; 11] = *b"10X98765432";

impl IdNumber {
    /// The whole number, for recipients it was granted to.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// First moment of the day of birth, in Asia/Shanghai.
    pub fn born(&self) -> Option<Instant> {
        Instant::parse(&self.birth_date())
    }

    /// In FHIR format: `1949-12-31`.
    pub fn birth_date(&self) -> String {
        let part = |from: usize, to: usize| self.0.get(from..to).unwrap_or_default();
        format!("{}-{}-{}", part(6, 10), part(10, 12), part(12, 14))
    }

    /// From the parity of the sequence number.
    pub fn sex(&self) -> Sex {
        match self.0.as_bytes().get(16) {
            Some(order) if order % 2 == 1 => Sex::Male,
            _ => Sex::Female,
        }
    }
}

impl FromStr for IdNumber {
    type Err = IdNumberError;

    fn from_str(text: &str) -> Result<Self, IdNumberError> {
        let text = text.trim().to_ascii_uppercase();
        let bytes: &[u8; 18] = text.as_bytes().try_into().map_err(|_| IdNumberError::Form)?;
        let (digits, check) = (bytes.get(..17).unwrap_or_default(), bytes[17]);
        if !digits.iter().all(u8::is_ascii_digit) || !(check.is_ascii_digit() || check == b'X') {
            return Err(IdNumberError::Form);
        }
        let province = (bytes[0] - b'0') * 10 + (bytes[1] - b'0');
        if !PROVINCES.contains(&province) {
            return Err(IdNumberError::Region);
        }
        // Weights are the powers of 2 modulo 11: Horner's rule.
        let sum = digits.iter().fold(0_usize, |sum, digit| (sum + usize::from(digit - b'0')) * 2 % 11);
        if CHECK.get(sum) != Some(&check) {
            return Err(IdNumberError::Check);
        }
        let number = Self(text);
        let year = number.0.get(6..10).and_then(|year| year.parse::<u16>().ok());
        match (year, number.born()) {
            (Some(1850..), Some(_)) => Ok(number),
            _ => Err(IdNumberError::Birth),
        }
    }
}

/// First and last character, as printed on receipts: `1****************X`.
impl fmt::Display for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = (self.0.get(..1).unwrap_or_default(), self.0.get(17..).unwrap_or_default());
        write!(f, "{}****************{}", ends.0, ends.1)
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of GB 11643-1999.
    const EXAMPLE: &str = "11010519491231002X";

    fn numbered(seventeen: &str) -> String {
        let sum: usize =
            (0..17).map(|i| usize::from(seventeen.as_bytes()[i] - b'0') * ((1_usize << (17 - i)) % 11)).sum();
        format!("{seventeen}{}", char::from(CHECK[sum % 11]))
    }

    #[test]
    fn the_standards_example() {
        let number: IdNumber = EXAMPLE.parse().expect("a number");
        assert_eq!((number.birth_date().as_str(), number.sex()), ("1949-12-31", Sex::Female));
        assert_eq!(number.born(), Instant::parse("1949-12-31"));
        assert_eq!(EXAMPLE.to_lowercase().parse(), Ok(number.clone()));
        assert_eq!(format!("{number} {number:?}"), "1****************X IdNumber(1****************X)");
        assert_eq!(number.expose(), EXAMPLE);
    }

    #[test]
    fn what_can_be_none() {
        let error = |text: &str| text.parse::<IdNumber>().expect_err("no number");
        for text in ["", "1101051949123100", "11010519491231002", "110105194912310021X", "1101051949123100XX", "１１"]
        {
            assert_eq!(error(text), IdNumberError::Form, "{text}");
        }
        assert_eq!(error("110105194912310021"), IdNumberError::Check);
        assert_eq!(error(&numbered("16010519491231002")), IdNumberError::Region);
        assert_eq!(error(&numbered("11010519490229002")), IdNumberError::Birth, "no leap year");
        assert_eq!(error(&numbered("11010519491301002")), IdNumberError::Birth);
        assert_eq!(error(&numbered("11010500001231002")), IdNumberError::Birth);
        assert!(numbered("11010520000229002").parse::<IdNumber>().is_ok());
    }

    proptest! {
        /// The check character detects them.
        #[test]
        fn a_mistyped_digit_or_two_exchanged_are_found(
            days in 0_i64..36_000, order in 0_u16..1000, at in 0_usize..17, other in 1_u8..10,
        ) {
            let day = Instant::parse("1925-01-01").expect("a day").plus_days(days).plus_hours(12).to_string();
            let day = day.split('T').next().expect("a date").replace('-', "");
            let whole = numbered(&format!("440106{day}{order:03}"));
            prop_assert!(whole.parse::<IdNumber>().is_ok(), "{}", whole);
            let mut mistyped = whole.clone().into_bytes();
            mistyped[at] = b'0' + (mistyped[at] - b'0' + other) % 10;
            prop_assert!(String::from_utf8(mistyped).expect("digits").parse::<IdNumber>().is_err());
            let mut exchanged = whole.clone().into_bytes();
            if at < 16 && exchanged[at] != exchanged[at + 1] {
                exchanged.swap(at, at + 1);
                prop_assert!(String::from_utf8(exchanged).expect("digits").parse::<IdNumber>().is_err());
            }
        }
    }
}
