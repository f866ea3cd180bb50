//! The bounds of one call, and the meters that keep them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use wasmtime::ResourceLimiter;

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// All linear memories and tables of the instance together, in MiB.
    pub memory_mib: u32,
    /// From the making of the instance to its answer, in milliseconds.
    pub deadline_ms: u32,
    /// The answer as JSON, in KiB.
    pub output_kib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mib: 64, deadline_ms: 100, output_kib: 256 }
    }
}

impl Limits {
    /// What no plugin gets more of, whoever grants it.
    pub const MAXIMUM: Self = Self { memory_mib: 256, deadline_ms: 5_000, output_kib: 4_096 };

    /// The smaller of each.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        Self {
            memory_mib: self.memory_mib.min(other.memory_mib),
            deadline_ms: self.deadline_ms.min(other.deadline_ms),
            output_kib: self.output_kib.min(other.output_kib),
        }
    }

    /// The larger of each.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            memory_mib: self.memory_mib.max(other.memory_mib),
            deadline_ms: self.deadline_ms.max(other.deadline_ms),
            output_kib: self.output_kib.max(other.output_kib),
        }
    }

    /// The name and value of the first bound that is zero or above the maximum.
    pub(crate) fn out_of_range(self) -> Option<(&'static str, u32, u32)> {
        [
            ("memory-mib", self.memory_mib, Self::MAXIMUM.memory_mib),
            ("deadline-ms", self.deadline_ms, Self::MAXIMUM.deadline_ms),
            ("output-kib", self.output_kib, Self::MAXIMUM.output_kib),
        ]
        .into_iter()
        .find(|(_, value, maximum)| *value == 0 || value > maximum)
    }

    pub(crate) const fn memory(self) -> usize {
        (self.memory_mib as usize) << 20
    }

    pub(crate) const fn deadline(self) -> Duration {
        Duration::from_millis(self.deadline_ms as u64)
    }

    pub(crate) const fn output(self) -> usize {
        (self.output_kib as usize) << 10
    }

    /// Bytes that may cross from the guest to the host at once. The answer is
    /// measured exactly afterwards; this bounds what is copied before that, and
    /// leaves room for the arguments of imports, of which a file is the largest.
    pub(crate) const fn transfer(self, writes_files: bool) -> usize {
        let room = if writes_files { 5 << 20 } else { 1 << 20 };
        if self.output() > room { self.output() } else { room }
    }
}

/// Why the host stopped a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Stop {
    #[error("the instance wanted {wanted} bytes of memory and tables; its limit is {limit}")]
    Memory { wanted: usize, limit: usize },
    #[error("the guest was still running after {0:?}, its deadline")]
    Deadline(Duration),
    #[error("the answers of the host to this call would take more than {0} bytes of tape")]
    Tape(usize),
    #[error("the recording goes on otherwise here")]
    Diverged,
    #[error("the guest asked for {0} random bytes at once; 65536 are given")]
    Random(u64),
    #[error("the guest ended itself with exit status {0} and gave no answer")]
    Exit(u8),
}

/// Counts all memories and all tables of an instance in one sum, so that many
/// small ones are no way around the limit.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: usize,
    used: usize,
}

impl Meter {
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// Memory never shrinks, so what is used is also the peak.
    pub fn peak(&self) -> usize {
        self.used
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Beyond its own maximum it fails anyway, and must not be counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let wanted = self.used.saturating_add(desired.saturating_sub(current));
        if wanted > self.limit {
            // An error, not `false`: the guest must not mistake its limit for a
            // failed allocation, and its author must see where it happened.
            return Err(Stop::Memory { wanted, limit: self.limit }.into());
        }
        self.used = wanted;
        Ok(true)
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(current, desired, maximum)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = |elements: usize| elements.saturating_mul(size_of::<usize>());
        self.grow(bytes(current), bytes(desired), maximum.map(bytes))
    }
}
