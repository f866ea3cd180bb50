//! What a payer was told of the patient when it quoted: its quote rests on it, it tells by which contract
//! the payer is asked ever after, and [which bills were priced on which](super::order).
//!
//! A quote holds as long as the payer would be told the same. A number of a version would say less: it also
//! changes with figures of another year, and by corrections that come to the same.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    insurance::{Allowance, Period, Policy},
    money::Money,
    payer::{Accumulator, Adjudication, Coverage},
};

/// How a payer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// As a scheme that decides bills: `xinglin:payment/payer`.
    Payer,
    /// As an insurer that decides claims line by line: `xinglin:payment/claims`.
    Claims,
}

/// What a payer was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// By [`Contract::Payer`].
    Coverage(Coverage),
    /// By [`Contract::Claims`].
    Policy(Policy),
}

/// What a quote rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The formulary's items and their prices.
    Prices,
    /// Who is insured, how and until when.
    Coverage,
    /// What the payer counts: deductible, limits, the balance of an account.
    Figures,
}

/// Names a figure that a payer counts, beside the payer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Figure<'a> {
    /// An accumulator in one benefit year.
    OfYear(&'a str, i16),
    /// A balance of a policy in one benefit period.
    OfPeriod(&'a str, Period),
}

impl Told {
    /// How the payer is asked.
    pub const fn contract(&self) -> Contract {
        match self {
            Self::Coverage(_) => Contract::Payer,
            Self::Policy(_) => Contract::Claims,
        }
    }

    /// What has changed, if the payer would be told this now.
    pub fn changed(&self, now: &Self) -> Option<Basis> {
        if self == now {
            None
        } else if self.without_figures() == now.without_figures() {
            Some(Basis::Figures)
        } else {
            Some(Basis::Coverage)
        }
    }

    fn without_figures(&self) -> Self {
        match self {
            Self::Coverage(coverage) => Self::Coverage(Coverage { accumulators: Vec::new(), ..coverage.clone() }),
            Self::Policy(policy) => Self::Policy(Policy { balances: Vec::new(), ..policy.clone() }),
        }
    }

    /// The accumulators; none of a policy.
    pub fn accumulators(&self) -> &[Accumulator] {
        match self {
            Self::Coverage(coverage) => &coverage.accumulators,
            Self::Policy(_) => &[],
        }
    }

    /// The figures that were told for a service of a benefit year.
    pub(super) fn figures(&self, year: i16) -> BTreeSet<Figure<'_>> {
        match self {
            Self::Coverage(coverage) => {
                coverage.accumulators.iter().map(|known| Figure::OfYear(&known.code, year)).collect()
            }
            Self::Policy(policy) => {
                policy.balances.iter().map(|known| Figure::OfPeriod(&known.code, known.period)).collect()
            }
        }
    }

    /// The figures that a decision moves.
    pub(super) fn moved<'a>(&self, decided: &'a Adjudication, year: i16) -> BTreeSet<Figure<'a>> {
        match self {
            Self::Coverage(before) => {
                let was = |code: &str| before.accumulators.iter().find(|known| known.code == code);
                let moved = |now: &&Accumulator| was(&now.code).map_or(Money::ZERO, |was| was.amount) != now.amount;
                decided.accumulators.iter().filter(moved).map(|now| Figure::OfYear(&now.code, year)).collect()
            }
            Self::Policy(_) => {
                let draws = decided.insured.iter().flat_map(|insured| &insured.draws);
                let moved = draws.filter(|draw| {
                    !matches!(draw.amount, Allowance::Count(0)) && draw.amount != Allowance::Money(Money::ZERO)
                });
                moved.map(|draw| Figure::OfPeriod(&draw.code, draw.period)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coding::Coding,
        fixture::{self, NOW, fen},
        insurance::{Balance, Draw, claims},
    };

    fn accumulators(list: &[(&str, i64)]) -> Vec<Accumulator> {
        list.iter().map(|(code, amount)| Accumulator { code: (*code).into(), amount: fen(*amount) }).collect()
    }

    fn coverage(list: &[(&str, i64)]) -> Coverage {
        Coverage {
            member: "m".into(),
            category: Coding::new("urn:nhsa:insutype", "310"),
            valid_until: None,
            accumulators: accumulators(list),
            attributes: Vec::new(),
        }
    }

    #[test]
    fn a_quote_holds_while_the_payer_would_be_told_the_same() {
        let told = Told::Coverage(coverage(&[("account-balance", 6000)]));
        let policy = |used| Policy { balances: vec![balance(used)], ..policy() };
        let rows = [
            (told.clone(), None),
            (Told::Coverage(coverage(&[("account-balance", 5999)])), Some(Basis::Figures)),
            (Told::Coverage(coverage(&[])), Some(Basis::Figures)),
            (
                Told::Coverage(Coverage { valid_until: Some(NOW), ..coverage(&[("account-balance", 6000)]) }),
                Some(Basis::Coverage),
            ),
            (Told::Coverage(Coverage { valid_until: Some(NOW), ..coverage(&[]) }), Some(Basis::Coverage)),
            (Told::Policy(policy(0)), Some(Basis::Coverage)),
        ];
        for (now, changed) in rows {
            assert_eq!(told.changed(&now), changed, "{now:?}");
            let json = serde_json::to_value(&now).expect("json");
            assert_eq!(serde_json::from_value::<Told>(json).expect("told"), now);
        }
        assert_eq!(Told::Policy(policy(1)).changed(&Told::Policy(policy(2))), Some(Basis::Figures));
        assert_eq!((told.contract(), Told::Policy(policy(0)).contract()), (Contract::Payer, Contract::Claims));
    }

    fn policy() -> Policy {
        Policy {
            member: "m".into(),
            valid_from: None,
            valid_until: None,
            number: String::new(),
            plan: Coding::new("urn:plan", "gold"),
            network: None,
            balances: Vec::new(),
            attributes: Vec::new(),
        }
    }

    const PERIOD: Period = Period { start: NOW, end: NOW.plus_days(365) };

    fn balance(used: u32) -> Balance {
        Balance { code: "visits".into(), period: PERIOD, used: Allowance::Count(used), limit: None }
    }

    #[test]
    fn what_moves_is_what_is_not_as_it_was_told() {
        let told = Told::Coverage(coverage(&[("deductible-used", 45_000), ("fund-used", 0)]));
        let decided =
            |list: &[(&str, i64)]| Adjudication { accumulators: accumulators(list), ..fixture::adjudication() };
        let moved = |list: &[(&str, i64)]| {
            let decided = decided(list);
            told.moved(&decided, 2026).iter().map(|figure| format!("{figure:?}")).collect::<Vec<_>>()
        };
        let none: Vec<String> = Vec::new();
        assert_eq!(moved(&[]), none);
        assert_eq!(moved(&[("deductible-used", 45_000), ("fund-used", 0), ("new", 0)]), none);
        assert_eq!(moved(&[("deductible-used", 50_000), ("fund-used", 0)]), [r#"OfYear("deductible-used", 2026)"#]);
        assert_eq!(moved(&[("new", 1)]), [r#"OfYear("new", 2026)"#]);

        let told = Told::Policy(Policy { balances: vec![balance(0)], ..policy() });
        for (amount, count) in [(Allowance::Count(0), 0), (Allowance::Money(fen(0)), 0), (Allowance::Count(1), 1)] {
            let draws = vec![Draw { code: "visits".into(), period: PERIOD, amount }];
            let lines = Vec::new();
            let insured = claims::Adjudication { lines, draws, citation: fixture::citation(), attributes: vec![] };
            let decided = Adjudication { insured: Some(Box::new(insured)), ..decided(&[("x", 1)]) };
            assert_eq!(told.moved(&decided, 2026).len(), count, "{amount:?}");
        }
    }
}
