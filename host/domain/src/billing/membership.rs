//! A patient's insurance with one payer, as the hospital has it on file, and its running figures by
//! benefit year.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    coding::{Attribute, Coding},
    insurance::{Allowance, Balance, Draw, Period, Policy, Wrong},
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
    /// The policy with an insurer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// Additional attributes, for later versions.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
}

/// A policy with a commercial insurer, as the hospital has it on file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Insured since.
    pub valid_from: Option<Instant>,
    /// Of the policy or group contract, never of the person; empty if there is none.
    pub number: String,
    /// Plan or product.
    pub plan: Coding,
    /// Network tier that this hospital is in; absent if outside every network.
    pub network: Option<String>,
    /// Running figures, of every benefit period that is known.
    pub balances: Vec<Balance>,
}

impl Terms {
    /// The balances of the periods that hold a day, one for each code. One that has none for it yet starts
    /// from zero, in the period of as many years that follows its last one.
    fn balances(&self, at: Instant) -> Vec<Balance> {
        let mut of_day: BTreeMap<&String, Balance> = BTreeMap::new();
        let held = |balance: &&Balance| balance.period.contains(at);
        // What is known of the day goes before what is renewed.
        let known = self.balances.iter().filter(|balance| !held(balance)).chain(self.balances.iter().filter(held));
        for balance in known {
            of_day.extend(renewed(balance, at).map(|renewed| (&balance.code, renewed)));
        }
        of_day.into_values().collect()
    }

    /// Applies what a decision draws, or gives it back: all of it, or nothing. What an insurer has paid is
    /// counted also beyond a limit, so that it can be given back.
    fn apply(&mut self, draws: &[Draw], back: bool) -> Result<(), Wrong> {
        let mut balances = self.balances.clone();
        for draw in draws {
            if !balances.iter().any(|balance| balance.is_of(draw)) {
                let renewed = self.balances(draw.period.start).into_iter().find(|balance| balance.is_of(draw));
                balances.push(renewed.ok_or(Wrong::Strange)?);
            }
            for balance in balances.iter_mut().filter(|balance| balance.is_of(draw)) {
                balance.used = if back { balance.used.minus(draw.amount)? } else { balance.used.plus(draw.amount)? };
            }
        }
        self.balances = balances;
        Ok(())
    }
}

const fn zero(of: Allowance) -> Allowance {
    match of {
        Allowance::Money(_) => Allowance::Money(Money::ZERO),
        Allowance::Count(_) => Allowance::Count(0),
    }
}

/// The balance in the period that holds a moment: itself, or from zero some periods later; `None` if its
/// first period begins after it.
fn renewed(balance: &Balance, at: Instant) -> Option<Balance> {
    /// Periods that are looked ahead; a shorter one than a year is not renewed by itself.
    const MOST: i16 = 100;
    let Period { start, end } = balance.period;
    if balance.period.contains(at) {
        return Some(balance.clone());
    }
    let years = (1..=MOST).find(|years| start.plus_years(*years) == end)?;
    let period = (1..=MOST)
        .map(|count| count.saturating_mul(years))
        .map(|passed| Period { start: start.plus_years(passed), end: end.plus_years(passed) })
        .find(|period| period.contains(at))?;
    Some(Balance { period, used: zero(balance.used), ..balance.clone() })
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
        let mut membership = Self { member, category, valid_until, lasting, years, terms: None, attributes };
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

    /// As an insurer receives it for a service given then; `None` if it has no policy on file.
    pub fn policy(&self, served_at: Instant) -> Option<Policy> {
        let terms = self.terms.as_ref()?;
        Some(Policy {
            member: self.member.clone(),
            valid_from: terms.valid_from,
            valid_until: self.valid_until,
            number: terms.number.clone(),
            plan: terms.plan.clone(),
            network: terms.network.clone(),
            balances: terms.balances(served_at),
            attributes: self.attributes.clone(),
        })
    }

    /// Takes over balances as the insurer has them now, in place of those on file.
    pub fn take_over(&mut self, balances: &[Balance]) {
        let Some(terms) = &mut self.terms else { return };
        for balance in balances {
            let same = |known: &&mut Balance| known.code == balance.code && known.period == balance.period;
            match terms.balances.iter_mut().find(same) {
                Some(known) => *known = balance.clone(),
                None => terms.balances.push(balance.clone()),
            }
        }
    }

    /// Applies what an insurer's decision uses up.
    ///
    /// # Errors
    /// If a balance does not exist; then nothing is applied.
    pub fn draw(&mut self, draws: &[Draw]) -> Result<(), Wrong> {
        self.terms.as_mut().map_or(Ok(()), |terms| terms.apply(draws, false))
    }

    /// Gives it back, whatever happened since.
    ///
    /// # Errors
    /// If it is more than was used; then nothing is given back.
    pub fn give_back(&mut self, draws: &[Draw]) -> Result<(), Wrong> {
        self.terms.as_mut().map_or(Ok(()), |terms| terms.apply(draws, true))
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

    #[test]
    fn a_policys_balances_are_drawn_in_their_period_and_given_back_to_it() {
        let year = |text: &str| Period { start: at(text), end: at(text).plus_years(1) };
        let (first, second) = (year("2026-03-01"), year("2027-03-01"));
        let money = |amount| Allowance::Money(fen(amount));
        let balance = |code: &str, used, limit: Option<i64>| Balance {
            code: code.into(),
            period: first,
            used,
            limit: limit.map(|limit| Allowance::Money(fen(limit))),
        };
        let category = Coding::new("urn:plan", "gold");
        let mut membership = Membership::new("m".into(), category.clone(), None, &[], at("2026-11-30"));
        assert_eq!(membership.policy(at("2026-11-30")), None);
        membership.terms = Some(Terms {
            valid_from: None,
            number: String::new(),
            plan: category,
            network: None,
            balances: vec![
                balance("deductible", money(47_000), Some(50_000)),
                balance("visits", Allowance::Count(2), None),
            ],
        });
        let used = |membership: &Membership, day: &str| -> Vec<Allowance> {
            membership.policy(at(day)).expect("a policy").balances.into_iter().map(|balance| balance.used).collect()
        };
        let draw = |period, amount| Draw { code: "deductible".into(), period, amount: money(amount) };
        let strange = Draw { code: "dental".into(), ..draw(first, 1) };
        assert_eq!(membership.draw(&[draw(first, 1), strange]), Err(Wrong::Strange));
        assert_eq!(membership.give_back(&[draw(first, 47_001)]), Err(Wrong::Balance));
        membership.draw(&[draw(first, 9000)]).expect("counted beyond the limit");
        membership.give_back(&[draw(first, 9000)]).expect("drawn");
        membership.draw(&[draw(first, 3000)]).expect("within");
        membership.draw(&[draw(second, 100)]).expect("a new year");
        assert_eq!(used(&membership, "2027-02-28"), [money(50_000), Allowance::Count(2)]);
        assert_eq!(used(&membership, "2027-03-01"), [money(100), Allowance::Count(0)]);
        assert_eq!(used(&membership, "2029-03-01"), [money(0), Allowance::Count(0)]);
        assert_eq!(used(&membership, "2026-02-28"), []);
        // Last year's claim is cancelled.
        membership.give_back(&[draw(first, 3000)]).expect("drawn");
        assert_eq!(used(&membership, "2026-11-30")[0], money(47_000));
        assert_eq!(used(&membership, "2027-03-01")[0], money(100));
    }
}
