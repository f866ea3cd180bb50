//! Danger to the patient's life in an answer or a result: which items are safety items, and the contact
//! with a person that must follow.
//!
//! The list is the host's own. It holds whatever a pathway declares, and whether or not its plugin runs.
//! Times, and what is repeated, are project defaults; what counts as positive is that of the scales.

mod contact;
mod help;
mod item;

use serde::{Deserialize, Serialize};

pub use self::{
    contact::{AskedContact, Attempt, Ended, Finding, Heard, Outcome, Repeat, SUICIDE_RISK, SafetyContact},
    help::{Help, Helpline},
    item::{Asked, Item, Reply},
};

/// Minutes within which a clinician assesses the patient's safety.
const ASSESS_MINUTES: u32 = 4 * 60;
/// Minutes within which a person speaks with a patient who is in acute danger.
const ACUTE_MINUTES: u32 = 5;

/// How great the danger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Danger {
    /// A clinician must assess it within hours.
    Assess,
    /// A person must speak with the patient within minutes.
    Acute,
}

impl Danger {
    /// Minutes within which the contact must take place.
    pub const fn minutes(self) -> u32 {
        match self {
            Self::Assess => ASSESS_MINUTES,
            Self::Acute => ACUTE_MINUTES,
        }
    }
}

/// Whether the code of a danger sign, by which staff stop a visit, says that the patient's life is in danger by
/// their own hand: `SUICIDAL_INTENT`, `SELF_HARM`, …
pub fn is_sign(code: &str) -> bool {
    let code = code.to_ascii_uppercase().replace(['-', ' '], "_");
    ["SUICID", "SELF_HARM", "SELF_INJUR", "SELFHARM"].iter().any(|sign| code.contains(sign))
}
