//! `xinglin:host/files`: data packs of the operator, and a scratch folder for the duration of the
//! call.
//!
//! A guest's path is only looked up in the index of a pack, or among the files that the call has
//! created. It is never passed to the operating system.

pub(crate) mod pack;
pub(crate) mod scratch;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tracing::Instrument;
use xinglin_plugin::Digest;

use self::{
    pack::Pack,
    scratch::{Scratch, ScratchError},
};
use super::CallState;
use crate::{limits::Stop, recorder::Question, trace, wit::xinglin::host::files as wit};

/// Maximum bytes of one read or write.
const MOST: u64 = 4 << 20;
/// Maximum length of a path, in bytes.
const LONGEST_PATH: usize = 255;

/// Files that a call may access.
pub(crate) struct Files {
    pub packs: BTreeMap<String, Arc<Pack>>,
    pub scratch: Scratch,
}

impl Files {
    pub fn new(packs: Vec<Arc<Pack>>, scratch_kib: u32) -> Self {
        Self {
            packs: packs.into_iter().map(|pack| (pack.name.clone(), pack)).collect(),
            scratch: Scratch::new(u64::from(scratch_kib) << 10),
        }
    }

    /// Names and digests of the packs, for the tape.
    pub fn digests(&self) -> Vec<TapedPack> {
        self.packs.values().map(|pack| TapedPack { name: pack.name.clone(), digest: pack.digest }).collect()
    }
}

/// Resolves a path relative to a folder: segments separated by slashes, empty for the folder
/// itself. `None` if it is malformed, or leads out of the folder. There are no links, so `..` is
/// the parent.
pub(crate) fn resolve(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\0') || path.len() > LONGEST_PATH {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    (path.len() <= LONGEST_PATH).then_some(path)
}

/// Checks a path by the contract: relative, without `..`, and not the folder itself.
fn path(path: &str) -> Result<String, FileError> {
    let plain = resolve("", path).filter(|plain| !plain.is_empty() && !path.split('/').any(|part| part == ".."));
    plain.ok_or(FileError::InvalidPath)
}

/// A pack, as recorded on the tape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TapedPack {
    pub name: String,
    pub digest: Digest,
}

/// A read, as recorded on the tape, without the bytes, which are in the pack.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Reading {
    sha256: Digest,
    length: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileError {
    NotFound,
    InvalidPath,
    TooLarge(u64),
    Unavailable,
    Other(String),
}

impl From<FileError> for wit::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::NotFound => Self::NotFound,
            FileError::InvalidPath => Self::InvalidPath,
            FileError::TooLarge(bound) => Self::TooLarge(bound),
            FileError::Unavailable => Self::Unavailable,
            FileError::Other(what) => Self::Other(what),
        }
    }
}

impl From<ScratchError> for FileError {
    fn from(error: ScratchError) -> Self {
        match error {
            ScratchError::NotFound => Self::NotFound,
            ScratchError::Full(quota) => Self::TooLarge(quota),
            other => Self::Other(other.to_string()),
        }
    }
}

impl CallState {
    async fn read_pack_live(&mut self, name: &str, file: &str, offset: u64, length: u32) -> Result<Vec<u8>, FileError> {
        let pack = self.files.packs.get(name).cloned().ok_or(FileError::NotFound)?;
        let file = path(file)?;
        if u64::from(length) > MOST {
            return Err(FileError::TooLarge(MOST));
        }
        self.waiting = true;
        let reading = tokio::task::spawn_blocking(move || pack.read(&file, offset, length.into()));
        let read = reading.instrument(trace::import("files.read-pack")).await;
        self.waiting = false;
        read.unwrap_or(Err(FileError::Unavailable))
    }
}

impl wit::Host for CallState {
    async fn packs(&mut self) -> wasmtime::Result<Vec<wit::Pack>> {
        let question = Question::new("files.packs", &[]);
        let answer: Vec<TapedPack> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => self.files.digests(),
        };
        self.tape.record(question, &answer)?;
        Ok(answer.into_iter().map(|pack| wit::Pack { name: pack.name, digest: pack.digest.to_string() }).collect())
    }

    async fn list_pack(&mut self, pack: String) -> wasmtime::Result<Result<Vec<String>, wit::Error>> {
        let question = Question::new("files.list-pack", &[pack.as_bytes()]);
        let answer: Result<Vec<String>, FileError> = match self.tape.recorded(&question)? {
            Some(recorded) => recorded,
            None => self.files.packs.get(&pack).map(|pack| pack.paths()).ok_or(FileError::NotFound),
        };
        self.tape.record(question, &answer)?;
        Ok(answer.map_err(Into::into))
    }

    async fn read_pack(
        &mut self,
        pack: String,
        path: String,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::Error>> {
        let arguments: [&[u8]; 4] = [pack.as_bytes(), path.as_bytes(), &offset.to_be_bytes(), &length.to_be_bytes()];
        let question = Question::new("files.read-pack", &arguments);
        let recorded: Option<Result<Reading, FileError>> = self.tape.recorded(&question)?;
        // A recorded failure is returned again; a recorded success is read again from the pack.
        let live = match &recorded {
            Some(Err(error)) => Err(error.clone()),
            _ => self.read_pack_live(&pack, &path, offset, length).await,
        };
        let answer = match &live {
            Ok(bytes) => Ok(Reading { sha256: Digest::of(bytes), length: bytes.len() as u64 }),
            Err(error) => Err(error.clone()),
        };
        if recorded.is_some_and(|recorded| recorded != answer) {
            return Err(Stop::Diverged.into());
        }
        self.tape.record(question, &answer)?;
        Ok(live.map_err(Into::into))
    }

    // The content of the scratch folder follows from the call's own writes, so it is not
    // recorded.

    async fn read_scratch(
        &mut self,
        name: String,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::Error>> {
        let read = || {
            let file = self.files.scratch.file(&path(&name)?)?;
            if u64::from(length) > MOST { Err(FileError::TooLarge(MOST)) } else { Ok(file.read(offset, length.into())) }
        };
        Ok(read().map_err(Into::into))
    }

    async fn write_scratch(&mut self, name: String, content: Vec<u8>) -> wasmtime::Result<Result<(), wit::Error>> {
        let mut write = || {
            let name = path(&name)?;
            if content.len() as u64 > MOST {
                return Err(FileError::TooLarge(MOST));
            }
            Ok(self.files.scratch.put(&name, &content)?)
        };
        Ok(write().map_err(Into::into))
    }

    async fn remove_scratch(&mut self, name: String) -> wasmtime::Result<Result<(), wit::Error>> {
        let name = match path(&name) {
            Ok(name) => name,
            Err(error) => return Ok(Err(error.into())),
        };
        self.files.scratch.remove_all(&name);
        Ok(Ok(()))
    }
}
