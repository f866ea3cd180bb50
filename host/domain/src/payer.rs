//! Bills as payer plugins receive them, and their answers, as in `xinglin:payment/payer`. Nothing
//! here is checked yet; [`billing`](crate::billing) checks the answers.

pub mod insurance;
pub mod paid;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::insurance::claims;
use crate::{
    coding::{Attribute, Citation, Coding, Decimal, LocalizedText},
    money::Money,
    time::Instant,
};

/// Kind of a charged line.
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
    /// Kind of line.
    pub kind: LineKind,
    /// The item, in every known coding.
    pub code: Vec<Coding>,
    /// The quantity.
    pub quantity: Decimal,
    /// Amount of the whole line.
    pub gross: Money,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// An accumulator of the insured person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accumulator {
    /// The scheme's own code, for example `deductible-used`.
    pub code: String,
    /// The amount.
    pub amount: Money,
}

/// A patient's coverage by a payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Pseudonym of the member.
    pub member: String,
    /// Kind of insured person.
    pub category: Coding,
    /// End of the coverage.
    pub valid_until: Option<Instant>,
    /// The last values known to the host.
    pub accumulators: Vec<Accumulator>,
    /// Additional attributes, for later versions.
    pub attributes: Vec<Attribute>,
}

/// The source of a payment.
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

    /// The name in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BasicFund => "basic_fund",
            Self::SupplementaryFund => "supplementary_fund",
            Self::Commercial => "commercial",
            Self::PersonalAccount => "personal_account",
            Self::FamilyAccount => "family_account",
            Self::Cash => "cash",
        }
    }
}

/// The share of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The source.
    pub source: Source,
    /// The amount.
    pub amount: Money,
}

/// The scheme's result for one line. The four amounts sum to its gross.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineResult {
    /// Number of the line.
    pub number: u32,
    /// Outside the catalogue (全自费).
    pub self_funded: Money,
    /// Above the price limit (超限价自费).
    pub over_limit: Money,
    /// The patient's share before any other rule (先行自付).
    pub pre_self_pay: Money,
    /// The amount that the rules apply to (符合范围).
    pub in_scope: Money,
    /// Explanation.
    pub note: LocalizedText,
}

/// A scheme's adjudication of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjudication {
    /// By line.
    pub lines: Vec<LineResult>,
    /// The whole bill, by source.
    pub parts: Vec<Part>,
    /// The new values of the accumulators.
    pub accumulators: Vec<Accumulator>,
    /// The source of the rule.
    pub citation: Citation,
    /// Additional figures of the scheme.
    pub attributes: Vec<Attribute>,
    /// What an insurer decided line by line, of which the shares above are the sums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insured: Option<Box<claims::Adjudication>>,
}

/// A bill as payers receive it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bill {
    /// Opaque id.
    pub id: String,
    /// When the service was given.
    pub served_at: Instant,
    /// Coded diagnoses.
    pub diagnoses: Vec<Coding>,
    /// The lines.
    pub lines: Vec<Line>,
    /// Adjudications of earlier payers.
    pub prior: Vec<Adjudication>,
    /// Whether the personal account may be used.
    pub use_account: bool,
    /// Where payers stand on guarantees of payment, by the id of their plugin. Told to nobody else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guarantees: BTreeMap<String, Guaranteed>,
    /// Additional attributes, for later versions.
    pub attributes: Vec<Attribute>,
}

/// Where a payer stands on a guarantee of payment for a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guaranteed {
    /// It pays nothing without one, and has given none.
    Wanted,
    /// It has given one, under this reference.
    Given(String),
}

impl Line {
    /// How many: the host charges whole ones.
    pub fn units(&self) -> u32 {
        u32::try_from(self.quantity.unscaled()).unwrap_or_default()
    }
}

impl Bill {
    /// The payer's reference of its guarantee, if it gave one.
    pub fn guarantee_of(&self, payer: &str) -> Option<&str> {
        match self.guarantees.get(payer)? {
            Guaranteed::Wanted => None,
            Guaranteed::Given(reference) => Some(reference),
        }
    }

    /// The payers that want a guarantee before they pay anything, and have given none.
    pub fn lacks_guarantees(&self) -> impl Iterator<Item = &str> {
        self.guarantees.iter().filter(|(_, stands)| **stands == Guaranteed::Wanted).map(|(payer, _)| payer.as_str())
    }

    /// The bill as a payer receives it after those that decided this. What they count of the patient is
    /// not disclosed.
    #[must_use]
    pub fn after<'a>(&self, decided: impl IntoIterator<Item = &'a Adjudication>) -> Self {
        let without = |before: &Adjudication| {
            let mut told = Adjudication { accumulators: Vec::new(), ..before.clone() };
            if let Some(insured) = &mut told.insured {
                insured.draws.clear();
                insured.attributes.clear();
            }
            told
        };
        Self { prior: decided.into_iter().map(without).collect(), ..self.clone() }
    }
}

/// Identifies one attempt of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Tenant, order, payer, attempt and verb.
    pub key: String,
    /// The time.
    pub at: Instant,
}

/// A refusal of a payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Stable, upper snake case.
    pub code: String,
    /// Text for display.
    pub message: LocalizedText,
    /// The source of the rule.
    pub citation: Citation,
}

/// Answer to a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quoted {
    /// The scheme covers a share.
    Covered(Adjudication),
    /// Not covered.
    Declined(Vec<Refusal>),
}

/// A payer's authorization of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The payer's reference.
    pub reference: String,
    /// Expiry.
    pub expires: Instant,
}

/// Answer to an authorization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorized {
    /// Granted.
    Granted(Authorization),
    /// Refused.
    Refused(Vec<Refusal>),
}

/// A settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The payer's reference.
    pub reference: String,
    /// The authoritative figures.
    pub adjudication: Adjudication,
}

/// Answer to a settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// Settled.
    Done(Settlement),
    /// Refused.
    Refused(Vec<Refusal>),
}

/// A reversal of a settlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reversal {
    /// The payer's reference.
    pub reference: String,
    /// The new values of the accumulators.
    pub accumulators: Vec<Accumulator>,
}

/// Answer to a reversal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversed {
    /// Reversed.
    Done(Reversal),
    /// Refused.
    Refused(Vec<Refusal>),
}

/// Status of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Unknown to the payer: it may be sent.
    NeverSeen,
    /// Not decided; query again.
    Pending,
    /// Settled.
    Settled(Settlement),
    /// Reversed.
    Reversed(Reversal),
    /// Refused.
    Refused(Vec<Refusal>),
}

/// Why a payer could not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerError {
    /// The same key with other content.
    Conflict(String),
    /// Data that it needs are missing.
    MissingData(LocalizedText),
    /// Its system is unavailable.
    Unavailable(String),
    /// Anything else.
    Other(String),
}
