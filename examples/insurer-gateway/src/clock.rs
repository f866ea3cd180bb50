//! The time, and what is drawn by chance.
#![expect(clippy::disallowed_methods, reason = "a process of its own: this is its only clock and its only dice")]

use jiff::{Timestamp, tz::TimeZone};
use rand::Rng as _;

/// Now.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// In Asia/Shanghai, which has been UTC+8 without summer time since 1991.
pub fn china(at: Timestamp, format: &str) -> String {
    at.to_zoned(TimeZone::fixed(jiff::tz::offset(8))).strftime(format).to_string()
}

/// As the NHSA writes a moment.
pub fn written(at: Timestamp) -> String {
    china(at, "%Y-%m-%d %H:%M:%S")
}

/// The benefit year.
pub fn year(at: Timestamp) -> String {
    china(at, "%Y")
}

/// Random bytes.
pub fn dice<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
