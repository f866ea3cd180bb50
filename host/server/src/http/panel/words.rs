//! Words and numbers of a panel.

use xinglin_domain::{
    coding::Citation,
    panel::{Bound, Point, Tone},
    time::{Day, Instant},
};

use crate::http::language::Language;

/// A tone in a word, so that it is not told by colour alone; empty if there is nothing to tell.
pub const fn tone(tone: Tone, language: Language) -> &'static str {
    match tone {
        Tone::Neutral => "",
        Tone::Good => language.say("达标", "On target"),
        Tone::Caution => language.say("注意", "Caution"),
        Tone::Danger => language.say("警示", "Warning"),
    }
}

/// Its class in the style.
pub const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Neutral => "neutral",
        Tone::Good => "good",
        Tone::Caution => "caution",
        Tone::Danger => "danger",
    }
}

/// `<20 copies/mL`.
pub fn amount(point: &Point, unit: &str) -> String {
    let sign = match point.bound {
        Bound::Exact => "",
        Bound::Below => "<",
        Bound::Above => ">",
    };
    match readable(unit).as_str() {
        "" => format!("{sign}{}", point.value),
        "%" => format!("{sign}{} %", point.value),
        unit => format!("{sign}{} {unit}", point.value),
    }
}

/// UCUM as people write it: without its brackets.
pub fn readable(unit: &str) -> String {
    match unit {
        "1" => String::new(),
        unit => unit.replace(['{', '}', '[', ']'], ""),
    }
}

/// A day of Asia/Shanghai.
pub fn day(at: Instant) -> String {
    Day::of(at).to_string()
}

/// A source; its address is not shown, as the page links to nothing outside.
pub fn source(citation: &Citation) -> String {
    citation.to_string()
}
