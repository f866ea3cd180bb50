//! `[edition.scheme]`: the figures of one scheme.

use scheme::{
    edition::{Figures, unique},
    number::{Amount, Exact, Percent},
    pricing::Title,
};
use serde::Deserialize;
use xinglin_sdk::types::{Coding, Codings as _, Decimal, system};

/// The figures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    pub enrolment: EnrolmentRule,
    pub class: Vec<Class>,
    pub budget: BudgetRule,
    #[serde(default)]
    pub network: Vec<Network>,
    pub quality: Cited,
    pub indicator: Vec<IndicatorRule>,
    pub closing: Cited,
    pub surplus: Vec<Surplus>,
    pub overrun: Vec<Overrun>,
    pub share: Shares,
}

/// Key of the source of a part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cited {
    pub source: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentRule {
    pub source: String,
    /// Months with one lead before another can be chosen.
    pub stay: u32,
}

/// A risk class of members.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Class {
    pub code: String,
    pub title: Title,
    icd10: Vec<String>,
    pub age_from: Option<u16>,
    pub weight: Exact,
}

impl Class {
    /// Whether one of the diagnoses is in it.
    pub fn has(&self, diagnoses: &[Coding]) -> bool {
        self.icd10.iter().any(|prefix| diagnoses.has_under(system::ICD10, prefix))
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetRule {
    pub source: String,
    /// Of a member of weight 1 for twelve months.
    pub base: Amount,
    pub prepaid: Percent,
}

/// A lead and its partners.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub lead: String,
    pub partners: Vec<String>,
}

/// Points by rate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IndicatorRule {
    pub code: String,
    title: Title,
    /// At most two digits after the point, as on a scoring sheet.
    pub points: Percent,
    pub none_at: Percent,
    pub full_at: Percent,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Surplus {
    pub from_score: Exact,
    pub kept: Percent,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Overrun {
    /// Percent of the budget.
    pub up_to: Percent,
    pub fund: Percent,
    pub from_score: Option<Exact>,
}

/// In percent.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    lead: Percent,
    partners: Percent,
    team: Percent,
}

impl Shares {
    /// The shares of the contract, with their weights.
    pub fn weights(self) -> [(&'static str, u64); 3] {
        [("lead", self.lead), ("partners", self.partners), ("team", self.team)]
            .map(|(code, percent)| (code, u64::from(percent.hundredths())))
    }
}

impl Figures for Scheme {
    fn cited(&self) -> Vec<&str> {
        vec![&self.enrolment.source, &self.budget.source, &self.quality.source, &self.closing.source]
    }

    fn check(&self) -> Result<(), String> {
        unique(self.class.iter().map(|class| class.code.as_str()))?;
        unique(self.indicator.iter().map(|indicator| indicator.code.as_str()))?;
        unique(self.network.iter().map(|network| network.lead.as_str()))?;
        if self.class.is_empty() || self.class.iter().any(|class| class.icd10.is_empty()) {
            return Err("a risk class needs diagnoses".to_owned());
        }
        self.class.iter().map(|class| &class.title).try_for_each(Title::check)?;
        self.indicator.iter().map(|indicator| &indicator.title).try_for_each(Title::check)?;
        if let Some(indicator) = self.indicator.iter().find(|indicator| indicator.none_at == indicator.full_at) {
            return Err(format!("`{}`: `none-at` and `full-at` are the same", indicator.code));
        }
        let all = |sum: u64| sum == u64::from(Percent::ALL.hundredths());
        if !all(self.indicator.iter().map(|indicator| u64::from(indicator.points.hundredths())).sum()) {
            return Err("the points of the indicators do not sum to 100".to_owned());
        }
        if !all(self.share.weights().iter().map(|(_, weight)| weight).sum()) {
            return Err("the shares do not sum to 100".to_owned());
        }
        if !self.surplus.is_sorted_by(|above, below| above.from_score > below.from_score && above.kept >= below.kept) {
            return Err("the bands of a surplus descend in score and in what is kept".to_owned());
        }
        if !self.overrun.is_sorted_by(|before, after| before.up_to < after.up_to) {
            return Err("the bands of an overrun ascend".to_owned());
        }
        let scores = self.surplus.iter().map(|band| band.from_score);
        let scores = scores.chain(self.overrun.iter().filter_map(|band| band.from_score));
        if scores.into_iter().any(|score| score.value() > Decimal::whole(100)) {
            return Err("a score is above 100".to_owned());
        }
        Ok(())
    }
}
