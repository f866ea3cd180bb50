//! A patient's insurance with one payer, as the hospital has it on file, and its running figures by
//! benefit year.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    coding::{Attribute, Coding},
    money::Money,
    payer::{Accumulator, Coverage},
    time::Instant,
};

/// A membership. What is used up within a benefit year, by convention a code that ends in `-used`,
/// starts from zero in the next one; other figures, such as the balance of an account, carry over.
///
/// The benefit year is the calendar year in Asia/Shanghai.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// Pseudonym of the member.
    pub member: String,
    /// Kind of insured person.
    pub category: Coding,
    /// End of the coverage.
    pub valid_until: Option<Instant>,
    /// Figures that carry over.
    lasting: BTreeMap<String, Money>,
    /// Figures of each benefit year.
    years: BTreeMap<i16, BTreeMap<String, Money>>,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// Whether a figure is of a benefit year.
fn is_yearly(code: &str) -> bool {
    code.ends_with("-used")
}

impl Membership {
    /// With the figures of the benefit year that holds `at`.
    pub fn new(
        member: String,
        category: Coding,
        valid_until: Option<Instant>,
        figures: &[Accumulator],
        at: Instant,
    ) -> Self {
        let (lasting, years, attributes) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut membership = Self { member, category, valid_until, lasting, years, attributes };
        membership.run_on(figures, at);
        membership
    }

    /// As a payer receives it for a service given then.
    pub fn coverage(&self, served_at: Instant) -> Coverage {
        let accumulator = |(code, amount): (&String, &Money)| Accumulator { code: code.clone(), amount: *amount };
        let zero = |code: &String| (code.clone(), Money::ZERO);
        // A figure that was ever counted is counted in every year.
        let mut of_year: BTreeMap<String, Money> = self.years.values().flat_map(|year| year.keys().map(zero)).collect();
        let known = self.years.get(&served_at.china_year()).into_iter().flatten();
        of_year.extend(known.map(|(code, amount)| (code.clone(), *amount)));
        Coverage {
            member: self.member.clone(),
            category: self.category.clone(),
            valid_until: self.valid_until,
            accumulators: self.lasting.iter().map(accumulator).chain(of_year.iter().map(accumulator)).collect(),
            attributes: self.attributes.clone(),
        }
    }

    /// Takes over the figures that a payer returned for a service given then, whatever year it is now.
    /// Figures that it does not return stay.
    pub fn run_on(&mut self, figures: &[Accumulator], served_at: Instant) {
        for Accumulator { code, amount } in figures {
            let known = match is_yearly(code) {
                true => self.years.entry(served_at.china_year()).or_default(),
                false => &mut self.lasting,
            };
            known.insert(code.clone(), *amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::fen;

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("a time")
    }

    fn figures(list: &[(&str, i64)]) -> Vec<Accumulator> {
        list.iter().map(|(code, amount)| Accumulator { code: (*code).into(), amount: fen(*amount) }).collect()
    }

    #[test]
    fn a_new_year_starts_from_zero_and_the_old_one_can_still_be_corrected() {
        let (december, january) = (at("2026-12-31T23:59:59+08:00"), at("2027-01-01T00:00:00+08:00"));
        let first = figures(&[("account-balance", 6000), ("deductible-used", 45_000)]);
        let category = Coding::new("https://code.nhsa.gov.cn/insutype", "310");
        let mut membership = Membership::new("m".into(), category, None, &first, december);
        let seen = |membership: &Membership, at| membership.coverage(at).accumulators;
        assert_eq!(seen(&membership, december), first);
        assert_eq!(seen(&membership, january), figures(&[("account-balance", 6000), ("deductible-used", 0)]));

        membership.run_on(&figures(&[("account-balance", 0), ("deductible-used", 7000)]), january);
        // Last year's bill is reversed: its year moves, this one does not.
        membership.run_on(&figures(&[("account-balance", 6000), ("deductible-used", 40_000)]), december);
        assert_eq!(seen(&membership, december), figures(&[("account-balance", 6000), ("deductible-used", 40_000)]));
        assert_eq!(seen(&membership, january), figures(&[("account-balance", 6000), ("deductible-used", 7000)]));
        let json = serde_json::to_value(&membership).expect("json");
        assert_eq!(serde_json::from_value::<Membership>(json).expect("membership"), membership);
    }
}
