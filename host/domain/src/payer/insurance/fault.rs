//! What is wrong with an answer, and where.

use thiserror::Error;

use super::Refusal;
use crate::{
    code::Code,
    coding::{Citation, Coding, LocalizedText},
    money::{Money, MoneyError},
    time::Instant,
};

/// A mistake of a plugin: a field of its answer that contradicts the contract.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {wrong}")]
pub struct Fault {
    /// Where in the answer: `lines[2].allowed`.
    pub field: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Wrong {
    /// Negative, or out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// An equation that does not hold.
    #[error("the amounts sum to {parts}, the whole is {whole}")]
    Sum {
        /// What they sum to.
        parts: Money,
        /// What they should sum to.
        whole: Money,
    },
    /// A number that another one determines.
    #[error("it is {is}, it must be {must}")]
    Number {
        /// In the answer.
        is: String,
        /// What follows.
        must: String,
    },
    /// More than there is.
    #[error("{amount} is more than {most}")]
    Above {
        /// In the answer.
        amount: Money,
        /// The most.
        most: Money,
    },
    /// Less than there must be.
    #[error("{amount} is less than {least}")]
    Below {
        /// In the answer.
        amount: Money,
        /// The least.
        least: Money,
    },
    /// A balance would be used beyond its limit, or what is given back was never used.
    #[error("it is beyond what the balance has")]
    Balance,
    /// Not one for each line of the claim, in its order.
    #[error("the lines are not those of the claim, in its order")]
    Lines,
    /// It names something that was not asked about.
    #[error("nothing of that name was asked about")]
    Strange,
    /// The same thing twice.
    #[error("it comes twice")]
    Twice,
    /// An amount of money where a number of times is, or the reverse.
    #[error("money in one place, a number of times in the other")]
    Kind,
    /// A period that ends before it begins, or does not hold the day that it must hold.
    #[error("not the period in question")]
    Period,
    /// A time that is too early or too late, or not at the border that it must be at.
    #[error("{0} is not possible")]
    Time(Instant),
    /// Not 1 to 200 bytes.
    #[error("a reference has 1 to 200 bytes")]
    Reference,
    /// Nothing where something must be.
    #[error("it is empty")]
    Empty,
    /// Not upper snake case.
    #[error("it is not a code in upper snake case")]
    Code,
    /// Too many.
    #[error("there are more than {0}")]
    Many(usize),
    /// An answer to another function.
    #[error("it is not an answer to what was asked")]
    Verb,
    /// Another answer than before.
    #[error("it was answered otherwise before")]
    Changed,
    /// Denies what it answered before.
    #[error("it was answered before, and now it was never seen")]
    Forgotten,
    /// A price or fee that names a medicine.
    #[error("a fee must not depend on medicines: {0}")]
    Medicine(String),
}

impl Wrong {
    /// In this field.
    pub(crate) fn at(self, field: impl Into<String>) -> Fault {
        Fault { field: field.into(), wrong: self }
    }
}

impl Fault {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self.wrong {
            Wrong::Money(_) => Code::MoneyInvalid,
            Wrong::Sum { .. } | Wrong::Lines => Code::LedgerUnbalanced,
            Wrong::Medicine(_) => Code::BundleDrugLinked,
            _ => Code::PluginOutput,
        }
    }

    /// The same fault in a part of a larger answer.
    #[must_use]
    pub(crate) fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }
}

/// Longest code of a refusal, in bytes.
const LONGEST_CODE: usize = 64;
/// Longest reference of an insurer, in bytes (`xinglin:payment@1.1`).
const LONGEST_REFERENCE: usize = 200;

/// An amount that is not negative.
pub(crate) fn amount(field: impl Into<String>, amount: Money) -> Result<Money, Fault> {
    amount.non_negative().map_err(|error| Wrong::Money(error).at(field))
}

/// The sum of amounts.
pub(crate) fn sum(field: &str, amounts: impl IntoIterator<Item = Money>) -> Result<Money, Fault> {
    Money::sum(amounts).map_err(|error| Wrong::Money(error).at(field))
}

/// That parts sum to a whole.
pub(crate) fn sums(field: &str, whole: Money, parts: impl IntoIterator<Item = Money>) -> Result<(), Fault> {
    let parts = sum(field, parts)?;
    if parts == whole { Ok(()) } else { Err(Wrong::Sum { parts, whole }.at(field)) }
}

/// A reference of 1 to 200 bytes.
pub(crate) fn reference(field: impl Into<String>, reference: &str) -> Result<(), Fault> {
    if (1..=LONGEST_REFERENCE).contains(&reference.len()) { Ok(()) } else { Err(Wrong::Reference.at(field)) }
}

/// A text that can be read.
pub(crate) fn text(field: impl Into<String>, text: &LocalizedText) -> Result<(), Fault> {
    if text.is_empty() { Err(Wrong::Empty.at(field)) } else { Ok(()) }
}

/// A source that is named.
pub(crate) fn citation(field: impl Into<String>, citation: &Citation) -> Result<(), Fault> {
    if citation.title.trim().is_empty() { Err(Wrong::Empty.at(format!("{}.title", field.into()))) } else { Ok(()) }
}

/// A code that is there.
pub(crate) fn coding(field: impl Into<String>, coding: &Coding) -> Result<(), Fault> {
    if coding.code.trim().is_empty() { Err(Wrong::Empty.at(field)) } else { Ok(()) }
}

/// Codes that are there, each once.
pub(crate) fn codings(field: &str, codings: &[Coding]) -> Result<(), Fault> {
    for (at, one) in codings.iter().enumerate() {
        coding(format!("{field}[{at}]"), one)?;
        if codings[..at].iter().any(|other| other.same(one)) {
            return Err(Wrong::Twice.at(format!("{field}[{at}]")));
        }
    }
    Ok(())
}

/// Refusals that can be read: each with a code, a message and a source. There may be none.
pub(crate) fn refusals(field: &str, refusals: &[Refusal]) -> Result<(), Fault> {
    let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    for (at, Refusal { code, message, citation: source }) in refusals.iter().enumerate() {
        let starts = code.starts_with(|c: char| c.is_ascii_uppercase());
        if code.len() > LONGEST_CODE || !starts || !code.chars().all(letters) {
            return Err(Wrong::Code.at(format!("{field}[{at}].code")));
        }
        text(format!("{field}[{at}].message"), message)?;
        citation(format!("{field}[{at}].citation"), source)?;
    }
    Ok(())
}

/// At least one refusal.
pub(crate) fn refused(field: &str, why: &[Refusal]) -> Result<(), Fault> {
    if why.is_empty() { Err(Wrong::Empty.at(field)) } else { refusals(field, why) }
}
