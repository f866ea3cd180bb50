//! Chance, the same for the same seed on every machine.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Whole numbers only: floating point may differ between machines.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Of one patient of a simulation.
    pub fn of(seed: u64, patient: u32) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..12].copy_from_slice(&patient.to_le_bytes());
        Self(ChaCha8Rng::from_seed(bytes))
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = most.abs_diff(least).saturating_add(1);
        least.saturating_add_unsigned(self.0.next_u64() % span)
    }

    /// Whether it happens, in so many of a thousand cases.
    pub fn happens(&mut self, per_mille: i64) -> bool {
        self.between(0, 999) < per_mille
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(of.len()).ok()?.checked_sub(1).filter(|last| *last >= 0)?;
        of.get(usize::try_from(self.between(0, last)).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_the_same_for_the_same_seed_and_patient() {
        let row = |seed, patient| {
            let mut dice = Dice::of(seed, patient);
            (0..8).map(|_| dice.between(1, 6)).collect::<Vec<_>>()
        };
        assert_eq!(row(1, 0), row(1, 0));
        assert_ne!(row(1, 0), row(1, 1));
        assert_ne!(row(1, 0), row(2, 0));
        let mut dice = Dice::of(1, 0);
        assert!((0..1000).all(|_| (-3..=3).contains(&dice.between(-3, 3))));
        assert!(!dice.happens(0) && dice.happens(1000));
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
