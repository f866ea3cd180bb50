//! Who pays what: the bill as a payer plugin sees it and what it answers, as in
//! `xinglin:payment/payer`. What the host makes of an answer is in
//! [`billing`](crate::billing); nothing here has been checked yet.

use serde::{Deserialize, Serialize};

use crate::{
    coding::{Attribute, Citation, Coding, Decimal, LocalizedText},
    money::Money,
    time::Instant,
};

/// What kind of thing is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LineKind {
    Service,
    Medicine,
    Material,
    Other,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Position, from 1.
    pub number: u32,
    /// What kind of thing.
    pub kind: LineKind,
    /// The item, in every coding known.
    pub code: Vec<Coding>,
    /// How many.
    pub quantity: Decimal,
    /// What is charged for the whole line.
    pub gross: Money,
    /// The open door.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// A running figure of the insured person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accumulator {
    /// The scheme's own code, for example `deductible-used`.
    pub code: String,
    /// How much.
    pub amount: Money,
}

/// The patient's relation to a payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Pseudonymous.
    pub member: String,
    /// Kind of insured person.
    pub category: Coding,
    /// Insured until.
    pub valid_until: Option<Instant>,
    /// As the host last knew them.
    pub accumulators: Vec<Accumulator>,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// Out of what an amount is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Pooled fund of basic medical insurance (统筹基金).
    BasicFund,
    /// Other public funds.
    SupplementaryFund,
    /// Commercial insurance (商保).
    Commercial,
    /// The insured person's own account (个人账户).
    PersonalAccount,
    /// A family member's account (家庭共济).
    FamilyAccount,
    /// The patient's own money.
    Cash,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::BasicFund,
        Self::SupplementaryFund,
        Self::Commercial,
        Self::PersonalAccount,
        Self::FamilyAccount,
        Self::Cash,
    ];
}

/// A share of the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Out of what.
    pub source: Source,
    /// How much.
    pub amount: Money,
}

/// How the scheme sees one line. The four parts sum to its gross.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineResult {
    /// Which line.
    pub number: u32,
    /// Outside the catalogue (全自费).
    pub self_funded: Money,
    /// Above the price limit (超限价自费).
    pub over_limit: Money,
    /// The patient's share before anything else (先行自付).
    pub pre_self_pay: Money,
    /// What the rules apply to (符合范围).
    pub in_scope: Money,
    /// Why.
    pub note: LocalizedText,
}

/// A scheme's reading of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjudication {
    /// Line by line.
    pub lines: Vec<LineResult>,
    /// All of the bill, by source.
    pub parts: Vec<Part>,
    /// What the accumulators become.
    pub accumulators: Vec<Accumulator>,
    /// The rule.
    pub citation: Citation,
    /// The scheme's own figures.
    pub attributes: Vec<Attribute>,
}

/// What is charged, as a payer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bill {
    /// Opaque.
    pub id: String,
    /// When the service was given.
    pub served_at: Instant,
    /// Coded diagnoses.
    pub diagnoses: Vec<Coding>,
    /// What is charged.
    pub lines: Vec<Line>,
    /// Earlier payers' answers.
    pub prior: Vec<Adjudication>,
    /// Whether the personal account may be used.
    pub use_account: bool,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// Names one attempt to do one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Tenant, order, payer, attempt and verb.
    pub key: String,
    /// When.
    pub at: Instant,
}

/// Why a payer will not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Stable, upper snake case.
    pub code: String,
    /// For people.
    pub message: LocalizedText,
    /// The rule.
    pub citation: Citation,
}

/// Answer to a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quoted {
    /// The scheme shares in it.
    Covered(Adjudication),
    /// It does not.
    Declined(Vec<Refusal>),
}

/// The payer stands for a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The payer's reference.
    pub reference: String,
    /// Until when.
    pub expires: Instant,
}

/// Answer to an authorization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorized {
    /// Yes.
    Granted(Authorization),
    /// No.
    Refused(Vec<Refusal>),
}

/// A bill settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The payer's reference.
    pub reference: String,
    /// Authoritative figures.
    pub adjudication: Adjudication,
}

/// Answer to a settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// Yes.
    Done(Settlement),
    /// No.
    Refused(Vec<Refusal>),
}

/// A settlement taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    /// The payer's reference.
    pub reference: String,
    /// What the accumulators become.
    pub accumulators: Vec<Accumulator>,
}

/// Answer to a reversal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversed {
    /// Yes.
    Done(Reversal),
    /// No.
    Refused(Vec<Refusal>),
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Safe to send.
    NeverSeen,
    /// Ask again.
    Pending,
    /// It settled.
    Settled(Settlement),
    /// It reversed.
    Reversed(Reversal),
    /// It was refused.
    Refused(Vec<Refusal>),
}

/// Why a payer could not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerError {
    /// The same key with other amounts.
    Conflict(String),
    /// Something is not known.
    MissingData(LocalizedText),
    /// Its system cannot be reached.
    Unavailable(String),
    /// Anything else.
    Other(String),
}
