//! Enforcement of a call's limits.

use std::time::Duration;

use thiserror::Error;
use wasmtime::ResourceLimiter;
use xinglin_plugin::Limits;

/// Maximum bytes that may be copied from the guest to the host at once. The exact size of the
/// answer is checked later; this limits what is copied before, with room for the arguments of
/// imports, of which a file is the largest.
pub(crate) const fn transfer(limits: Limits, writes_files: bool) -> usize {
    let room = if writes_files { 5 << 20 } else { 1 << 20 };
    if limits.output() > room { limits.output() } else { room }
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

/// Counts all memories and tables of an instance in one sum, so that many small ones are limited
/// too.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: usize,
    used: usize,
}

impl Meter {
    pub fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// Memory never shrinks, so the current value is the peak.
    pub fn peak(&self) -> usize {
        self.used
    }

    fn grow(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Growth beyond its own maximum fails anyway, and must not be counted.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let wanted = self.used.saturating_add(desired.saturating_sub(current));
        if wanted > self.limit {
            // An error instead of `false`: the guest must not treat the limit as a failed
            // allocation, and its author needs the backtrace.
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
