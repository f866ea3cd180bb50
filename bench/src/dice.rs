//! Chance that comes out the same each time: SplitMix64.

/// A sequence that its seed decides.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// One sequence a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.bits() % span)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: i64) -> bool {
        self.between(1, 100) <= chance
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.bits() as usize % from.len()]
    }

    /// Some of them, each once, in their order.
    pub fn some<T: Clone>(&mut self, from: &[T], count: i64) -> Vec<T> {
        let mut chosen: Vec<usize> = (0..count).map(|_| self.bits() as usize % from.len()).collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen.into_iter().map(|at| from[at].clone()).collect()
    }

    /// An id as the host draws them: UUID version 7 of this moment.
    pub fn id(&mut self, millis: u64) -> u128 {
        let random = u128::from(self.bits()) << 64 | u128::from(self.bits());
        let (version, variant) = (0x7_u128 << 76, 0b10_u128 << 62);
        u128::from(millis) << 80 | version | variant | (random & !(0xf << 76) & !(0b11 << 62) & ((1 << 80) - 1))
    }
}
