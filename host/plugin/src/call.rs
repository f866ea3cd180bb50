//! The result of a call.

use std::time;

use serde::{Deserialize, Serialize};
use xinglin_domain::insurance::Fault;

use crate::{failure::CallFailure, log::LogLine, tape::Tape};

/// The result of a call.
#[derive(Debug)]
pub struct Call<T> {
    /// The plugin's answer, or the failure.
    pub outcome: Result<T, CallFailure>,
    /// The tape; to be chained and stored, whatever the outcome.
    pub tape: Tape,
    /// Writes to `kv`, to be committed with the effects of the answer. Empty if the call failed.
    pub kv_writes: Vec<KvWrite>,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
    /// Number of lines dropped after those.
    pub log_dropped: u64,
    /// From instantiation to the end; zero if it was not started.
    pub elapsed: time::Duration,
    /// Peak size of memories and tables, in bytes.
    pub memory_peak: usize,
    /// What is wrong with an answer that has the right type: it counts as a failure of the plugin,
    /// and is still given, as something may have been done.
    pub mistake: Option<Mistake>,
}

/// A mistake in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The field of the answer: `parts[cash]`.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

impl From<Fault> for Mistake {
    fn from(fault: Fault) -> Self {
        Self { what: fault.wrong.to_string(), field: fault.field }
    }
}

/// Finds the mistake in an answer, if there is one.
pub type Judge<'a, T> = &'a (dyn Fn(&T) -> Option<Mistake> + Send + Sync);

impl<T> Call<T> {
    /// The outcome as one word: `answered`, or the code of the failure.
    pub fn outcome_code(&self) -> &'static str {
        self.outcome.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "answered")
    }
}

/// A write to `kv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KvWrite {
    /// The key.
    pub key: String,
    /// The new value; `None` deletes the key.
    pub value: Option<Vec<u8>>,
}
