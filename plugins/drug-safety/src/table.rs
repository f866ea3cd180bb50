//! The tables, generated from `data/*.toml`.

use xinglin_sdk::{
    prescribing::Severity,
    types::{Citation, Decimal, LocalizedText, zh_en},
};

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

/// How strong the words of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Must not be: a veto.
    Contraindicated,
    /// Should not be, or needs a measure: a warning.
    Major,
    /// Needs attention: a remark.
    Moderate,
    /// A warning if the allergy was judged dangerous, otherwise a remark.
    ByCriticality,
}

impl Level {
    /// Of the finding.
    pub fn severity(self) -> Severity {
        match self {
            Self::Contraindicated => Severity::Critical,
            Self::Major | Self::ByCriticality => Severity::Warning,
            Self::Moderate => Severity::Info,
        }
    }
}

/// Patients to whom a row is restricted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    Diabetes,
    /// Without HIV, to stay so.
    PreExposureProphylaxis,
    /// Chronic kidney disease on record, or a filtration rate below 60.
    RenalImpairment,
}

/// An active ingredient.
#[derive(Debug)]
pub struct Ingredient {
    /// ATC code of the fifth level: its key.
    pub atc: &'static str,
    pub name: Text,
    /// All its names, in lower case.
    pub names: &'static [&'static str],
    /// Interactions it is on the first side of, as ascending positions in [`INTERACTIONS`].
    pub a: &'static [u16],
    /// On the second side.
    pub b: &'static [u16],
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
    pub level: Level,
    pub only: Option<Only>,
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
    pub only: Option<Only>,
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

/// Medicines before which renal function must be known, whoever the patient is.
#[derive(Debug)]
pub struct Baseline {
    pub members: &'static [&'static str],
    pub source: Source,
}

/// Medicines that share an allergy.
#[derive(Debug)]
pub struct Group {
    pub code: &'static str,
    pub name: Text,
    pub members: &'static [&'static str],
    /// All names of the group, in lower case.
    pub names: &'static [&'static str],
    pub snomed: &'static [&'static str],
    pub rxnorm: &'static [&'static str],
    pub level: Level,
    pub cross: &'static [Cross],
    pub source: Source,
}

/// Ingredients outside a group that may cross-react with it.
#[derive(Debug)]
pub struct Cross {
    pub members: &'static [&'static str],
    pub level: Level,
    pub text: Text,
    pub source: Source,
}

/// Medicines of which one suffices.
#[derive(Debug)]
pub struct Class {
    pub members: &'static [&'static str],
    pub name: Text,
    pub source: Option<Source>,
}

/// Maxima of a medicine at an age, all in one unit.
#[derive(Debug)]
pub struct Dose {
    /// Completed months of age, inclusive.
    pub from: u32,
    /// Exclusive.
    pub below: u32,
    pub unit: Unit,
    pub once: Option<Decimal>,
    pub day: Option<Decimal>,
    pub week: Option<Decimal>,
    pub once_per_kg: Option<Decimal>,
    pub day_per_kg: Option<Decimal>,
    /// Doses that are given at most once a week; `day` does not concern them.
    pub weekly: Weekly,
    pub level: Level,
    pub source: Source,
}

/// Which doses are given at most once a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weekly {
    Never,
    Always,
    /// Smaller ones: injected weekly and swallowed daily.
    Below(Decimal),
    /// Greater ones: a depot, beside one for every day.
    Above(Decimal),
}

impl Weekly {
    /// Whether a dose of this amount is.
    pub fn is(self, once: Decimal) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Below(amount) => once < amount,
            Self::Above(amount) => once > amount,
        }
    }
}

/// What doses are compared in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Milligram,
    International,
    Millilitre,
    /// A tablet, or another piece of a fixed combination.
    Piece,
}

/// A medicine that an age forbids.
#[derive(Debug)]
pub struct Age {
    pub members: &'static [&'static str],
    /// Completed months, inclusive.
    pub from: u32,
    /// Exclusive.
    pub below: u32,
    pub level: Level,
    pub text: Text,
    pub source: Source,
}

/// A medicine that harms the unborn or the breast-fed.
#[derive(Debug)]
pub struct Pregnancy {
    pub members: &'static [&'static str],
    pub level: Level,
    /// Whether an unknown status is asked for.
    pub ask: bool,
    pub text: Text,
    pub source: Source,
}

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// A code and its ingredients.
pub type Entry = (&'static str, &'static [&'static str]);

/// The entry of a code in a sorted table.
pub fn find<T>(table: &'static [(&'static str, T)], code: &str) -> Option<&'static T> {
    let index = table.binary_search_by(|(known, _)| (*known).cmp(code)).ok()?;
    table.get(index).map(|(_, entry)| entry)
}

/// The ingredients of a code in a sorted table; none if it is unknown.
pub fn ingredients(table: &'static [Entry], code: &str) -> impl Iterator<Item = &'static Ingredient> {
    find(table, code).into_iter().flat_map(|parts| *parts).filter_map(|atc| {
        INGREDIENTS.binary_search_by(|known| known.atc.cmp(atc)).ok().and_then(|index| INGREDIENTS.get(index))
    })
}

/// The source of the duty to check prescriptions.
pub fn review_rule() -> Citation {
    Citation::new("《医疗机构处方审核规范》(国卫办医发〔2018〕14号)", 2018).section("第十五条")
}
