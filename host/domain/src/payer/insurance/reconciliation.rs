//! Whether the payer's books and ours say the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Period,
    fault::{Fault, Wrong, reference, sum, sums},
};
use crate::{coding::LocalizedText, money::Money, time::Instant};

/// What the payer owes by our ledger, for one reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Of the decision or its reversal.
    pub reference: String,
    /// Below zero for what was reversed.
    pub amount: Money,
}

/// Our entries of a period; each reference once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// By the time of settlement.
    pub period: Period,
    /// At most [`Statement::MOST`].
    pub entries: Vec<Entry>,
}

impl Statement {
    /// Most entries of a statement (`xinglin:payment@1.1`).
    pub const MOST: usize = 10_000;
}

/// A reference on which both differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The reference.
    pub reference: String,
    /// Absent if we do not have it.
    pub ours: Option<Money>,
    /// Absent if the payer does not have it.
    pub theirs: Option<Money>,
    /// In the payer's words.
    pub note: LocalizedText,
}

/// The payer's own figures, and where they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Sum of the payer's file.
    pub total: Money,
    /// Number of references in it.
    pub count: u32,
    /// Wherever both are not the same.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Checks that the payer's total follows from our entries and the differences.
    ///
    /// # Errors
    /// If a difference is none, is listed twice or tells our side wrongly, or if total or count do
    /// not follow.
    pub fn check(&self, statement: &Statement) -> Result<(), Fault> {
        let ours: BTreeMap<&str, Money> =
            statement.entries.iter().map(|entry| (entry.reference.as_str(), entry.amount)).collect();
        let mut seen = BTreeSet::new();
        let (mut count, mut change) = (i128::try_from(ours.len()).unwrap_or(i128::MAX), Money::ZERO);
        for difference in &self.differences {
            let field = format!("differences[{}]", difference.reference);
            reference(format!("{field}.reference"), &difference.reference)?;
            if !seen.insert(&difference.reference) {
                return Err(Wrong::Twice.at(field));
            }
            if difference.ours != ours.get(difference.reference.as_str()).copied() {
                return Err(Wrong::Strange.at(format!("{field}.ours")));
            }
            if difference.ours == difference.theirs {
                return Err(Wrong::Empty.at(field));
            }
            count += i128::from(difference.theirs.is_some()) - i128::from(difference.ours.is_some());
            let [theirs, before] = [difference.theirs, difference.ours].map(Option::unwrap_or_default);
            let moved = theirs.minus(before).and_then(|by| change.plus(by));
            change = moved.map_err(|error| Wrong::Money(error).at(field))?;
        }
        sums("total", self.total, statement.entries.iter().map(|entry| entry.amount).chain([change]))?;
        if i128::from(self.count) != count {
            return Err(Wrong::Number { is: self.count.to_string(), must: count.to_string() }.at("count"));
        }
        Ok(())
    }
}

/// What was paid for one reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remitted {
    /// The reference.
    pub reference: String,
    /// Below zero if it was kept back.
    pub amount: Money,
}

/// The payer's word that it sent money: not the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remittance {
    /// Trace number under which the bank shows it.
    pub trace: String,
    /// When it was sent.
    pub sent_at: Instant,
    /// Sum of items and adjustment.
    pub amount: Money,
    /// By reference.
    pub items: Vec<Remitted>,
    /// What belongs to no claim.
    pub adjustment: Money,
}

/// Most remittances of an answer (`xinglin:payment@1.1`).
const MOST_REMITTANCES: usize = 1_000;

/// Checks what a payer says that it sent in a period. Whether a trace was told before, in another
/// period or with another amount, the caller compares with what it has stored.
///
/// # Errors
/// If a trace comes twice, a sum does not hold, one is of another period, or they are not in order.
pub fn check_remittances(remittances: &[Remittance], period: Period) -> Result<(), Fault> {
    if remittances.len() > MOST_REMITTANCES {
        return Err(Wrong::Many(MOST_REMITTANCES).at("remittances"));
    }
    let mut traces = BTreeSet::new();
    let mut last = period.start;
    for remittance in remittances {
        let field = format!("remittances[{}]", remittance.trace);
        reference(format!("{field}.trace"), &remittance.trace)?;
        if !traces.insert(&remittance.trace) {
            return Err(Wrong::Twice.at(field));
        }
        if !period.contains(remittance.sent_at) || remittance.sent_at < last {
            return Err(Wrong::Time(remittance.sent_at).at(format!("{field}.sent_at")));
        }
        last = remittance.sent_at;
        let mut items = BTreeSet::new();
        for item in &remittance.items {
            reference(format!("{field}.items"), &item.reference)?;
            if !items.insert(&item.reference) {
                return Err(Wrong::Twice.at(format!("{field}.items[{}]", item.reference)));
            }
        }
        let parts = remittance.items.iter().map(|item| item.amount).chain([remittance.adjustment]);
        sums(&format!("{field}.amount"), remittance.amount, parts)?;
    }
    sum("remittances", remittances.iter().map(|remittance| remittance.amount)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insurance::fixture::YEAR;

    fn statement() -> Statement {
        let entry = |reference: &str, fen| Entry { reference: reference.into(), amount: Money::fen(fen) };
        Statement { period: YEAR, entries: vec![entry("A", 4_200), entry("B", 104_000), entry("C", -4_200)] }
    }

    fn difference(reference: &str, ours: Option<i64>, theirs: Option<i64>) -> Difference {
        Difference {
            reference: reference.into(),
            ours: ours.map(Money::fen),
            theirs: theirs.map(Money::fen),
            note: LocalizedText::default(),
        }
    }

    #[test]
    fn the_payers_total_follows_from_ours() {
        let number = |is: &str, must: &str| Wrong::Number { is: is.into(), must: must.into() };
        let short = difference("B", Some(104_000), Some(103_000));
        for (total, count, differences, wrong) in [
            (104_000, 3, vec![], None),
            (103_000, 3, vec![short.clone()], None),
            (108_200, 2, vec![difference("C", Some(-4_200), None)], None),
            (104_500, 4, vec![difference("D", None, Some(500))], None),
            // An entry of zero that only one has changes the count alone.
            (104_000, 4, vec![difference("D", None, Some(0))], None),
            (
                104_000,
                3,
                vec![short.clone()],
                Some(Wrong::Sum { parts: Money::fen(103_000), whole: Money::fen(104_000) }),
            ),
            (103_999, 3, vec![], Some(Wrong::Sum { parts: Money::fen(104_000), whole: Money::fen(103_999) })),
            (104_000, 2, vec![], Some(number("2", "3"))),
            (103_000, 3, vec![short.clone(), short], Some(Wrong::Twice)),
            (104_000, 3, vec![difference("A", Some(4_200), Some(4_200))], Some(Wrong::Empty)),
            (104_000, 3, vec![difference("D", None, None)], Some(Wrong::Empty)),
            (104_000, 3, vec![difference("A", Some(4_100), Some(4_200))], Some(Wrong::Strange)),
            (104_000, 3, vec![difference("A", None, Some(1))], Some(Wrong::Strange)),
            (104_000, 3, vec![difference("", None, Some(1))], Some(Wrong::Reference)),
        ] {
            let comparison = Comparison { total: Money::fen(total), count, differences };
            let found = comparison.check(&statement()).err().map(|fault| fault.wrong);
            assert_eq!(found, wrong, "{comparison:?}");
        }
    }

    fn remittance(trace: &str, day: i64, amount: i64, items: &[(&str, i64)], adjustment: i64) -> Remittance {
        let item = |&(reference, fen): &(&str, i64)| Remitted { reference: reference.into(), amount: Money::fen(fen) };
        Remittance {
            trace: trace.into(),
            sent_at: YEAR.start.plus_days(day),
            amount: Money::fen(amount),
            items: items.iter().map(item).collect(),
            adjustment: Money::fen(adjustment),
        }
    }

    #[test]
    fn remittances_sum_come_once_and_in_order() {
        let one = || remittance("T-1", 1, 104_000, &[("A", 4_200), ("B", 104_000), ("C", -4_200)], 0);
        let two = || remittance("T-2", 2, 510, &[("D", 500)], 10);
        let early = remittance("T-0", -1, 0, &[], 0);
        for (remittances, wrong) in [
            (vec![], None),
            (vec![one(), two()], None),
            (vec![two(), one()], Some(Wrong::Time(one().sent_at))),
            (vec![one(), one()], Some(Wrong::Twice)),
            (vec![early.clone()], Some(Wrong::Time(early.sent_at))),
            (vec![remittance("", 1, 0, &[], 0)], Some(Wrong::Reference)),
            (vec![remittance("T", 1, 2, &[("A", 1), ("A", 1)], 0)], Some(Wrong::Twice)),
            (
                vec![remittance("T", 1, 501, &[("D", 500)], 0)],
                Some(Wrong::Sum { parts: Money::fen(500), whole: Money::fen(501) }),
            ),
        ] {
            assert_eq!(check_remittances(&remittances, YEAR).err().map(|fault| fault.wrong), wrong);
        }
    }
}
