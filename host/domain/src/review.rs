//! Checks of a prescription: what is asked, what is answered, and how many
//! answers become one. As in `xinglin:prescribing/review`.

use serde::{Deserialize, Serialize};

use crate::coding::{Attribute, Citation, Coding, Decimal, LocalizedText, Quantity};

/// One medicine of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Position, from 1.
    pub number: u32,
    /// The product, in every coding known.
    pub code: Vec<Coding>,
    /// Its active ingredients, where known.
    pub ingredients: Vec<Coding>,
    /// One dose.
    pub dose: Quantity,
    /// Doses a day.
    pub doses_per_day: Decimal,
    /// Length of treatment.
    pub days: u16,
    /// How it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Coding>,
    /// The open door.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// A prescription as drafted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Coded diagnoses of the follow-up.
    pub diagnoses: Vec<Coding>,
    /// The medicines.
    pub lines: Vec<Line>,
    /// Long-term prescription (长期处方).
    pub long_term: bool,
    /// The open door.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// How grave a finding is: the severities of a CDS Hooks card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of CDS Hooks")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// One thing the prescriber should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable, upper snake case.
    pub code: String,
    /// How grave.
    pub severity: Severity,
    /// What is the matter.
    pub message: LocalizedText,
    /// What could be done instead.
    pub suggestion: LocalizedText,
    /// Lines concerned; none means all of the order.
    pub lines: Vec<u32>,
    /// Who says so.
    pub citation: Citation,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// One checker's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing against it.
    Allow,
    /// May be signed once each finding is acknowledged.
    Warn(Vec<Finding>),
    /// Must not be signed as it stands.
    Veto(Vec<Finding>),
}

/// Why a checker reached no verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewError {
    /// Something it needs is not known.
    MissingData(LocalizedText),
    /// A unit or code system it does not know.
    NotUnderstood(String),
    /// Anything else.
    Other(String),
}
