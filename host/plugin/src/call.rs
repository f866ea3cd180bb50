//! What came of a call.

use std::time;

use serde::{Deserialize, Serialize};

use crate::{failure::CallFailure, log::LogLine, tape::Tape};

/// What came of a call.
#[derive(Debug)]
pub struct Call<T> {
    /// The plugin's answer, or why there is none.
    pub outcome: Result<T, CallFailure>,
    /// To be chained and kept, whatever the outcome.
    pub tape: Tape,
    /// To be made durable together with what follows from the answer. Empty if
    /// there was none.
    pub kv_writes: Vec<KvWrite>,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
    /// How many lines of log were dropped after those.
    pub log_dropped: u64,
    /// From the making of the instance to its end; nothing if it never began.
    pub elapsed: time::Duration,
    /// Bytes of memories and tables at their peak.
    pub memory_peak: usize,
}

impl<T> Call<T> {
    /// How it ended, in a word: `answered`, or the code of the failure.
    pub fn outcome_code(&self) -> &'static str {
        self.outcome.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "answered")
    }
}

/// A write to be made durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KvWrite {
    /// Of which key.
    pub key: String,
    /// What it becomes; `None` deletes it.
    pub value: Option<Vec<u8>>,
}
