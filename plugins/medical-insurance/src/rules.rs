//! The scheme of a pooling region: deductible, ratio, cap and account by kind of insured person, and the catalogue.

use scheme::{
    edition::{Edition, Editions, Figures, unique},
    number::{Amount, Percent},
};
use serde::Deserialize;
use xinglin_sdk::{
    insurance,
    payment::{Coverage, Error},
    time::Instant,
    types::{Coding, Codings as _},
};

/// Code system of the items.
pub const SYSTEM: &str = "https://xinglin.dev/catalogue";

/// The illustrative figures.
const SHIPPED: &str = include_str!("../data/scheme.toml");

/// Under `[edition.scheme]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scheme {
    /// Key of the source of the rules.
    pub source: String,
    level: Level,
    /// Only read: there is one.
    #[serde(rename = "benefit-year")]
    _benefit_year: BenefitYear,
    kind: Vec<Kind>,
    item: Vec<Item>,
}

/// Level of the hospital.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Primary,
    Secondary,
    Tertiary,
}

/// The host counts what is used by calendar year in Asia/Shanghai; of another year it could not give back.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BenefitYear {
    Calendar,
}

/// The rules for one kind of insured person.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    category: String,
    /// Whether the personal account may be used.
    pub account: bool,
    /// Of a year.
    pub deductible: Amount,
    /// Most that the fund pays in a year.
    pub cap: Amount,
    ratio: Ratio,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratio {
    primary: Percent,
    secondary: Percent,
    tertiary: Percent,
}

/// An item of the catalogue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Item {
    code: String,
    /// How it is treated.
    pub class: Class,
    /// Most that is recognised of one unit.
    pub limit: Option<Amount>,
    /// 先行自付比例.
    #[serde(default)]
    pub self_pay: Percent,
}

/// How the scheme treats an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Class {
    /// 甲: fully in scope.
    A,
    /// 乙: the patient pays a share first.
    B,
    /// 丙: outside the catalogue.
    C,
}

impl Figures for Scheme {
    fn cited(&self) -> Vec<&str> {
        vec![&self.source]
    }

    fn check(&self) -> Result<(), String> {
        if self.kind.is_empty() {
            return Err("there is no kind of insured person".to_owned());
        }
        unique(self.kind.iter().map(|kind| kind.category.as_str()))?;
        unique(self.item.iter().map(|item| item.code.as_str()))?;
        let is_wrong = |item: &&Item| match item.class {
            Class::A => item.self_pay != Percent::NONE,
            Class::B => item.self_pay == Percent::NONE,
            Class::C => item.self_pay != Percent::NONE || item.limit.is_some(),
        };
        match self.item.iter().find(is_wrong) {
            Some(Item { code, .. }) => Err(format!("`{code}`: B has a self-pay, A has none, C has no limit either")),
            None => Ok(()),
        }
    }
}

impl Scheme {
    /// The edition of a day.
    ///
    /// # Errors
    /// `missing-data` if the hospital has not set it.
    pub fn at(served_at: Instant) -> Result<Edition<Self>, Error> {
        let editions = Editions::<Self>::of(SHIPPED).map_err(error)?;
        editions.at(served_at).cloned().map_err(error)
    }

    /// The rules for an insured person; `None` if the scheme does not have the kind.
    pub fn kind(&self, coverage: &Coverage) -> Option<&Kind> {
        self.kind.iter().find(|kind| kind.category == coverage.category.code)
    }

    /// The fund's share above the deductible.
    pub const fn ratio(&self, kind: &Kind) -> Percent {
        match self.level {
            Level::Primary => kind.ratio.primary,
            Level::Secondary => kind.ratio.secondary,
            Level::Tertiary => kind.ratio.tertiary,
        }
    }

    /// The item with one of these codes; `None` if the catalogue does not have it.
    pub fn item(&self, codes: &[Coding]) -> Option<&Item> {
        codes.codes_in(SYSTEM).find_map(|code| self.item.iter().find(|item| item.code == code))
    }
}

/// In the type of this contract.
fn error(error: insurance::Error) -> Error {
    match error {
        insurance::Error::MissingData(missing) => Error::MissingData(missing),
        insurance::Error::NotDone(what) => Error::Unavailable(what),
        insurance::Error::Conflict(what) => Error::Conflict(what),
        insurance::Error::Unknown(what) | insurance::Error::Other(what) => Error::Other(what),
    }
}
