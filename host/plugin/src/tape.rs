//! The record of a call, complete enough to replay it.

use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use xinglin_domain::{
    code::Code,
    decision::Difference,
    id::{CallId, TenantId},
    time::Instant,
};

use crate::{digest::Digest, failure::FailureCode, limits::Limits};

/// The record of one call: input, every answer of the host, output. JSON is kept as text, so no
/// store can reorder it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tape {
    /// The call.
    pub call: CallId,
    /// The tenant.
    pub tenant: TenantId,
    /// Id of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: Version,
    /// Digest of its component.
    pub digest: Digest,
    /// Interface and function.
    pub hook: String,
    /// Fingerprint of the compiler and its settings.
    pub engine: String,
    /// Limits of the call.
    pub limits: Limits,
    /// Start, by the caller's clock.
    pub started: Instant,
    /// The arguments, as JSON of domain types.
    pub input: String,
    /// Answers of the host, in order. `log` has no answer and is not recorded.
    pub answers: Vec<Answer>,
    /// The output.
    pub output: Output,
    /// Whether the call was given entries of a restricted compartment, by their labels: the
    /// content alone may not show it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
}

/// One answer of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Interface and function.
    pub import: String,
    /// Digest of its arguments.
    pub arguments: Digest,
    /// The answer, as JSON.
    pub answer: String,
}

/// Output of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The plugin's answer, as JSON of domain types.
    Answered(String),
    /// The call failed.
    Failed(FailureCode),
}

impl Tape {
    /// SHA-256 over the whole tape. Each part is preceded by its length, so different tapes have
    /// different input bytes, independent of the store's format.
    pub fn record_hash(&self) -> Digest {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(b"xinglin-tape-1");
        part(&self.call.as_u128().to_be_bytes());
        part(&self.tenant.as_u128().to_be_bytes());
        part(self.plugin.as_bytes());
        part(self.version.to_string().as_bytes());
        part(&self.digest.0);
        part(self.hook.as_bytes());
        part(self.engine.as_bytes());
        for limit in [self.limits.memory_mib, self.limits.deadline_ms, self.limits.output_kib] {
            part(&limit.to_be_bytes());
        }
        part(&self.started.micros().to_be_bytes());
        part(self.input.as_bytes());
        part(&(self.answers.len() as u64).to_be_bytes());
        for answer in &self.answers {
            part(answer.import.as_bytes());
            part(&answer.arguments.0);
            part(answer.answer.as_bytes());
        }
        match &self.output {
            Output::Answered(json) => {
                part(b"answered");
                part(json.as_bytes());
            }
            Output::Failed(code) => {
                part(b"failed");
                part(code.as_str().as_bytes());
            }
        }
        Digest(hash.finalize().into())
    }
}

/// The result of replaying a tape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// Whether output and imports called are the same, byte for byte.
    pub identical: bool,
    /// Whether that is conclusive. A failure by load or time, then or now, need not recur.
    pub conclusive: bool,
    /// Whether it is the component of the tape. If not, differences are what a new version would
    /// decide otherwise.
    pub same_component: bool,
    /// Whether the fingerprint of the engine is that of the tape.
    pub same_engine: bool,
    /// Whether the plugin called imports that differ from the tape.
    pub diverged: bool,
    /// Output on the tape.
    pub recorded: Output,
    /// Output of the replay.
    pub replayed: Output,
    /// Decisions that differ, by kind. Empty if only wording or opaque state differ.
    pub differences: Vec<Difference>,
}

/// Why a tape cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplayError {
    /// This host does not know the hook.
    #[error("the tape is of `{0}`, which this host does not call")]
    UnknownHook(String),
    /// The input does not have the type of its hook.
    #[error("the input on the tape cannot be read: {0}")]
    Unreadable(String),
}

impl ReplayError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::UnknownHook(_) => Code::PluginInterface,
            Self::Unreadable(_) => Code::BodyInvalid,
        }
    }
}
