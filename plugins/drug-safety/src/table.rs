//! The tables, generated from `data/*.toml`.

use xinglin_sdk::types::{Citation, Decimal, LocalizedText, zh_en};

/// A text in both languages.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub zh: &'static str,
    pub en: &'static str,
}

impl Text {
    /// In the type of the contract.
    pub fn localized(self) -> LocalizedText {
        zh_en(self.zh, self.en)
    }
}

/// The source of a row.
#[derive(Debug)]
pub struct Source {
    title: &'static str,
    section: Option<&'static str>,
    year: u16,
    url: Option<&'static str>,
}

impl Source {
    /// In the type of the contract.
    pub fn citation(&self) -> Citation {
        Citation {
            title: self.title.to_owned(),
            section: self.section.map(str::to_owned),
            year: self.year,
            url: self.url.map(str::to_owned),
        }
    }
}

/// An active ingredient.
#[derive(Debug)]
pub struct Ingredient {
    /// ATC code of the fifth level: its key.
    pub atc: &'static str,
    pub name: Text,
}

impl Ingredient {
    /// Whether its ATC code has one of these prefixes.
    pub fn is_any(&self, prefixes: &[&str]) -> bool {
        prefixes.iter().any(|prefix| self.atc.starts_with(prefix))
    }
}

/// An interaction of two medicines.
#[derive(Debug)]
pub struct Interaction {
    pub code: &'static str,
    pub a: &'static [&'static str],
    pub b: &'static [&'static str],
    pub contraindicated: bool,
    pub only_with_diabetes: bool,
    pub text: Text,
    pub advice: Text,
    pub source: Source,
}

/// A dose limit of a medicine at a low filtration rate.
#[derive(Debug)]
pub struct Renal {
    pub atc: &'static str,
    /// mL/min/1.73 m².
    pub below: u16,
    pub action: Action,
    pub text: Text,
    pub source: Source,
}

/// The action to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Contraindicated,
    Avoid,
    NotStart,
    Reduce,
    MaxDailyMg(Decimal),
}

/// Medicines that share an allergy.
#[derive(Debug)]
pub struct Group {
    pub code: &'static str,
    pub name: Text,
    pub members: &'static [&'static str],
    pub snomed: &'static [&'static str],
    pub rxnorm: &'static [&'static str],
    pub veto: bool,
    /// Cross-reactive ingredients outside the group.
    pub cross: &'static [&'static str],
    pub cross_name: Text,
    pub source: Source,
}

/// Medicines of which one suffices.
#[derive(Debug)]
pub struct Class {
    pub atc: &'static str,
    pub name: Text,
}

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// The ingredients of a code in a sorted table; none if it is unknown.
pub fn ingredients(table: &'static [(&str, &[&str])], code: &str) -> impl Iterator<Item = &'static Ingredient> {
    let parts = table.binary_search_by(|(known, _)| (*known).cmp(code)).ok().and_then(|index| table.get(index));
    parts.into_iter().flat_map(|(_, parts)| *parts).filter_map(|atc| {
        INGREDIENTS.binary_search_by(|known| known.atc.cmp(atc)).ok().and_then(|index| INGREDIENTS.get(index))
    })
}

/// The source of the duty to check prescriptions.
pub fn review_rule() -> Citation {
    Citation::new("《医疗机构处方审核规范》(国卫办医发〔2018〕14号)", 2018).section("第十五条")
}
