//! Claims, guarantees and statements as insurer plugins receive them, and their answers, as in
//! `xinglin:payment@1.1`. Each answer has a `check` beside it: nothing is believed or booked before.
//!
//! A payer speaks for its own share only; what payers before it pay is in [`ClaimLine::prior`].

pub mod balance;
pub mod claims;
pub mod eligibility;
pub mod fault;
pub mod preauthorization;
pub mod reconciliation;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::{
    balance::{Allowance, Balance, Draw, Period},
    fault::{Fault, Wrong},
};
pub use crate::payer::{LineKind, Operation, Refusal};
use crate::{
    coding::{Attribute, Coding, Decimal, LocalizedText},
    money::{Money, MoneyError},
    payer,
    time::Instant,
};

/// What the patient is insured by, as the hospital has it on file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Pseudonym of the member.
    pub member: String,
    /// Insured since.
    pub valid_from: Option<Instant>,
    /// Insured until.
    pub valid_until: Option<Instant>,
    /// Of the policy or group contract, never of the person; empty if there is none.
    pub number: String,
    /// Plan or product.
    pub plan: Coding,
    /// Network tier that this hospital is in; absent if outside every network.
    pub network: Option<String>,
    /// Of the benefit periods that hold the day of service.
    pub balances: Vec<Balance>,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// Out of what a payer before this one pays.
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
}

impl Source {
    /// The source of a share of a bill; `None` for the patient's cash, which no payer pays.
    pub const fn of(source: payer::Source) -> Option<Self> {
        match source {
            payer::Source::BasicFund => Some(Self::BasicFund),
            payer::Source::SupplementaryFund => Some(Self::SupplementaryFund),
            payer::Source::Commercial => Some(Self::Commercial),
            payer::Source::PersonalAccount => Some(Self::PersonalAccount),
            payer::Source::FamilyAccount => Some(Self::FamilyAccount),
            payer::Source::Cash => None,
        }
    }
}

/// What a payer before this one pays of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorShare {
    /// The source.
    pub source: Source,
    /// Above zero.
    pub amount: Money,
}

/// How basic insurance classed a line. Sums to its gross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicClass {
    /// Outside the catalogue (全自费).
    pub self_funded: Money,
    /// Above the price limit (超限价自费).
    pub over_limit: Money,
    /// The patient's share before any other rule (先行自付).
    pub pre_self_pay: Money,
    /// The amount that the rules apply to (符合范围).
    pub in_scope: Money,
}

/// One line of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimLine {
    /// Position, from 1.
    pub number: u32,
    /// Kind of line.
    pub kind: LineKind,
    /// The item, in every known coding.
    pub code: Vec<Coding>,
    /// The quantity.
    pub quantity: Decimal,
    /// Amount of the whole line, whoever pays.
    pub gross: Money,
    /// What payers before this one pay of it, first payer first.
    pub prior: Vec<PriorShare>,
    /// Absent if basic insurance was not asked, or declined.
    pub basic: Option<BasicClass>,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

impl ClaimLine {
    /// What payers before this one leave of it.
    ///
    /// # Errors
    /// On overflow.
    pub fn rest(&self) -> Result<Money, MoneyError> {
        self.gross.minus(Money::sum(self.prior.iter().map(|share| share.amount))?)
    }
}

/// A paper or record that supports a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What it is.
    pub kind: Coding,
    /// Id in the host.
    pub id: String,
}

/// What is asked of an insurer, before or after the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Opaque id of the bill.
    pub bill: String,
    /// When the service was, or will be, given.
    pub served_at: Instant,
    /// Coded diagnoses.
    pub diagnoses: Vec<Coding>,
    /// The lines.
    pub lines: Vec<ClaimLine>,
    /// The insurer's reference of a guarantee of payment.
    pub preauthorization: Option<String>,
    /// The insurer's reference of what this completes or corrects.
    pub related: Option<String>,
    /// What supports it.
    pub documents: Vec<Document>,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

impl Claim {
    fn numbers(&self) -> impl Iterator<Item = u32> {
        self.lines.iter().map(|line| line.number)
    }

    fn line(&self, number: u32) -> Option<&ClaimLine> {
        self.lines.iter().find(|line| line.number == number)
    }
}

/// Seen and not decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// The insurer's reference.
    pub reference: String,
    /// Not worth asking before.
    pub ask_after: Instant,
    /// Kinds of documents without which it will not go on.
    pub documents_wanted: Vec<Coding>,
}

impl Pending {
    /// When to ask again, whatever the insurer says: after a minute at the earliest, after seven
    /// days at the latest (`xinglin:payment@1.1`).
    pub fn next(&self, now: Instant) -> Instant {
        self.ask_after.clamp(now.plus_minutes(1), now.plus_days(7))
    }

    fn check(&self) -> Result<(), Fault> {
        fault::reference("reference", &self.reference)?;
        fault::codings("documents_wanted", &self.documents_wanted)
    }
}

/// Why a call of an insurer has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsurerError {
    /// Nothing was done and nothing will be.
    NotDone(String),
    /// It may have been done.
    Unknown(String),
    /// The same key with other content.
    Conflict(String),
    /// Data that it needs are missing; nothing was done.
    MissingData(LocalizedText),
    /// Anything else: as unknown.
    Other(String),
}

impl InsurerError {
    /// Whether it states that nothing was done, so that the same operation may be sent again.
    pub const fn nothing_was_done(&self) -> bool {
        matches!(self, Self::NotDone(_) | Self::MissingData(_))
    }

    /// Its text, for operators.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::NotDone(text) | Self::Unknown(text) | Self::Conflict(text) | Self::Other(text) => text.into(),
            Self::MissingData(text) => text.get("en").into(),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_insurer_is_asked_again_between_a_minute_and_a_week() {
        let now = Instant::from_micros(0);
        let pending = |ask_after| Pending { reference: "P-1".into(), ask_after, documents_wanted: Vec::new() };
        for (wanted, next) in [
            (now.plus_days(-1), now.plus_minutes(1)),
            (now, now.plus_minutes(1)),
            (now.plus_hours(3), now.plus_hours(3)),
            (now.plus_days(7), now.plus_days(7)),
            (Instant::from_micros(i64::MAX), now.plus_days(7)),
        ] {
            assert_eq!(pending(wanted).next(now), next);
        }
    }

    #[test]
    fn only_two_errors_say_that_nothing_was_done() {
        let text = || "x".to_owned();
        let all = [
            (InsurerError::NotDone(text()), true),
            (InsurerError::MissingData(LocalizedText::zh_en("x", "x")), true),
            (InsurerError::Unknown(text()), false),
            (InsurerError::Conflict(text()), false),
            (InsurerError::Other(text()), false),
        ];
        for (error, nothing) in all {
            assert_eq!((error.nothing_was_done(), error.text().as_ref()), (nothing, "x"));
        }
    }
}
