//! Divides what a bill's payers pay among its lines, to the fen.
//!
//! Basic insurance decides a bill as a whole; an insurer after it, a partial refund and an explanation
//! of benefits need the amounts of each line. The shares of a source are proportional to what it
//! applies to, by the method of the largest remainder: they sum to the source's amount, no line pays
//! more than its gross, and equal remainders go to the line that comes first. What a payer pays of a
//! line is not changed by those after it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BillingError, allocation::Shares};
use crate::{
    money::{Money, MoneyError},
    payer::{Adjudication, Bill, LineResult, Source},
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

/// One line while it is divided.
struct Rest {
    shares: LineShares,
    /// What nobody pays yet.
    left: Money,
}

impl Rest {
    fn take(&mut self, source: Source, amount: Money) -> Result<(), MoneyError> {
        self.left = self.left.minus(amount)?;
        if amount != Money::ZERO {
            let part = self.shares.parts.entry(source).or_default();
            *part = part.plus(amount)?;
        }
        Ok(())
    }

    fn give_up(&mut self, amount: Money) -> Result<(), MoneyError> {
        self.left = self.left.minus(amount)?;
        self.shares.adjustment = self.shares.adjustment.plus(amount)?;
        Ok(())
    }
}

/// The shares of every line, in the order of the bill, as `decided` by its last payer after those in
/// [`Bill::prior`].
///
/// Public funds pay what is in scope; personal accounts what is in scope or
/// [paid before](LineResult::pre_self_pay); whatever is left of a line may be an insurer's, the
/// provider's by its contract, and at last the patient's. Where a payer pays more than its class of
/// amounts holds, the rest is divided by what is left of the lines.
///
/// # Errors
/// If the amounts exceed the gross.
pub(super) fn split(bill: &Bill, decided: &Adjudication) -> Result<Vec<LineShares>, BillingError> {
    let line = |line: &crate::payer::Line| Rest {
        shares: LineShares { number: line.number, parts: BTreeMap::new(), adjustment: Money::ZERO },
        left: line.gross,
    };
    let mut rests: Vec<Rest> = bill.lines.iter().map(line).collect();
    let mut before = Shares::default();
    for adjudication in bill.prior.iter().chain([decided]) {
        let after = Shares::of(adjudication)?;
        if let Some(insured) = &adjudication.insured {
            // As the insurer says.
            for (rest, line) in rests.iter_mut().zip(&insured.lines) {
                rest.take(Source::Commercial, line.benefit)?;
                rest.give_up(line.contractual)?;
                if rest.left < Money::ZERO {
                    let (line, parts, gross) = (line.number, line.benefit, rest.left);
                    return Err(BillingError::LineSum { line, parts, gross });
                }
            }
            before = after;
            continue;
        }
        for source in Source::ALL.into_iter().filter(|source| *source != Source::Cash) {
            let amount = after.get(source).minus(before.get(source))?;
            let room = rests.iter().zip(&adjudication.lines).map(|(rest, result)| applies_to(source, rest, result));
            let paid = divide(amount, &room.collect::<Result<Vec<_>, _>>()?, &rests)?;
            for (rest, paid) in rests.iter_mut().zip(paid) {
                rest.take(source, paid)?;
            }
        }
        let given = after.adjustment.minus(before.adjustment)?;
        let room: Vec<Money> = rests.iter().map(|rest| rest.left).collect();
        let given = divide(given, &room, &rests)?;
        for (rest, given) in rests.iter_mut().zip(given) {
            rest.give_up(given)?;
        }
        before = after;
    }
    for rest in &mut rests {
        rest.take(Source::Cash, rest.left)?;
    }
    Ok(rests.into_iter().map(|rest| rest.shares).collect())
}

/// What is left of the amount of a line that a source applies to.
fn applies_to(source: Source, rest: &Rest, result: &LineResult) -> Result<Money, MoneyError> {
    let paid =
        |sources: &[Source]| Money::sum(sources.iter().filter_map(|source| rest.shares.parts.get(source).copied()));
    let funds = paid(&[Source::BasicFund, Source::SupplementaryFund])?;
    let room = match source {
        Source::BasicFund | Source::SupplementaryFund => result.in_scope.minus(funds)?,
        Source::PersonalAccount | Source::FamilyAccount => {
            let accounts = paid(&[Source::PersonalAccount, Source::FamilyAccount])?;
            result.in_scope.plus(result.pre_self_pay)?.minus(funds)?.minus(accounts)?
        }
        Source::Commercial | Source::Cash => rest.left,
    };
    Ok(room.max(Money::ZERO).min(rest.left))
}

/// Divides an amount by the weights, and what exceeds their sum by what is left beside them.
fn divide(amount: Money, weights: &[Money], rests: &[Rest]) -> Result<Vec<Money>, BillingError> {
    let within = amount.min(Money::sum(weights.iter().copied())?);
    let first = largest_remainder(within, weights)?;
    let beyond = amount.minus(within)?;
    if beyond == Money::ZERO {
        return Ok(first);
    }
    let left = rests.iter().zip(&first).map(|(rest, paid)| rest.left.minus(*paid)).collect::<Result<Vec<_>, _>>()?;
    let capacity = Money::sum(left.iter().copied())?;
    if beyond > capacity {
        return Err(BillingError::Sum { parts: beyond, gross: capacity });
    }
    let more = largest_remainder(beyond, &left)?;
    Ok(first.into_iter().zip(more).map(|(first, more)| first.plus(more)).collect::<Result<Vec<_>, _>>()?)
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
        billing::{Allocation, PayerKind},
        fixture::{self, fen},
        payer::{LineKind, Part},
    };

    fn of(allocation: &Allocation, source: Source) -> Vec<i64> {
        allocation.shares().iter().map(|line| line.parts.get(&source).copied().unwrap_or_default().as_fen()).collect()
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

    #[test]
    fn a_later_payer_changes_nothing_of_those_before() {
        let part = |source, amount| Part { source, amount: fen(amount) };
        let first = |parts| Adjudication { parts, ..fixture::adjudication() };
        let fund = first(vec![part(Source::BasicFund, 5550), part(Source::Cash, 12_750)]);
        let bill = Bill { use_account: false, ..fixture::bill() };
        let parts = vec![part(Source::BasicFund, 5550), part(Source::Commercial, 4200), part(Source::Cash, 8550)];
        let after = Allocation::check(&bill.after([&fund]), &first(parts), PayerKind::Commercial).expect("sound");
        assert_eq!(of(&after, Source::BasicFund), [895, 2238, 2417, 0]);
        assert_eq!(of(&after, Source::Commercial).iter().sum::<i64>(), 4200);
        let gross = |line: &LineShares| Money::sum(line.parts.values().copied()).expect("sum");
        assert_eq!(after.shares().iter().map(gross).collect::<Vec<_>>(), [2000, 5000, 6800, 4500].map(fen));
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
            let shares = allocation.shares();
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
