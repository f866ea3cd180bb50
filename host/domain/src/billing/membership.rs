//! A patient's insurance with one payer, as the hospital has it on file, and its running figures by
//! benefit year.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::told::{Contract, Told};
use crate::{
    coding::{Attribute, Coding},
    insurance::{Allowance, Balance, Draw, Period, Policy, Wrong},
    money::{Money, MoneyError},
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

/// Whether a figure is of a benefit year; by convention, a code that ends in `-used` is.
pub fn is_yearly(code: &str) -> bool {
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

    /// Keeps what was known of other benefit years than the one that holds `at`, and of periods that ended
    /// before: bills of them may still be reversed.
    #[must_use]
    pub fn keeping(mut self, before: &Self, at: Instant) -> Self {
        let year = at.china_year();
        self.years.extend(before.years.iter().filter(|(of, _)| **of != year).map(|(of, known)| (*of, known.clone())));
        if let (Some(terms), Some(before)) = (&mut self.terms, &before.terms) {
            let named = |balance: &Balance| terms.balances.iter().any(|new| new.names(&balance.code, balance.period));
            let ended = before.balances.iter().filter(|old| old.period.end <= at && !named(old));
            let ended: Vec<Balance> = ended.cloned().collect();
            terms.balances.extend(ended);
        }
        self
    }

    /// The figures of earlier benefit years than the one that holds `at`, latest first.
    pub fn earlier(&self, at: Instant) -> Vec<(i16, Accumulator)> {
        let years = self.years.range(..at.china_year()).rev();
        let figure =
            |year: i16, (code, amount): (&String, &Money)| (year, Accumulator { code: code.clone(), amount: *amount });
        years.flat_map(|(year, known)| known.iter().map(|known| figure(*year, known))).collect()
    }

    /// What a payer is told by this contract for a service given then; `None` if no policy is on file for
    /// an insurer.
    pub fn told(&self, contract: Contract, served_at: Instant) -> Option<Told> {
        match contract {
            Contract::Payer => Some(Told::Coverage(self.coverage(served_at))),
            Contract::Claims => self.policy(served_at).map(Told::Policy),
        }
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

/// What is counted is not what a settlement left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

impl From<MoneyError> for Unknown {
    fn from(_: MoneyError) -> Self {
        Self
    }
}

impl Membership {
    /// Takes over the figures that a settlement was to `leave`, of which the payer said no more than that
    /// it took place.
    ///
    /// # Errors
    /// If they are not those that it was to begin with: then nothing is changed.
    pub fn leave(&mut self, told: &Told, leave: &[Accumulator], served_at: Instant) -> Result<(), Unknown> {
        if leave.is_empty() {
            return Ok(());
        }
        if self.told(Contract::Payer, served_at).as_ref().map(Told::accumulators) != Some(told.accumulators()) {
            return Err(Unknown);
        }
        self.run_on(leave, served_at);
        Ok(())
    }

    /// Gives back what a settlement moved that had been `told` these figures and `left` those, where the
    /// payer said no more than that it was reversed.
    ///
    /// # Errors
    /// If a figure of the benefit year is not what it left, or would be below zero: then nothing is changed.
    pub fn take_back(&mut self, told: &Told, left: &[Accumulator], served_at: Instant) -> Result<(), Unknown> {
        let year = self.years.get(&served_at.china_year());
        let mut back = Vec::with_capacity(left.len());
        for Accumulator { code, amount: left } in left {
            let before = told.accumulators().iter().find(|known| known.code == *code);
            let before = before.map_or(Money::ZERO, |known| known.amount);
            let known = if is_yearly(code) { year.and_then(|year| year.get(code)) } else { self.lasting.get(code) };
            let known = *known.ok_or(Unknown)?;
            if is_yearly(code) && known != *left {
                return Err(Unknown);
            }
            // What carries over may have moved on since, in either direction.
            let amount = known.plus(before)?.minus(*left)?.non_negative()?;
            back.push(Accumulator { code: code.clone(), amount });
        }
        self.run_on(&back, served_at);
        Ok(())
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
    fn what_a_person_states_moves_what_is_known() {
        let at_once = at("2026-12-31T12:00:00+08:00");
        let category = Coding::new("urn:nhsa:insutype", "310");
        let found = |list: &[(&str, i64)]| Membership::new("m".into(), category.clone(), None, &figures(list), at_once);
        let before = [("account-balance", 6000), ("deductible-used", 45_000)];
        let after = [("account-balance", 0), ("deductible-used", 50_000)];
        let told = found(&before).told(Contract::Payer, at_once).expect("a coverage");
        let left = figures(&after);

        let mut membership = found(&before);
        membership.leave(&told, &left, at_once).expect("as it was told");
        assert_eq!(membership, found(&after));
        let mut other = found(&[("account-balance", 6000), ("deductible-used", 45_001)]);
        assert_eq!((other.leave(&told, &left, at_once), other.leave(&told, &[], at_once)), (Err(Unknown), Ok(())));

        // The account has moved on in the new year; the deductible of the old one has not.
        membership.run_on(&figures(&[("account-balance", 700), ("deductible-used", 1)]), at("2027-01-02"));
        membership.take_back(&told, &left, at_once).expect("known");
        assert_eq!(membership.coverage(at_once).accumulators, figures(&[("account-balance", 6700), before[1]]));
        let january = figures(&[("account-balance", 6700), ("deductible-used", 1)]);
        assert_eq!(membership.coverage(at("2027-01-02")).accumulators, january);

        let rows: [&[(&str, i64)]; 3] = [
            &[("account-balance", 0), ("deductible-used", 50_001)],
            &[("account-balance", 0)],
            &[("deductible-used", 50_000)],
        ];
        for figures in rows {
            let mut membership = found(figures);
            assert_eq!(membership.take_back(&told, &left, at_once), Err(Unknown), "{figures:?}");
            assert_eq!(membership, found(figures), "all of it, or nothing");
        }
        // What it drew from an account that has been emptied since.
        let paid_in = figures(&[("account-balance", 9000)]);
        assert_eq!(found(&[("account-balance", 0)]).take_back(&told, &paid_in, at_once), Err(Unknown));
    }

    #[test]
    fn a_correction_keeps_the_figures_of_other_years() {
        let category = Coding::new("urn:nhsa:insutype", "310");
        let put = |list: &[(&str, i64)], day: &str| {
            Membership::new("m".into(), category.clone(), None, &figures(list), at(day))
        };
        let first = put(&[("account-balance", 6000), ("deductible-used", 45_000)], "2026-12-31");
        let second =
            put(&[("account-balance", 1), ("deductible-used", 2)], "2027-01-02").keeping(&first, at("2027-01-02"));
        assert_eq!(
            second.coverage(at("2027-06-01")).accumulators,
            figures(&[("account-balance", 1), ("deductible-used", 2)])
        );
        assert_eq!(second.earlier(at("2027-06-01")), [(2026, figures(&[("deductible-used", 45_000)]).remove(0))]);
        let third = put(&[], "2027-01-03").keeping(&second, at("2027-01-03"));
        assert_eq!(third.coverage(at("2027-01-03")).accumulators, figures(&[("deductible-used", 0)]));
        assert_eq!((third.earlier(at("2027-01-03")).len(), first.earlier(at("2026-12-31")).len()), (1, 0));
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
