//! What is remembered of a patient, serialised. It names stages, tasks and rules by their codes, so that
//! a new version of the file reads it as long as these stay.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xinglin_pathway_file::model::Pathway;
use xinglin_sdk::{
    pathway::{Error, State},
    time::Instant,
};

/// Version of the format.
pub const VERSION: u32 = 1;

/// An occurrence of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// When it is due.
    pub due: Instant,
    /// What became of it so far.
    pub so_far: SoFar,
}

/// What became of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SoFar {
    /// Not due yet.
    Waiting,
    /// Due.
    Due,
    /// Somebody says that the test was done; there is no result.
    Claimed,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Given {
    /// Yes or no.
    Truth(bool),
    /// Unscaled value and scale, in the unit of the question.
    Number(i64, u8),
    /// Code of the choice, or the text.
    Code(String),
}

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Day 0.
    pub enrolled: Instant,
    /// Code of the stage.
    pub stage: String,
    /// When it began.
    pub since: Instant,
    /// The next occurrence of each task of the stage.
    pub tasks: BTreeMap<String, Planned>,
    /// Tasks whose last occurrence was missed.
    pub missed: BTreeSet<String>,
    /// The last answers, by questionnaire and question.
    pub answers: BTreeMap<String, BTreeMap<String, Given>>,
    /// Holds that stand; true if a doctor must lift them.
    pub holds: BTreeMap<String, bool>,
    /// Rules whose condition was true last.
    pub firing: BTreeSet<String>,
    /// By rule, until when its referral is followed up.
    pub referred: BTreeMap<String, Instant>,
}

impl Memory {
    /// At enrolment.
    pub fn new(file: &Pathway, now: Instant) -> Self {
        Self {
            enrolled: now,
            stage: file.stages.first().map(|stage| stage.code.clone()).unwrap_or_default(),
            since: now,
            tasks: BTreeMap::new(),
            missed: BTreeSet::new(),
            answers: BTreeMap::new(),
            holds: BTreeMap::new(),
            firing: BTreeSet::new(),
            referred: BTreeMap::new(),
        }
    }

    /// # Errors
    /// `BadState` if it has another version, is malformed, or is in a stage that the file does not have.
    pub fn read(state: &State, file: &Pathway) -> Result<Self, Error> {
        let memory: Self = pathway_kit::read(state, VERSION)?;
        match file.stage(&memory.stage) {
            Some(_) => Ok(memory),
            None => Err(Error::BadState(format!("the file has no stage `{}` any more", memory.stage))),
        }
    }

    /// # Errors
    /// If it cannot be serialised.
    pub fn write(&self) -> Result<State, Error> {
        pathway_kit::write(self, VERSION)
    }
}
