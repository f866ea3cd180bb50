//! Sharing an amount among lines, to the fen.

use xinglin_sdk::money::{Fen, MoneyError};

/// Splits `total` in proportion to `weights` by largest remainder, earlier lines first among
/// equals. The parts sum to `total` exactly, and none is above its weight as long as `total` is
/// not above their sum.
pub fn split(total: Fen, weights: &[Fen]) -> Result<Vec<Fen>, MoneyError> {
    let sum: i128 = weights.iter().map(|weight| i128::from(weight.amount())).sum();
    let (total, least) = (i128::from(total.amount()), weights.iter().min().copied().unwrap_or_default());
    if total < 0 || least < Fen::ZERO || total > sum {
        return Err(MoneyError::Negative);
    }
    if sum == 0 {
        return Ok(vec![Fen::ZERO; weights.len()]);
    }
    // Both factors are below 2^63 and 2^63.
    let parts = weights.iter().map(|weight| total * i128::from(weight.amount()));
    let mut parts: Vec<(i128, i128)> = parts.map(|product| (product / sum, product % sum)).collect();
    let missing = total - parts.iter().map(|(part, _)| part).sum::<i128>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(parts[*index].1));
    for index in order.into_iter().take(usize::try_from(missing).unwrap_or_default()) {
        parts[index].0 += 1;
    }
    parts.into_iter().map(|(part, _)| i64::try_from(part).map(Fen::new).map_err(|_| MoneyError::Overflow)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fen(amounts: &[i64]) -> Vec<Fen> {
        amounts.iter().copied().map(Fen::new).collect()
    }

    #[test]
    fn the_largest_remainder_gets_the_fen() {
        for (total, weights, parts) in [
            (10, &[1, 1, 1][..], None),
            (1, &[1, 1, 1], Some(&[1, 0, 0][..])),
            (4_200, &[867, 4_383], Some(&[694, 3_506])),
            (0, &[0, 0], Some(&[0, 0])),
            (100, &[0, 100], Some(&[0, 100])),
        ] {
            assert_eq!(split(Fen::new(total), &fen(weights)).ok(), parts.map(fen), "{total} by {weights:?}");
        }
    }

    proptest! {
        #[test]
        fn parts_sum_and_fit(weights in prop::collection::vec(0_i64..1_000_000_000, 1..20), share in 0_i64..=1000) {
            let sum: i64 = weights.iter().sum();
            let total = i64::try_from(i128::from(sum) * i128::from(share) / 1000).expect("in range");
            let parts = split(Fen::new(total), &fen(&weights)).expect("fits");
            prop_assert_eq!(parts.iter().map(|part| part.amount()).sum::<i64>(), total);
            prop_assert!(parts.iter().zip(&weights).all(|(part, weight)| part.amount() <= *weight));
        }
    }
}
