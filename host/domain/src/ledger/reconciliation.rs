//! Three books of the same money: ours, the payer's claim file, and the bank.
//!
//! A claim is compared by the payer's reference: what it owes by our ledger, what its file says, and what it
//! remitted. What is owed and was not remitted yet is no difference: payers pay later. A remittance is
//! compared by its trace number: what the payer says it sent, and what the bank shows.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    id::BillId,
    money::{Money, MoneyError},
};

/// Which books differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Against {
    /// The ledger, and the payer's claim file.
    Claim,
    /// The ledger, and what the payer remitted for a claim.
    Remittance,
    /// What the payer says it sent, and the bank.
    Bank,
}

impl Against {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Claim, Self::Remittance, Self::Bank];

    /// The name in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Remittance => "remittance",
            Self::Bank => "bank",
        }
    }
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which books.
    pub against: Against,
    /// The payer's reference, or a trace number.
    pub reference: String,
    /// The bill, if it is known.
    pub bill: Option<BillId>,
    /// Our figure, or of a trace number, the payer's.
    pub ours: Option<Money>,
    /// The other figure, or of a trace number, the bank's.
    pub theirs: Option<Money>,
}

/// What a payer owes under one reference, with the bill.
pub type Owed = BTreeMap<String, (BillId, Money)>;

/// Sums amounts by reference.
///
/// # Errors
/// On overflow.
pub fn sums<'a>(amounts: impl IntoIterator<Item = (&'a str, Money)>) -> Result<BTreeMap<String, Money>, MoneyError> {
    let mut sums = BTreeMap::<String, Money>::new();
    for (reference, amount) in amounts {
        let sum = sums.entry(reference.to_owned()).or_default();
        *sum = sum.plus(amount)?;
    }
    Ok(sums)
}

/// Sums what is owed by reference.
///
/// # Errors
/// On overflow.
pub fn owed<'a>(claims: impl IntoIterator<Item = (&'a str, BillId, Money)>) -> Result<Owed, MoneyError> {
    let mut owed = Owed::new();
    for (reference, bill, amount) in claims {
        let (_, sum) = owed.entry(reference.to_owned()).or_insert((bill, Money::ZERO));
        *sum = sum.plus(amount)?;
    }
    Ok(owed)
}

fn by_reference(
    against: Against,
    ours: &Owed,
    theirs: &BTreeMap<String, Money>,
    references: impl Iterator<Item = String>,
) -> Vec<Found> {
    let differs = |reference: String| {
        let (bill, ours) = ours.get(&reference).copied().unzip();
        let theirs = theirs.get(&reference).copied();
        let same = ours.unwrap_or_default() == theirs.unwrap_or_default();
        (!same).then_some(Found { against, reference, bill, ours, theirs })
    };
    references.filter_map(differs).collect()
}

/// The ledger and the claim file of the same time. What one has at zero and the other not at all is no
/// difference.
pub fn compare_claims(ours: &Owed, file: &BTreeMap<String, Money>) -> Vec<Found> {
    let references: BTreeSet<String> = ours.keys().chain(file.keys()).cloned().collect();
    by_reference(Against::Claim, ours, file, references.into_iter())
}

/// The ledger and what was ever remitted. References that nothing was remitted for are left out.
pub fn compare_remitted(ours: &Owed, remitted: &BTreeMap<String, Money>) -> Vec<Found> {
    by_reference(Against::Remittance, ours, remitted, remitted.keys().cloned())
}

/// Money under one trace number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace<'a> {
    /// The number.
    pub trace: &'a str,
    /// As the payer says it sent it.
    pub advised: Option<Money>,
    /// What of that belongs to no claim.
    pub adjustment: Money,
    /// As the bank shows it.
    pub banked: Option<Money>,
}

/// What the payer says it sent and what the bank shows; and what was sent for no claim, which is in
/// nobody's books.
pub fn compare_bank<'a>(traces: impl IntoIterator<Item = Trace<'a>>) -> Vec<Found> {
    let differs = |Trace { trace, advised, adjustment, banked }: Trace<'_>| {
        let found = |ours, theirs| {
            Some(Found { against: Against::Bank, reference: trace.to_owned(), bill: None, ours, theirs })
        };
        match advised {
            _ if advised != banked => found(advised, banked),
            // As much of it as the claims explain.
            Some(advised) if adjustment != Money::ZERO => found(advised.minus(adjustment).ok(), banked),
            _ => None,
        }
    };
    traces.into_iter().filter_map(differs).collect()
}

/// What of a remittance is to be booked on each bill: what was paid and what was kept back together, below zero if
/// more was kept back.
///
/// # Errors
/// On overflow.
pub fn by_bill<'a>(
    items: impl IntoIterator<Item = (&'a str, Money)>,
    ours: &Owed,
) -> Result<BTreeMap<BillId, Money>, MoneyError> {
    let mut bills = BTreeMap::<BillId, Money>::new();
    for (reference, amount) in items {
        if let Some((bill, _)) = ours.get(reference) {
            let sum = bills.entry(*bill).or_default();
            *sum = sum.plus(amount)?;
        }
    }
    bills.retain(|_, amount| *amount != Money::ZERO);
    Ok(bills)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BILL: BillId = BillId::from_u128(1);
    const OTHER: BillId = BillId::from_u128(2);

    fn fen(fen: i64) -> Money {
        Money::fen(fen)
    }

    fn ours() -> Owed {
        let claims = [("A", BILL, 4_200), ("B", OTHER, 104_000), ("C", BILL, -4_200), ("Z", BILL, 0)];
        owed(claims.map(|(reference, bill, amount)| (reference, bill, fen(amount)))).expect("sums")
    }

    fn theirs(amounts: &[(&str, i64)]) -> BTreeMap<String, Money> {
        sums(amounts.iter().map(|(reference, amount)| (*reference, fen(*amount)))).expect("sums")
    }

    type Row = (&'static str, Option<i64>, Option<i64>);
    type Booked = (BillId, i64);
    /// Advised, adjusted, at the bank.
    type Sent = (Option<i64>, i64, Option<i64>, &'static [Row]);
    type Amounts = [(&'static str, i64)];

    fn told(found: &[Found]) -> Vec<Row> {
        let named = ["A", "B", "C", "D", "Z", "T-1", "T-2"];
        let row = |one: &Found| {
            let reference = named.into_iter().find(|name| *name == one.reference).expect("a known name");
            (reference, one.ours.map(Money::as_fen), one.theirs.map(Money::as_fen))
        };
        found.iter().map(row).collect()
    }

    #[test]
    fn ledger_and_claim_file_differ_by_reference() {
        let same = [("A", 4_200), ("B", 104_000), ("C", -4_200)];
        let rows: [(&Amounts, &[Row]); 7] = [
            (&same, &[]),
            // A fee that the insurer has booked and taken back, and we never had.
            (&[("D", 2_000), ("A", 4_200), ("B", 104_000), ("C", -4_200), ("D", -2_000)], &[]),
            (&[("A", 4_200), ("B", 100_000), ("B", 4_000), ("C", -4_200)], &[]),
            (&[("A", 4_200), ("B", 103_000), ("C", -4_200)], &[("B", Some(104_000), Some(103_000))]),
            (&[("A", 4_200), ("B", 104_000)], &[("C", Some(-4_200), None)]),
            (&[("A", 4_200), ("B", 104_000), ("C", -4_200), ("D", 500)], &[("D", None, Some(500))]),
            (&[("A", 4_200), ("B", 104_000), ("C", -4_200), ("D", 0)], &[]),
        ];
        for (file, expected) in rows {
            assert_eq!(told(&compare_claims(&ours(), &theirs(file))), expected, "{file:?}");
        }
    }

    #[test]
    fn what_was_not_remitted_yet_is_no_difference() {
        let rows: [(&Amounts, &[Row]); 5] = [
            (&[], &[]),
            (&[("B", 104_000)], &[]),
            (&[("B", 103_999)], &[("B", Some(104_000), Some(103_999))]),
            (&[("A", 4_200), ("C", -4_200)], &[]),
            (&[("D", 1)], &[("D", None, Some(1))]),
        ];
        for (remitted, expected) in rows {
            assert_eq!(told(&compare_remitted(&ours(), &theirs(remitted))), expected, "{remitted:?}");
        }
    }

    #[test]
    fn the_bank_shows_what_was_sent_or_it_is_a_difference() {
        let rows: [Sent; 6] = [
            (Some(104_000), 0, Some(104_000), &[]),
            (Some(104_000), 0, Some(103_900), &[("T-1", Some(104_000), Some(103_900))]),
            (Some(104_000), 0, None, &[("T-1", Some(104_000), None)]),
            (None, 0, Some(104_000), &[("T-1", None, Some(104_000))]),
            (Some(104_010), 10, Some(104_010), &[("T-1", Some(104_000), Some(104_010))]),
            (None, 0, None, &[]),
        ];
        for (advised, adjustment, banked, expected) in rows {
            let [advised, banked] = [advised, banked].map(|amount| amount.map(fen));
            let trace = Trace { trace: "T-1", advised, adjustment: fen(adjustment), banked };
            assert_eq!(told(&compare_bank([trace])), expected);
        }
    }

    #[test]
    fn a_remittance_is_booked_by_bill() {
        let rows: [(&Amounts, &[Booked]); 5] = [
            (&[("B", 104_000)], &[(OTHER, 104_000)]),
            (&[("A", 4_200), ("C", -4_200), ("B", 104_000)], &[(OTHER, 104_000)]),
            (&[("C", -4_200)], &[(BILL, -4_200)]),
            // A part of what was paid for A is kept back.
            (&[("C", -4_200), ("A", 1_000)], &[(BILL, -3_200)]),
            (&[("D", 7)], &[]),
        ];
        for (items, expected) in rows {
            let items = items.iter().map(|(reference, amount)| (*reference, fen(*amount)));
            let booked = by_bill(items, &ours()).expect("sums");
            assert_eq!(booked, expected.iter().map(|(bill, amount)| (*bill, fen(*amount))).collect());
        }
        assert!(sums([("A", fen(i64::MAX)), ("A", fen(1))]).is_err());
    }

    #[test]
    fn names_are_told_apart() {
        assert_eq!(Against::ALL.map(Against::as_str).into_iter().collect::<BTreeSet<_>>().len(), 3);
    }
}
