//! Divides what a bill's payers pay among its lines, to the fen.
//!
//! Basic insurance decides a bill as a whole; an insurer after it, a partial refund and an explanation
//! of benefits need the amounts of each line. The shares of a source are proportional to what it
//! applies to, by the method of the largest remainder: they sum to the source's amount, no line pays
//! more than its gross, and equal remainders go to the line that comes first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Allocation, BillingError};
use crate::{
    money::{Money, MoneyError},
    payer::{LineResult, Source},
};

/// Who pays what of one line. Parts and adjustment sum to the gross.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineShares {
    /// Number of the line.
    pub number: u32,
    /// Amounts by source, without zero amounts.
    pub parts: BTreeMap<Source, Money>,
    /// The contract discount borne by the provider.
    pub adjustment: Money,
}

/// The shares of every line, in the order of the bill.
///
/// Public funds pay what is in scope; personal accounts what is in scope or
/// [paid before](LineResult::pre_self_pay); whatever is left of a line may be an insurer's, the
/// provider's by its contract, and at last the patient's. Where a payer pays more than its class of
/// amounts holds, the rest is divided by what is left of the lines.
///
/// # Errors
/// If the amounts of the allocation exceed its gross.
pub fn split(allocation: &Allocation) -> Result<Vec<LineShares>, BillingError> {
    let lines = allocation.lines();
    let gross = |line: &LineResult| Money::sum([line.self_funded, line.over_limit, line.pre_self_pay, line.in_scope]);
    let mut left = lines.iter().map(gross).collect::<Result<Vec<_>, _>>()?;
    let mut shares: Vec<LineShares> = lines
        .iter()
        .map(|line| LineShares { number: line.number, parts: BTreeMap::new(), adjustment: Money::ZERO })
        .collect();
    // What is left of the amounts that public funds, and that accounts, apply to.
    let mut scope: Vec<Money> = lines.iter().map(|line| line.in_scope).collect();
    let mut personal = lines.iter().map(|line| line.in_scope.plus(line.pre_self_pay)).collect::<Result<Vec<_>, _>>()?;

    for source in Source::ALL {
        let amount = allocation.part(source);
        let weights = match source {
            Source::BasicFund | Source::SupplementaryFund => &scope,
            Source::PersonalAccount | Source::FamilyAccount => &personal,
            Source::Commercial | Source::Cash => &left,
        };
        let paid = if source == Source::Cash { left.clone() } else { divide(amount, weights, &left)? };
        for (index, paid) in paid.into_iter().enumerate() {
            let take = |from: &mut Vec<Money>| -> Result<(), MoneyError> {
                if let Some(rest) = from.get_mut(index) {
                    *rest = rest.minus(paid)?.max(Money::ZERO);
                }
                Ok(())
            };
            take(&mut left)?;
            take(&mut scope)?;
            take(&mut personal)?;
            if let Some(line) = shares.get_mut(index)
                && paid != Money::ZERO
            {
                line.parts.insert(source, paid);
            }
        }
        // The discount comes off before the patient pays the rest.
        if source == Source::Commercial {
            for (index, given) in divide(allocation.adjustment(), &left, &left)?.into_iter().enumerate() {
                if let (Some(line), Some(rest)) = (shares.get_mut(index), left.get_mut(index)) {
                    line.adjustment = given;
                    *rest = rest.minus(given)?;
                }
            }
        }
    }
    Ok(shares)
}

/// Divides an amount by the weights, and what exceeds their sum by what is left beside them.
fn divide(amount: Money, weights: &[Money], left: &[Money]) -> Result<Vec<Money>, BillingError> {
    // Never more than is left of a line.
    let weights: Vec<Money> = weights.iter().zip(left).map(|(weight, left)| *weight.min(left)).collect();
    let within = amount.min(Money::sum(weights.iter().copied())?);
    let first = largest_remainder(within, &weights)?;
    let beyond = amount.minus(within)?;
    if beyond == Money::ZERO {
        return Ok(first);
    }
    let rest = left.iter().zip(&first).map(|(left, paid)| left.minus(*paid)).collect::<Result<Vec<_>, _>>()?;
    let capacity = Money::sum(rest.iter().copied())?;
    if beyond > capacity {
        return Err(BillingError::Sum { parts: beyond, gross: capacity });
    }
    let more = largest_remainder(beyond, &rest)?;
    Ok(first.into_iter().zip(more).map(|(a, b)| a.plus(b)).collect::<Result<Vec<_>, _>>()?)
}

/// `amount` in proportion to the weights, none more than its weight. `amount` is at most their sum.
fn largest_remainder(amount: Money, weights: &[Money]) -> Result<Vec<Money>, BillingError> {
    let sum = i128::from(Money::sum(weights.iter().copied())?.as_fen());
    if sum == 0 {
        return Ok(vec![Money::ZERO; weights.len()]);
    }
    let exact = |weight: &Money| i128::from(amount.as_fen()) * i128::from(weight.as_fen());
    let mut shares = Vec::with_capacity(weights.len());
    for weight in weights {
        shares.push(i64::try_from(exact(weight) / sum).map(Money::fen).map_err(|_| MoneyError::Overflow)?);
    }
    let missing = amount.minus(Money::sum(shares.iter().copied())?)?.as_fen();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|&index| weights.get(index).map(|weight| -(exact(weight) % sum)));
    // Fewer than there are lines: each share lost less than one fen.
    for index in by_remainder.into_iter().take(usize::try_from(missing).unwrap_or_default()) {
        if let Some(share) = shares.get_mut(index) {
            *share = share.plus(Money::fen(1))?;
        }
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        billing::PayerKind,
        fixture::{self, fen},
        payer::{LineKind, Part},
    };

    fn of(allocation: &Allocation, source: Source) -> Vec<i64> {
        let shares = split(allocation).expect("split");
        shares.iter().map(|line| line.parts.get(&source).copied().unwrap_or_default().as_fen()).collect()
    }

    /// D1 of the domain's examples, and the split that D2 gives to the second payer.
    #[test]
    fn the_funds_share_follows_what_is_in_scope() {
        let allocation =
            Allocation::check(&fixture::bill(), &fixture::adjudication(), PayerKind::BasicInsurance).expect("sound");
        assert_eq!(of(&allocation, Source::BasicFund), [895, 2238, 2417, 0]);
        let account = of(&allocation, Source::PersonalAccount);
        assert_eq!((account.iter().sum::<i64>(), account[3]), (6000, 0));
        let cash = of(&allocation, Source::Cash);
        assert_eq!((cash.iter().sum::<i64>(), cash[3]), (6750, 4500));
    }

    proptest! {
        #[test]
        fn every_fen_is_somebodys(
            lines in prop::collection::vec((0_i64..5000, 0_i64..900, 0_i64..900, 0_i64..9000), 1..8),
            cuts in prop::array::uniform4(0_i64..1000),
        ) {
            let gross: Vec<(LineKind, i64)> =
                lines.iter().map(|(a, b, c, d)| (LineKind::Medicine, a + b + c + d)).collect();
            let total: i64 = gross.iter().map(|(_, gross)| gross).sum();
            let mut left = total;
            let mut part = |source, thousandths: i64| {
                let amount = left * thousandths / 1000;
                left -= amount;
                Part { source, amount: fen(amount) }
            };
            let mut parts = vec![
                part(Source::BasicFund, cuts[0]),
                part(Source::SupplementaryFund, cuts[1]),
                part(Source::PersonalAccount, cuts[2]),
                part(Source::FamilyAccount, cuts[3]),
            ];
            parts.push(Part { source: Source::Cash, amount: fen(left) });
            let bill = fixture::bill_of(&gross);
            let mut adjudication = fixture::adjudication_of(&bill, &[]);
            adjudication.parts = parts;
            for (line, (a, b, c, d)) in adjudication.lines.iter_mut().zip(&lines) {
                (line.self_funded, line.over_limit) = (fen(*a), fen(*b));
                (line.pre_self_pay, line.in_scope) = (fen(*c), fen(*d));
            }
            let allocation = Allocation::check(&bill, &adjudication, PayerKind::BasicInsurance).expect("sound");
            let shares = split(&allocation).expect("split");
            for (line, (_, gross)) in shares.iter().zip(&gross) {
                prop_assert!(line.parts.values().all(|amount| *amount > Money::ZERO));
                prop_assert_eq!(Money::sum(line.parts.values().copied()).expect("sum"), fen(*gross));
            }
            for source in Source::ALL {
                let sum = shares.iter().filter_map(|line| line.parts.get(&source).copied());
                prop_assert_eq!(Money::sum(sum).expect("sum"), allocation.part(source));
            }
        }
    }
}
