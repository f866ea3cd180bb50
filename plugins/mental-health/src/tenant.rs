//! What the institution sets.

use xinglin_sdk::{
    settings,
    types::{LocalizedText, zh_en},
};

use crate::numbers::{ACUTE_MINUTES, CONCERN_MINUTES};

const TEXT_ZH: &str = "您现在的安全最重要。如有危险,请立即拨打{ambulance};随时可拨打{helpline},有专人接听。\
                       请不要独处,医护人员会尽快与您联系。";
const TEXT_EN: &str = "Your safety comes first. If you are in danger, call {ambulance} now. Call {helpline} at any \
                       hour and somebody will answer. Please do not stay alone: our team will contact you soon.";
const AMBULANCE: &str = "120";
const HELPLINE: &str = "12356";
const SESSION_DAYS: i64 = 7;

/// What a patient in danger is shown: never empty, never without both numbers.
pub fn emergency_text() -> LocalizedText {
    let (ambulance, helpline) = (text("ambulance", AMBULANCE), text("helpline", HELPLINE));
    let filled = |key: &str, default: &str, separator: &str| {
        let shown = text(key, default).replace("{ambulance}", &ambulance).replace("{helpline}", &helpline);
        let missing: Vec<&str> =
            [&ambulance, &helpline].into_iter().map(String::as_str).filter(|number| !names(&shown, number)).collect();
        if missing.is_empty() { shown } else { format!("{shown} {}", missing.join(separator)) }
    };
    zh_en(filled("emergency-text-zh", TEXT_ZH, "、"), filled("emergency-text-en", TEXT_EN, ", "))
}

/// The numbers to call, for a contact.
pub fn lines() -> Vec<String> {
    vec![text("helpline", HELPLINE), text("ambulance", AMBULANCE)]
}

/// Minutes within which a person contacts a patient at acute risk. Never more than the rule says.
pub fn acute_minutes() -> u32 {
    minutes("acute-minutes", ACUTE_MINUTES.minutes())
}

/// Minutes within which a clinician assesses safety. Never more than the rule says.
pub fn concern_minutes() -> u32 {
    minutes("concern-minutes", CONCERN_MINUTES.minutes())
}

/// Days between two sessions.
pub fn session_days() -> i64 {
    settings::integer("session-days").filter(|days| (1..=28).contains(days)).unwrap_or(SESSION_DAYS)
}

fn minutes(key: &str, most: u32) -> u32 {
    let set = settings::integer(key).and_then(|minutes| u32::try_from(minutes).ok());
    set.unwrap_or(most).clamp(1, most)
}

fn text(key: &str, default: &str) -> String {
    let set = settings::text(key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    set.unwrap_or_else(|| default.to_owned())
}

/// Whether a text has this number, not as a part of a longer one.
fn names(text: &str, number: &str) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    text.match_indices(number)
        .any(|(at, _)| !digit(text[..at].chars().next_back()) && !digit(text[at + number.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_a_longer_one_is_none() {
        for (text, found) in [("拨打120。", true), ("12356、120", true), ("12030", false), ("0120", false), ("", false)]
        {
            assert_eq!(names(text, "120"), found, "{text}");
        }
    }

    #[test]
    fn the_manifest_and_the_code_have_the_same_text() {
        let manifest = include_str!("../plugin.toml");
        for text in [TEXT_ZH, TEXT_EN, AMBULANCE, HELPLINE] {
            assert!(manifest.contains(&format!("default = \"{text}\"")), "{text}");
        }
    }
}
