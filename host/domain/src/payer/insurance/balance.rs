//! Running figures of a member: deductibles, limits, visits of a package.

use serde::{Deserialize, Serialize};

use super::fault::{Fault, Wrong, amount};
use crate::{money::Money, time::Instant};

/// From `start` up to, and without, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// First moment.
    pub start: Instant,
    /// First moment after it.
    pub end: Instant,
}

impl Period {
    /// Whether it holds a moment.
    pub fn contains(&self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }
}

/// An amount of money or a number of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// Never negative.
    Money(Money),
    /// Visits, sessions, reports.
    Count(u32),
}

impl Allowance {
    /// The sum of two of the same case.
    ///
    /// # Errors
    /// If they are of different cases, or on overflow.
    pub fn plus(self, other: Self) -> Result<Self, Wrong> {
        match (self, other) {
            (Self::Money(one), Self::Money(other)) => Ok(Self::Money(one.plus(other)?)),
            (Self::Count(one), Self::Count(other)) => one.checked_add(other).map(Self::Count).ok_or(Wrong::Balance),
            _ => Err(Wrong::Kind),
        }
    }

    /// The difference of two of the same case.
    ///
    /// # Errors
    /// If they are of different cases, or if it is negative.
    pub fn minus(self, other: Self) -> Result<Self, Wrong> {
        match (self, other) {
            (Self::Money(one), Self::Money(other)) => {
                one.minus(other)?.non_negative().map(Self::Money).map_err(|_| Wrong::Balance)
            }
            (Self::Count(one), Self::Count(other)) => one.checked_sub(other).map(Self::Count).ok_or(Wrong::Balance),
            _ => Err(Wrong::Kind),
        }
    }

    fn is_within(self, limit: Self) -> Result<bool, Wrong> {
        match (self, limit) {
            (Self::Money(one), Self::Money(limit)) => Ok(one <= limit),
            (Self::Count(one), Self::Count(limit)) => Ok(one <= limit),
            _ => Err(Wrong::Kind),
        }
    }

    fn check(self, field: String) -> Result<(), Fault> {
        match self {
            Self::Money(money) => amount(field, money).map(|_| ()),
            Self::Count(_) => Ok(()),
        }
    }
}

/// A running figure of one member in one benefit period. Code and period together name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// The scheme's own, lower case: `deductible`.
    pub code: String,
    /// The benefit period.
    pub period: Period,
    /// Used so far.
    pub used: Allowance,
    /// Absent if nothing bounds it.
    pub limit: Option<Allowance>,
}

/// What a decision uses up of a balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// Code of the balance.
    pub code: String,
    /// Period of the balance.
    pub period: Period,
    /// How much.
    pub amount: Allowance,
}

impl Balance {
    /// Whether code and period name it.
    pub fn names(&self, code: &str, period: Period) -> bool {
        self.code == code && self.period == period
    }

    /// Whether a draw is on it.
    pub fn is_of(&self, draw: &Draw) -> bool {
        self.names(&draw.code, draw.period)
    }

    /// What it is after a draw.
    ///
    /// # Errors
    /// If the draw is of another case, or goes beyond the limit.
    pub fn drawn(&self, draw: &Draw) -> Result<Self, Wrong> {
        let used = self.used.plus(draw.amount)?;
        let within = self.limit.is_none_or(|limit| used.is_within(limit).unwrap_or(false));
        if within { Ok(Self { used, ..self.clone() }) } else { Err(Wrong::Balance) }
    }

    /// What it is after a draw is given back, in whatever order that happens.
    ///
    /// # Errors
    /// If the draw is of another case, or more than was used.
    pub fn given_back(&self, draw: &Draw) -> Result<Self, Wrong> {
        Ok(Self { used: self.used.minus(draw.amount)?, ..self.clone() })
    }
}

/// Checks balances of a plugin: named, each once, `used` and `limit` of one case, not negative.
pub(crate) fn check_balances(balances: &[Balance]) -> Result<(), Fault> {
    for (at, balance) in balances.iter().enumerate() {
        let field = |part: &str| format!("balances[{}].{part}", balance.code);
        if balance.code.is_empty() {
            return Err(Wrong::Empty.at(format!("balances[{at}].code")));
        }
        if balances[..at].iter().any(|other| other.code == balance.code && other.period == balance.period) {
            return Err(Wrong::Twice.at(format!("balances[{}]", balance.code)));
        }
        if balance.period.start >= balance.period.end {
            return Err(Wrong::Period.at(field("period")));
        }
        balance.used.check(field("used"))?;
        if let Some(limit) = balance.limit {
            limit.check(field("limit"))?;
            limit.is_within(balance.used).map_err(|wrong| wrong.at(field("limit")))?;
        }
    }
    Ok(())
}

/// Checks draws of a plugin on balances that it was told of, for a service at `at`: each balance
/// at most once, in the period that holds the service, within its limit.
pub(crate) fn check_draws(draws: &[Draw], balances: &[Balance], at: Instant) -> Result<(), Fault> {
    for (index, draw) in draws.iter().enumerate() {
        let field = format!("draws[{}]", draw.code);
        if draws[..index].iter().any(|other| other.code == draw.code && other.period == draw.period) {
            return Err(Wrong::Twice.at(field));
        }
        let balance = balances.iter().find(|balance| balance.is_of(draw));
        let Some(balance) = balance else { return Err(Wrong::Strange.at(field)) };
        if !draw.period.contains(at) {
            return Err(Wrong::Period.at(field));
        }
        draw.amount.check(field.clone())?;
        balance.drawn(draw).map_err(|wrong| wrong.at(field))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::insurance::fixture::{YEAR, deductible};

    fn money(fen: i64) -> Allowance {
        Allowance::Money(Money::fen(fen))
    }

    fn draw(code: &str, period: Period, amount: Allowance) -> Draw {
        Draw { code: code.into(), period, amount }
    }

    #[test]
    fn draws_stay_within_known_balances() {
        let visits = Balance {
            code: "visits".into(),
            period: YEAR,
            used: Allowance::Count(11),
            limit: Some(Allowance::Count(12)),
        };
        let unbound = Balance { limit: None, code: "paid".into(), ..deductible(0) };
        let balances = [deductible(47_000), visits, unbound];
        let last_year = Period { start: YEAR.start.plus_days(-365), end: YEAR.start };
        let stale = [Balance { period: last_year, ..deductible(0) }];
        let at = YEAR.start.plus_days(100);
        let cases = [
            (vec![draw("deductible", YEAR, money(3_000))], None),
            (vec![draw("deductible", YEAR, money(0))], None),
            (vec![draw("visits", YEAR, Allowance::Count(1)), draw("deductible", YEAR, money(1))], None),
            (vec![draw("paid", YEAR, money(1_000_000))], None),
            (vec![draw("deductible", YEAR, money(3_001))], Some(Wrong::Balance)),
            (vec![draw("visits", YEAR, Allowance::Count(2))], Some(Wrong::Balance)),
            (vec![draw("visits", YEAR, money(1))], Some(Wrong::Kind)),
            (vec![draw("deductible", YEAR, Allowance::Count(1))], Some(Wrong::Kind)),
            (vec![draw("limit", YEAR, money(1))], Some(Wrong::Strange)),
            (vec![draw("deductible", last_year, money(1))], Some(Wrong::Strange)),
            (vec![draw("deductible", YEAR, money(-1))], Some(Wrong::Money(crate::money::MoneyError::Negative))),
            (vec![draw("deductible", YEAR, money(1)), draw("deductible", YEAR, money(1))], Some(Wrong::Twice)),
            (
                vec![draw("paid", YEAR, money(i64::MAX)), draw("deductible", YEAR, money(i64::MAX))],
                Some(Wrong::Money(crate::money::MoneyError::Overflow)),
            ),
        ];
        for (draws, wrong) in cases {
            let found = check_draws(&draws, &balances, at).err().map(|fault| fault.wrong);
            assert_eq!(found, wrong, "{draws:?}");
        }
        let of_last_year = check_draws(&[draw("deductible", last_year, money(1))], &stale, at);
        assert_eq!(of_last_year.expect_err("another year").wrong, Wrong::Period);
    }

    #[test]
    fn balances_of_an_insurer_are_of_one_case_and_come_once() {
        let empty = Balance { code: String::new(), ..deductible(0) };
        let backwards = Balance { period: Period { start: YEAR.end, end: YEAR.start }, ..deductible(0) };
        let mixed = Balance { limit: Some(Allowance::Count(1)), ..deductible(0) };
        for (balances, wrong) in [
            (vec![deductible(47_000)], None),
            // The insurer may know of more use than the limit.
            (vec![deductible(60_000)], None),
            (vec![deductible(0), deductible(1)], Some(Wrong::Twice)),
            (vec![empty], Some(Wrong::Empty)),
            (vec![backwards], Some(Wrong::Period)),
            (vec![mixed], Some(Wrong::Kind)),
            (vec![deductible(-1)], Some(Wrong::Money(crate::money::MoneyError::Negative))),
        ] {
            assert_eq!(check_balances(&balances).err().map(|fault| fault.wrong), wrong, "{balances:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_given_back_in_any_order_leaves_what_was(used in 0_i64..50_000, one in 0_i64..50_000, two in 0_i64..50_000) {
            let before = Balance { limit: None, ..deductible(used) };
            let [one, two] = [one, two].map(|fen| draw("deductible", YEAR, money(fen)));
            let drawn = before.drawn(&one).and_then(|balance| balance.drawn(&two)).expect("no limit");
            for [first, second] in [[&one, &two], [&two, &one]] {
                let after = drawn.given_back(first).and_then(|balance| balance.given_back(second));
                prop_assert_eq!(after.as_ref(), Ok(&before));
            }
        }
    }
}
