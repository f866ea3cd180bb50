//! What the gateway decides by, as data.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::money::Factor;

/// What ships: the worked examples.
pub const SHIPPED: &str = include_str!("../data/parameters.toml");

/// All of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Basic insurance.
    pub nhsa: Nhsa,
    /// Commercial insurers by the name of their profile.
    #[serde(default)]
    pub insurer: BTreeMap<String, Insurer>,
}

/// Basic insurance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nhsa {
    /// By kind of insurance.
    pub scheme: Vec<Scheme>,
    /// The catalogue.
    pub items: Vec<Item>,
    /// Who is insured when the database is new.
    pub person: Vec<Person>,
}

/// The rules for one kind of insured person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// 310 employees, 390 residents.
    pub insutype: String,
    /// Of a year, in fen.
    pub deductible: i64,
    /// The fund's share, in percent.
    pub ratio: Percent,
    /// Most that the fund pays in a year, in fen.
    pub cap: i64,
    /// Whether there is a personal account.
    pub account: bool,
}

/// An item of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The hospital's code.
    pub code: String,
    /// 甲, 乙, 丙.
    pub class: Class,
    /// Highest price of one unit that counts, in fen.
    pub limit: Option<i64>,
    /// 先行自付, in percent.
    pub self_pay: Option<Percent>,
}

/// The class of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Class {
    /// 甲: wholly in scope.
    A,
    /// 乙: the patient pays a share first.
    B,
    /// 丙: outside.
    C,
}

/// An insured person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The insurance's own number.
    pub psn_no: String,
    /// Of the identity card.
    pub certno: String,
    /// The name.
    pub name: String,
    /// Kind of insurance.
    pub insutype: String,
    /// On the personal account, in fen.
    #[serde(default)]
    pub balance: i64,
    /// Used in the current year, in fen.
    #[serde(default)]
    pub deductible_used: i64,
    /// The same of the fund.
    #[serde(default)]
    pub fund_used: i64,
    /// Whether benefits are suspended.
    #[serde(default)]
    pub suspended: bool,
}

/// A commercial insurer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insurer {
    /// What the hospital shows itself by.
    pub token: String,
    /// Whether an appeal against an exclusion is granted.
    #[serde(default)]
    pub grants_appeals: bool,
    /// Its plans.
    #[serde(default)]
    pub plan: Vec<Plan>,
    /// Members who have used something up before.
    #[serde(default)]
    pub insured: Vec<Insured>,
}

/// The terms of a plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// As in the policy.
    pub code: String,
    /// Contract discount, in percent.
    pub discount: Percent,
    /// Of a year, in fen.
    pub deductible: i64,
    /// Of a claim, in fen.
    pub copay: i64,
    /// The patient's share by network tier, in percent; who is in none of them is outside the network.
    pub coinsurance: BTreeMap<String, Percent>,
    /// Most of a claim, in fen.
    pub visit_limit: Option<i64>,
    /// Items that are not insured.
    #[serde(default)]
    pub excluded: Vec<String>,
    /// A claim above it needs a guarantee, in fen.
    pub preauthorization_above: Option<i64>,
}

/// A member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insured {
    /// As the hospital names the member: insurance number, identity card or policy.
    pub number: String,
    /// Used in the current year, in fen.
    pub deductible_used: i64,
}

/// A percentage of at most 100.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub struct Percent(Factor);

impl Percent {
    /// As a factor.
    pub const fn factor(self) -> Factor {
        self.0
    }
}

impl TryFrom<String> for Percent {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let factor = Factor::parse(&text).map(Factor::of_percent);
        let whole = factor.and_then(|factor| crate::money::times(10_000, factor, crate::money::Rounding::Floor));
        match (factor, whole) {
            (Some(factor), Some(0..=10_000)) => Ok(Self(factor)),
            _ => Err(format!("`{text}` is not a percentage")),
        }
    }
}

impl Parameters {
    /// Reads and checks a text.
    pub fn read(text: &str) -> Result<Self> {
        let parameters: Self = toml::from_str(text).context("the parameters")?;
        let Nhsa { scheme, items, person } = &parameters.nhsa;
        for item in items {
            let is_sound = match item.class {
                Class::A => item.self_pay.is_none(),
                Class::B => item.self_pay.is_some(),
                Class::C => item.self_pay.is_none() && item.limit.is_none(),
            };
            ensure!(is_sound, "`{}`: B has a self_pay, A has none, C has no limit either", item.code);
        }
        let amounts = scheme.iter().flat_map(|scheme| [scheme.deductible, scheme.cap]);
        let limits = items.iter().filter_map(|item| item.limit);
        let persons = person.iter().flat_map(|person| [person.balance, person.deductible_used, person.fund_used]);
        let plans = parameters.insurer.values().flat_map(|insurer| &insurer.plan);
        let terms = plans.flat_map(|plan| {
            [plan.deductible, plan.copay].into_iter().chain(plan.visit_limit).chain(plan.preauthorization_above)
        });
        let insured = parameters.insurer.values().flat_map(|insurer| &insurer.insured);
        let used = insured.map(|insured| insured.deductible_used);
        let mut all = amounts.chain(limits).chain(persons).chain(terms).chain(used);
        ensure!(all.all(|amount| amount >= 0), "an amount is below zero");
        for person in person {
            ensure!(
                scheme.iter().any(|scheme| scheme.insutype == person.insutype),
                "there is no scheme for `{}`",
                person.insutype
            );
        }
        Ok(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_is_sound_and_a_mistake_is_found() {
        assert!(Parameters::read(SHIPPED).is_ok());
        for (before, after) in [
            ("ratio = \"75\"", "ratio = \"175\""),
            ("ratio = \"75\"", "ratio = \"-1\""),
            ("class = \"C\"", "class = \"D\""),
            ("class = \"C\"", "class = \"B\""),
            ("cap = 400000", "cap = -1"),
            ("insutype = \"310\"\nbalance", "insutype = \"999\"\nbalance"),
            ("account = true", "account = true\nnonsense = 1"),
        ] {
            assert!(Parameters::read(&SHIPPED.replacen(before, after, 1)).is_err(), "{after}");
        }
    }
}
