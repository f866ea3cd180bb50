//! Limits of a call.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// All linear memories and tables of the instance together, in MiB.
    pub memory_mib: u32,
    /// From instantiation to the answer, in milliseconds.
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
    /// The maximum that can be granted.
    pub const MAXIMUM: Self = Self { memory_mib: 256, deadline_ms: 5_000, output_kib: 4_096 };

    /// The same with the longest deadline that can be granted.
    #[must_use]
    pub const fn unhurried(self) -> Self {
        Self { deadline_ms: Self::MAXIMUM.deadline_ms, ..self }
    }

    /// The minimum of each limit.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        Self {
            memory_mib: self.memory_mib.min(other.memory_mib),
            deadline_ms: self.deadline_ms.min(other.deadline_ms),
            output_kib: self.output_kib.min(other.output_kib),
        }
    }

    /// The maximum of each limit.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            memory_mib: self.memory_mib.max(other.memory_mib),
            deadline_ms: self.deadline_ms.max(other.deadline_ms),
            output_kib: self.output_kib.max(other.output_kib),
        }
    }

    /// Name, value and maximum of the first limit that is zero or above the maximum.
    pub(crate) fn out_of_range(self) -> Option<(&'static str, u32, u32)> {
        [
            ("memory-mib", self.memory_mib, Self::MAXIMUM.memory_mib),
            ("deadline-ms", self.deadline_ms, Self::MAXIMUM.deadline_ms),
            ("output-kib", self.output_kib, Self::MAXIMUM.output_kib),
        ]
        .into_iter()
        .find(|(_, value, maximum)| *value == 0 || value > maximum)
    }

    /// Limit of memories and tables, in bytes.
    pub const fn memory(self) -> usize {
        (self.memory_mib as usize) << 20
    }

    /// From instantiation to the answer.
    pub const fn deadline(self) -> Duration {
        Duration::from_millis(self.deadline_ms as u64)
    }

    /// Limit of the answer as JSON, in bytes.
    pub const fn output(self) -> usize {
        (self.output_kib as usize) << 10
    }
}
