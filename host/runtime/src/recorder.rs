//! Records the answers of a call, and returns recorded answers in a rerun.

use std::collections::VecDeque;

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use xinglin_plugin::{Answer, Digest};

use crate::limits::Stop;

/// Maximum bytes of recorded answers of one call.
const MAX_ANSWERS: usize = 8 << 20;

/// A call of an import by the guest.
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

/// Records the answers of a call; in a rerun also returns them.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub answers: Vec<Answer>,
    bytes: usize,
    recording: Recording,
}

/// The source of answers.
#[derive(Debug, Default)]
enum Recording {
    /// The host only.
    #[default]
    None,
    /// The tape only, in its order.
    Strict(VecDeque<Answer>),
    /// The tape if it has the answer, otherwise the host.
    Lenient { rest: Vec<Answer>, asked_more: bool },
}

impl Recorder {
    /// Returns these answers, in order, and no others.
    pub fn strict(answers: &[Answer]) -> Self {
        Self { recording: Recording::Strict(answers.iter().cloned().collect()), ..Self::default() }
    }

    /// Returns these answers where they match; the host answers the rest.
    pub fn lenient(answers: &[Answer]) -> Self {
        Self { recording: Recording::Lenient { rest: answers.to_vec(), asked_more: false }, ..Self::default() }
    }

    /// Whether this is an original call, not a rerun.
    pub fn is_live(&self) -> bool {
        matches!(self.recording, Recording::None)
    }

    /// Whether the guest's writes must be applied, so that it reads its own writes although not
    /// all its reads are on the tape.
    pub fn is_lenient(&self) -> bool {
        matches!(self.recording, Recording::Lenient { .. })
    }

    /// The recorded answer, or `None` if the host must answer. An error if only the tape may
    /// answer and its next question differs.
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

    /// Whether a rerun asked questions that are not on the tape.
    pub fn diverged(&self) -> bool {
        match &self.recording {
            Recording::None => false,
            Recording::Strict(rest) => !rest.is_empty(),
            Recording::Lenient { rest, asked_more } => *asked_more || !rest.is_empty(),
        }
    }
}
