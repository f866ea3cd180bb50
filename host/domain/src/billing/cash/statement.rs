//! A channel's statement of a day against ours. Each difference has a kind, and stays until both agree or
//! a person of the accounts says what it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// Which way money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A patient paid.
    Payment,
    /// A patient was refunded.
    Refund,
}

impl Way {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
        }
    }
}

/// One movement of money, as one side has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which way.
    pub way: Way,
    /// Our name of the order or refund.
    pub name: String,
    /// The channel's id of it.
    pub transaction: String,
    /// How much.
    pub amount: Money,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The channel has it, we do not.
    MissingHere,
    /// We have it, the channel does not.
    MissingThere,
    /// The amounts differ.
    Amount,
    /// A signed notice names an order that is not ours.
    UnknownOrder,
    /// A signed notice names another merchant or app.
    AnotherMerchant,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::MissingHere, Self::MissingThere, Self::Amount, Self::UnknownOrder, Self::AnotherMerchant];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::Amount => "amount",
            Self::UnknownOrder => "unknown_order",
            Self::AnotherMerchant => "another_merchant",
        }
    }
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub kind: Kind,
    /// Which way the money moved.
    pub way: Way,
    /// Our name of the order or refund; what the channel says, if it is not ours.
    pub name: String,
    /// The channel's id.
    pub transaction: String,
    /// Our amount.
    pub ours: Option<Money>,
    /// The channel's.
    pub theirs: Option<Money>,
}

/// All differences between our rows of a day and the channel's, in the order of their names.
pub fn compare(ours: &[Row], theirs: &[Row]) -> Vec<Difference> {
    type Key<'a> = (Way, &'a str, &'a str);
    fn by_key(rows: &[Row]) -> BTreeMap<Key<'_>, Vec<Money>> {
        let mut found: BTreeMap<Key<'_>, Vec<Money>> = BTreeMap::new();
        for row in rows {
            found.entry((row.way, &row.name, &row.transaction)).or_default().push(row.amount);
        }
        found
    }
    let (ours, theirs) = (by_key(ours), by_key(theirs));
    let mut keys: Vec<Key<'_>> = ours.keys().chain(theirs.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    let mut differences = Vec::new();
    for key in keys {
        let none = Vec::new();
        let (mine, other) = (ours.get(&key).unwrap_or(&none), theirs.get(&key).unwrap_or(&none));
        for place in 0..mine.len().max(other.len()) {
            let (mine, other) = (mine.get(place).copied(), other.get(place).copied());
            let kind = match (mine, other) {
                (Some(mine), Some(other)) if mine == other => continue,
                (Some(_), Some(_)) => Kind::Amount,
                (Some(_), None) => Kind::MissingThere,
                (None, _) => Kind::MissingHere,
            };
            let (way, name, transaction) = (key.0, key.1.to_owned(), key.2.to_owned());
            differences.push(Difference { kind, way, name, transaction, ours: mine, theirs: other });
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(way: Way, name: &str, transaction: &str, fen: i64) -> Row {
        Row { way, name: name.into(), transaction: transaction.into(), amount: Money::fen(fen) }
    }

    #[test]
    fn every_difference_is_named_once() {
        use Way::{Payment, Refund};
        let both = [row(Payment, "a", "1", 100), row(Refund, "r", "9", 100)];
        assert_eq!(compare(&both, &both), []);
        let ours = [row(Payment, "a", "1", 100), row(Payment, "b", "2", 200), row(Payment, "c", "3", 300)];
        let theirs = [
            row(Payment, "c", "3", 301),
            row(Payment, "a", "1", 100),
            row(Payment, "a", "4", 100),
            row(Payment, "a", "1", 100),
            row(Refund, "r", "9", 50),
        ];
        let found: Vec<_> = compare(&ours, &theirs)
            .into_iter()
            .map(|d| (d.kind, d.name, d.transaction, d.ours.map(Money::as_fen), d.theirs.map(Money::as_fen)))
            .collect();
        let expected = [
            (Kind::MissingHere, "a", "1", None, Some(100)),
            (Kind::MissingHere, "a", "4", None, Some(100)),
            (Kind::MissingThere, "b", "2", Some(200), None),
            (Kind::Amount, "c", "3", Some(300), Some(301)),
            (Kind::MissingHere, "r", "9", None, Some(50)),
        ];
        let expected =
            expected.map(|(kind, name, of, mine, other)| (kind, name.to_owned(), of.to_owned(), mine, other));
        assert_eq!(found, expected);
    }
}
