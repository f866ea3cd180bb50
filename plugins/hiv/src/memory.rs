//! The pathway's state of one patient, serialised.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    pathway::{Error, State},
    settings,
    time::Instant,
};

use crate::schedule::Lab;

/// Version of the format. A new field needs a new version, and a reader for this one.
pub const VERSION: u32 = 1;

/// What the patient is followed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arm {
    /// Not known yet, or no risk.
    Assessment,
    /// After an exposure.
    Urgent,
    /// Prevention, wanted or taken.
    Prevention,
    /// An infection.
    Treatment,
}

/// Why online prescribing is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hold {
    /// An exposure not long ago: care begins face to face.
    Urgent,
    /// A test that is not negative.
    Reactive,
    /// No negative test in its time; a negative one lifts it.
    Overdue,
    /// Signs of an acute infection.
    Symptoms,
    /// A clearance that is too low.
    Kidney,
    /// Thoughts of suicide.
    Safety,
}

impl Hold {
    /// Its code in the directives; staff outside of the compartment do not see it, the patient may.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Urgent => "urgent-visit",
            Self::Reactive => "result-to-confirm",
            Self::Overdue => "test-overdue",
            Self::Symptoms => "symptoms",
            Self::Kidney => "kidney-function",
            Self::Safety => "safety",
        }
    }
}

/// What was planned of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// When the record wanted it.
    pub wanted: Instant,
    /// When its task is due.
    pub due: Instant,
}

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Day 0.
    pub enrolled: Instant,
    /// What the patient is followed for.
    pub arm: Arm,
    /// Since when.
    pub arm_since: Instant,
    /// When the exposure was, if that is known.
    pub exposed: Option<Instant>,
    /// When the course began.
    pub started: Option<Instant>,
    /// The window closed without a course.
    pub expired: bool,
    /// Since when prevention is taken, as far as is known.
    pub prevention_since: Option<Instant>,
    /// Whether the CD4 count at the start of treatment was below 300.
    pub low_baseline: Option<bool>,
    /// Whether two high viral loads were reported, and none has been lower since.
    pub failing: bool,
    /// Holds that nobody has released yet.
    pub holds: BTreeSet<Hold>,
    /// Planned tests.
    pub labs: BTreeMap<Lab, Plan>,
    /// Codes of questionnaires that are due and not answered.
    pub unanswered: BTreeSet<String>,
    /// Until when a pharmacist need not be called again.
    pub called_until: Option<Instant>,
    /// The end of a negative test that a doctor has let pass.
    pub waived: Option<Instant>,
    /// When the timer of a negative test is set to ring.
    pub renewal: Option<Instant>,
    /// When the timer of an ended supply is set to ring.
    pub supply: Option<Instant>,
}

impl Memory {
    /// The state at enrolment.
    pub const fn new(now: Instant) -> Self {
        Self {
            enrolled: now,
            arm: Arm::Assessment,
            arm_since: now,
            exposed: None,
            started: None,
            expired: false,
            prevention_since: None,
            low_baseline: None,
            failing: false,
            holds: BTreeSet::new(),
            labs: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            called_until: None,
            waived: None,
            renewal: None,
            supply: None,
        }
    }

    /// Day 0 of the tests after an exposure: of the course, in China of the exposure.
    pub fn course_began(&self) -> Instant {
        let china = settings::boolean("chinese-test-weeks") == Some(true);
        let [first, second] = if china { [self.exposed, self.started] } else { [self.started, self.exposed] };
        first.or(second).unwrap_or(self.arm_since)
    }

    /// # Errors
    /// `BadState` if the data have a later version, or are malformed.
    pub fn read(state: &State) -> Result<Self, Error> {
        pathway_kit::read(state, VERSION)
    }

    /// # Errors
    /// If the state cannot be serialised.
    pub fn write(&self) -> Result<State, Error> {
        pathway_kit::write(self, VERSION)
    }

    /// The stage.
    pub fn stage(&self) -> &'static str {
        let waits = self.holds.iter().any(|hold| *hold != Hold::Overdue);
        match self.arm {
            Arm::Urgent => "urgent",
            _ if waits => "offline",
            Arm::Assessment => "assessment",
            Arm::Prevention => "prevention",
            Arm::Treatment => "treatment",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_back_or_refused() {
        let mut memory = Memory::new(1_767_225_600_000_000);
        memory.holds.insert(Hold::Overdue);
        memory.labs.insert(Lab::Cd4, Plan { wanted: 1, due: 2 });
        let state = memory.write().expect("written");
        assert_eq!(Memory::read(&state), Ok(memory));
        let newer = State { version: VERSION + 1, data: state.data.clone() };
        let short = State { version: VERSION, data: vec![1] };
        let long = State { version: VERSION, data: [state.data, vec![0]].concat() };
        for bad in [newer, short, long] {
            assert!(matches!(Memory::read(&bad), Err(Error::BadState(_))), "{bad:?}");
        }
    }
}
