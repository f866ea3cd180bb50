//! The record of a call, complete enough to run it again.

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

/// One call: what went in, what the host answered meanwhile, what came out.
/// JSON is kept as the text it was, so that no store can reorder it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tape {
    /// Which call.
    pub call: CallId,
    /// Of whom.
    pub tenant: TenantId,
    /// Id of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: Version,
    /// The very bytes of it.
    pub digest: Digest,
    /// Interface and function.
    pub hook: String,
    /// Names the compiler and its settings.
    pub engine: String,
    /// What the call was allowed.
    pub limits: Limits,
    /// When, by the caller's clock.
    pub started: Instant,
    /// The arguments, as JSON of domain types.
    pub input: String,
    /// What the host answered, in order. `log` answers nothing and is not here.
    pub answers: Vec<Answer>,
    /// What came out.
    pub output: Output,
}

/// One answer of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Interface and function.
    pub import: String,
    /// Of its arguments.
    pub arguments: Digest,
    /// As JSON.
    pub answer: String,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// What the plugin answered, as JSON of domain types.
    Answered(String),
    /// It gave no answer.
    Failed(FailureCode),
}

impl Tape {
    /// SHA-256 over everything in the tape. Each part is preceded by its
    /// length, so no two tapes share their bytes, however a store writes them
    /// down.
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

/// A tape run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// Whether output and questions to the host are the same, byte for byte.
    pub identical: bool,
    /// Whether that proves anything. What ended by load or time, then or now,
    /// need not end so again.
    pub conclusive: bool,
    /// Whether it is the component of the tape. If not, a difference is what a
    /// new version would have decided otherwise.
    pub same_component: bool,
    /// Whether compiler and settings are those of the tape.
    pub same_engine: bool,
    /// Whether the plugin asked the host otherwise than on the tape.
    pub diverged: bool,
    /// Output of the tape.
    pub recorded: Output,
    /// Output now.
    pub replayed: Output,
    /// What would have been decided otherwise, by kind. Empty if only words or
    /// opaque state differ.
    pub differences: Vec<Difference>,
}

/// A tape cannot be run again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplayError {
    /// This host no longer has the hook.
    #[error("the tape is of `{0}`, which this host does not call")]
    UnknownHook(String),
    /// The input of the tape is not that of its hook.
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
