//! The record of a call, complete enough to run it again.

use std::collections::VecDeque;

use semver::Version;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use xinglin_domain::{
    code::Code,
    coding::Attribute,
    decision::{Decisions, Difference},
    id::{CallId, TenantId},
    time::Instant,
};

use crate::{
    Call, CallContext, Digest, FailureCode, HostServices, Limits, Plugin, Runtime,
    hook::{HOOKS, Hook},
    limits::Stop,
};

/// Bytes of host answers that one call may have on tape.
const MAX_ANSWERS: usize = 8 << 20;

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
    /// [`Runtime::fingerprint`].
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

// --- recording ---------------------------------------------------------------

/// What a guest asks of the host.
pub(crate) struct Question {
    import: &'static str,
    arguments: Digest,
}

impl Question {
    pub fn new(import: &'static str, arguments: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for argument in arguments {
            hash.update((argument.len() as u64).to_be_bytes());
            hash.update(argument);
        }
        Self { import, arguments: Digest(hash.finalize().into()) }
    }

    pub fn import(&self) -> &'static str {
        self.import
    }
}

/// Writes the answers of a call down; in a rerun, also gives them.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub answers: Vec<Answer>,
    bytes: usize,
    recording: Recording,
}

/// Where answers come from.
#[derive(Debug, Default)]
enum Recording {
    /// The host.
    #[default]
    None,
    /// The tape, in its order, and nowhere else.
    Strict(VecDeque<Answer>),
    /// The tape wherever it has the answer, or else the host.
    Lenient { rest: Vec<Answer>, asked_more: bool },
}

impl Recorder {
    fn of(rerun: &Rerun, answers: &[Answer]) -> Self {
        let recording = match rerun {
            Rerun::Same => Recording::Strict(answers.iter().cloned().collect()),
            Rerun::Other { .. } => Recording::Lenient { rest: answers.to_vec(), asked_more: false },
        };
        Self { recording, ..Self::default() }
    }

    /// Whether this call is the first of its kind, and not a rerun.
    pub fn is_live(&self) -> bool {
        matches!(self.recording, Recording::None)
    }

    /// Whether what the guest writes must be carried out, so that it reads its own
    /// writes although its reads are not all on the tape.
    pub fn is_lenient(&self) -> bool {
        matches!(self.recording, Recording::Lenient { .. })
    }

    /// The recorded answer, or `None` if the host must answer. It is an error if
    /// the tape alone may answer and goes on with another question.
    pub fn recorded<T: DeserializeOwned>(&mut self, question: &Question) -> wasmtime::Result<Option<T>> {
        let same = |next: &Answer| next.import == question.import && next.arguments == question.arguments;
        let next = match &mut self.recording {
            Recording::None => return Ok(None),
            Recording::Strict(recording) => recording.pop_front().filter(same),
            Recording::Lenient { rest, asked_more } => match rest.iter().position(same) {
                Some(place) => Some(rest.remove(place)),
                None => {
                    *asked_more = true;
                    return Ok(None);
                }
            },
        };
        next.and_then(|next| serde_json::from_str(&next.answer).ok()).map(Some).ok_or_else(|| Stop::Diverged.into())
    }

    pub fn record<T: Serialize>(&mut self, question: Question, answer: &T) -> wasmtime::Result<()> {
        let answer = serde_json::to_string(answer)?;
        self.bytes += question.import.len() + size_of::<Digest>() + answer.len();
        if self.bytes > MAX_ANSWERS {
            return Err(Stop::Tape(MAX_ANSWERS).into());
        }
        self.answers.push(Answer { import: question.import.to_owned(), arguments: question.arguments, answer });
        Ok(())
    }

    /// Whether a rerun asked other questions than the tape has answers to.
    pub fn diverged(&self) -> bool {
        match &self.recording {
            Recording::None => false,
            Recording::Strict(rest) => !rest.is_empty(),
            Recording::Lenient { rest, asked_more } => *asked_more || !rest.is_empty(),
        }
    }
}

// --- replaying ---------------------------------------------------------------

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

/// How a tape is run again.
pub(crate) enum Rerun {
    /// On the tape alone: the same component must do the same.
    Same,
    /// By another component, which may ask for what is not on the tape.
    Other { settings: Vec<Attribute>, services: HostServices },
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

impl Runtime {
    /// Runs a tape again: the host's answers come from the tape, nothing is
    /// written anywhere, and output and questions are compared byte for byte.
    ///
    /// # Errors
    /// If the tape cannot be understood; a different outcome is no error.
    pub async fn replay(&self, plugin: &Plugin, tape: &Tape) -> Result<ReplayReport, ReplayError> {
        self.rerun(plugin, tape, Rerun::Same).await
    }

    /// Runs a tape on another version of its plugin, to see what that would have
    /// decided. The host's answers come from the tape where it has them, and else
    /// from what is lent: lend nothing that acts. Its writes go nowhere.
    ///
    /// # Errors
    /// If the tape cannot be understood; a different outcome is no error.
    pub async fn compare(
        &self,
        candidate: &Plugin,
        tape: &Tape,
        settings: Vec<Attribute>,
        services: HostServices,
    ) -> Result<ReplayReport, ReplayError> {
        self.rerun(candidate, tape, Rerun::Other { settings, services }).await
    }

    async fn rerun(&self, plugin: &Plugin, tape: &Tape, rerun: Rerun) -> Result<ReplayReport, ReplayError> {
        let recorded = HOOKS
            .iter()
            .find(|entry| entry.name.to_string() == tape.hook)
            .ok_or_else(|| ReplayError::UnknownHook(tape.hook.clone()))?;
        // A candidate may have gone on to another major, and is asked the same in that.
        let served = HOOKS.iter().find(|entry| entry.name.is_kin(recorded.name) && plugin.has(entry.name));
        let entry = match rerun {
            Rerun::Same => recorded,
            Rerun::Other { .. } => served.unwrap_or(recorded),
        };
        (entry.replay)(self, plugin, tape, rerun).await
    }

    pub(crate) async fn replay_as<H: Hook>(
        &self,
        plugin: &Plugin,
        tape: &Tape,
        rerun: Rerun,
    ) -> Result<ReplayReport, ReplayError> {
        let input: H::Input<'_> =
            serde_json::from_str(&tape.input).map_err(|e| ReplayError::Unreadable(e.to_string()))?;
        let recorder = Recorder::of(&rerun, &tape.answers);
        let is_same = matches!(rerun, Rerun::Same);
        let (settings, services) = match rerun {
            Rerun::Same => (Vec::new(), HostServices::default()),
            Rerun::Other { settings, services } => (settings, services),
        };
        let context = CallContext {
            call: tape.call,
            tenant: tape.tenant,
            request_id: "replay".to_owned(),
            settings,
            now: tape.started,
            services,
        };
        let limits = match is_same {
            // A slower machine must not turn an answer into a failure.
            true => Limits { deadline_ms: Limits::MAXIMUM.deadline_ms, ..tape.limits },
            false => plugin.limits(),
        };
        let (Call { tape: again, .. }, diverged): (Call<H::Output>, bool) =
            self.run::<H>(plugin, context, &input, recorder, limits).await;
        let diverged = diverged || again.answers != tape.answers;
        let depends_on_load = |output: &Output| matches!(output, Output::Failed(code) if !code.is_deterministic());
        let decisions = |output: &Output| match output {
            Output::Failed(code) => Ok(Decisions::failure(code.as_str())),
            Output::Answered(json) => serde_json::from_str::<H::Output>(json)
                .map(|answer| Decisions::of(&answer))
                .map_err(|e| ReplayError::Unreadable(e.to_string())),
        };
        Ok(ReplayReport {
            identical: !diverged && again.output == tape.output,
            conclusive: !depends_on_load(&tape.output) && !depends_on_load(&again.output),
            same_component: again.digest == tape.digest,
            same_engine: again.engine == tape.engine,
            diverged,
            differences: decisions(&tape.output)?.differences(&decisions(&again.output)?),
            recorded: tape.output.clone(),
            replayed: again.output,
        })
    }
}
