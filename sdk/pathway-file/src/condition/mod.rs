//! The language of `if`.
//!
//! ```text
//! condition  = conjunction { "or" conjunction }
//! conjunction= negation { "and" negation }
//! negation   = "not" negation | "(" condition ")" | comparison
//! comparison = term [ operator value [ unit ] ] { "last" N | "within" N "days" }
//! term       = obs('CODE') | lab('CODE') | delta('CODE', DAYS) | change('CODE', DAYS) | trend('CODE', N)
//!            | answer('QUESTIONNAIRE', 'ITEM') | missed('TASK') | diagnosis('SYSTEM', 'PREFIX')
//!            | medication('SYSTEM', 'PREFIX') | days_in_stage | days_enrolled | age_years | sex | held
//! operator   = ">=" | "<=" | ">" | "<" | "=" | "!="
//! value      = number | 'text' | true | false
//! ```

mod evaluate;
mod parse;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use evaluate::{Answered, Facts, Trend, evaluate};
pub use parse::{Mistake, parse};

use crate::number::Number;

/// A condition, with the text that it was written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// As written.
    pub text: String,
    /// What it means.
    pub expression: Expression,
}

/// A condition, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// `and`
    All(Vec<Self>),
    /// `or`
    Any(Vec<Self>),
    /// `not`
    Not(Box<Self>),
    /// A comparison.
    Is(Comparison),
}

/// A comparison of something that is known of the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What is compared.
    pub term: Term,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: Value,
    /// Of measurements: so many of the newest must all fulfil it; 1 unless said.
    pub last: u8,
    /// Of measurements: only those of so many days.
    pub within_days: Option<u32>,
}

/// What is known of a patient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// The newest measurement with this code.
    Observed {
        /// LOINC.
        code: String,
        /// Whether values that the patient reported do not count.
        laboratory: bool,
    },
    /// The newest value less the oldest of so many days.
    Delta {
        /// LOINC.
        code: String,
        /// Days.
        days: u32,
    },
    /// The same in percent of the oldest.
    Change {
        /// LOINC.
        code: String,
        /// Days.
        days: u32,
    },
    /// Whether so many of the newest values rise or fall throughout.
    Trend {
        /// LOINC.
        code: String,
        /// How many values.
        count: u8,
    },
    /// The last answer to a question.
    Answer {
        /// Code of the questionnaire.
        questionnaire: String,
        /// Code of the question.
        item: String,
    },
    /// Whether the last occurrence of a task was missed, and it was not done since.
    Missed(String),
    /// An active diagnosis at or below a code.
    Diagnosis {
        /// `icd-10` or `snomed`.
        system: String,
        /// The code.
        prefix: String,
    },
    /// A medicine that is taken, at or below a code.
    Medication {
        /// `atc` or `rxnorm`.
        system: String,
        /// The code.
        prefix: String,
    },
    /// Whole days since the stage began.
    DaysInStage,
    /// Whole days since enrolment.
    DaysEnrolled,
    /// Completed years.
    AgeYears,
    /// `female`, `male`, `other` or `unknown`.
    Sex,
    /// Whether a hold of this pathway stands.
    Held,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
    AtLeast,
    AtMost,
    Above,
    Below,
    Equal,
    Unequal,
}

/// What a term is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number; of a measurement with its UCUM unit.
    Number(Number, Option<String>),
    /// A code.
    Text(String),
    /// Yes or no.
    Truth(bool),
}

impl Expression {
    /// All comparisons in it.
    pub fn comparisons(&self) -> Vec<&Comparison> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::comparisons).collect(),
            Self::Not(part) => part.comparisons(),
            Self::Is(comparison) => vec![comparison],
        }
    }

    /// All terms in it.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.comparisons().into_iter().map(|comparison| &comparison.term)
    }
}

impl Term {
    /// The LOINC code of a measurement.
    pub fn measured(&self) -> Option<&str> {
        match self {
            Self::Observed { code, .. } | Self::Delta { code, .. } | Self::Change { code, .. } => Some(code),
            Self::Trend { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether it is a yes or no that may stand alone.
    pub const fn is_truth(&self) -> bool {
        matches!(self, Self::Missed(_) | Self::Diagnosis { .. } | Self::Medication { .. } | Self::Held)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observed { code, laboratory: false } => write!(f, "obs('{code}')"),
            Self::Observed { code, laboratory: true } => write!(f, "lab('{code}')"),
            Self::Delta { code, days } => write!(f, "delta('{code}', {days})"),
            Self::Change { code, days } => write!(f, "change('{code}', {days})"),
            Self::Trend { code, count } => write!(f, "trend('{code}', {count})"),
            Self::Answer { questionnaire, item } => write!(f, "answer('{questionnaire}', '{item}')"),
            Self::Missed(task) => write!(f, "missed('{task}')"),
            Self::Diagnosis { system, prefix } => write!(f, "diagnosis('{system}', '{prefix}')"),
            Self::Medication { system, prefix } => write!(f, "medication('{system}', '{prefix}')"),
            Self::DaysInStage => f.write_str("days_in_stage"),
            Self::DaysEnrolled => f.write_str("days_enrolled"),
            Self::AgeYears => f.write_str("age_years"),
            Self::Sex => f.write_str("sex"),
            Self::Held => f.write_str("held"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map_err(D::Error::custom)
    }
}
