//! An amount divided without remainder.

use xinglin_sdk::money::Fen;

/// Divides an amount in proportion to weights by the largest remainder: every part is rounded down,
/// and what is left goes, a fen each, to the parts that lost most; among equals to the first. The
/// parts sum to the amount, and none is above its proportion by a fen or more.
///
/// `None` if the amount is negative, or above zero and nothing has a weight.
pub fn divide(amount: Fen, weights: &[u64]) -> Option<Vec<Fen>> {
    let total: u128 = weights.iter().copied().map(u128::from).sum();
    let whole = u128::try_from(amount.amount()).ok()?;
    if total == 0 {
        return (whole == 0).then(|| vec![Fen::ZERO; weights.len()]);
    }
    // Below 2^63 · 2^64, and their quotient at most the amount.
    let quotas = weights.iter().map(|weight| whole * u128::from(*weight));
    let (mut parts, lost): (Vec<u128>, Vec<u128>) = quotas.map(|quota| (quota / total, quota % total)).unzip();
    let left = usize::try_from(whole - parts.iter().sum::<u128>()).ok()?;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|part| std::cmp::Reverse(lost[*part]));
    for part in order.into_iter().take(left) {
        parts[part] += 1;
    }
    parts.into_iter().map(|part| i64::try_from(part).ok().map(Fen::new)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(amount: i64, weights: &[u64]) -> Option<Vec<i64>> {
        divide(Fen::new(amount), weights).map(|parts| parts.into_iter().map(Fen::amount).collect())
    }

    #[test]
    fn what_is_left_goes_to_who_lost_most() {
        let cases: [(i64, &[u64], &[i64]); 7] = [
            (4_860_000, &[60, 25, 15], &[2_916_000, 1_215_000, 729_000]),
            (101, &[60, 25, 15], &[61, 25, 15]),
            (7, &[60, 25, 15], &[4, 2, 1]),
            (1, &[1, 1, 1], &[1, 0, 0]),
            (5, &[0, 1], &[0, 5]),
            (0, &[0, 0], &[0, 0]),
            (i64::MAX, &[u64::MAX, u64::MAX], &[4_611_686_018_427_387_904, 4_611_686_018_427_387_903]),
        ];
        for (amount, weights, expected) in cases {
            assert_eq!(parts(amount, weights).as_deref(), Some(expected), "{amount}");
        }
        assert_eq!(parts(-1, &[1]), None);
        assert_eq!(parts(1, &[0]), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(amount in 0..i64::MAX, weights in prop::collection::vec(0..10_000_u64, 1..6)) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let parts = parts(amount, &weights).expect("it divides");
            prop_assert_eq!(parts.iter().sum::<i64>(), amount);
            let total: u64 = weights.iter().sum();
            for (part, weight) in parts.iter().zip(&weights) {
                let quota = i128::from(amount) * i128::from(*weight);
                let taken = i128::from(*part) * i128::from(total);
                prop_assert!((taken - quota).abs() < i128::from(total), "{part} of {amount}");
            }
        }
    }
}
