//! The pathway's state of one patient, serialised.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    follow_up::{Error, State, migration::Migrated},
    settings,
    time::Instant,
};

use crate::{schedule::Lab, step::task};

/// Version of the format. A new field needs a new version, and a reader for this one. The order of the variants of
/// [`Arm`], [`Hold`] and [`Lab`] is part of all formats: new ones come last.
pub const VERSION: u32 = 3;

/// Version of the component of pathway 1.0.
const FIRST: u32 = 1;

/// Version before signs of an infection stood until a doctor had decided.
const SECOND: u32 = 2;

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

/// Why medicines are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hold {
    /// An exposure not long ago: care begins face to face.
    Urgent,
    /// A test that is not negative.
    Reactive,
    /// No negative test in its time, as the first version held it: everything. [`Hold::Renewal`] takes its place.
    Overdue,
    /// Signs of an acute infection.
    Symptoms,
    /// A clearance that is too low.
    Kidney,
    /// Thoughts of suicide, of the first version: now the host's contact locks the visit.
    Safety,
    /// No negative test in its time; a newer negative one of the laboratory lifts it, whatever the patient says.
    Renewal,
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
            Self::Renewal => "renewal-test",
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
    /// The patient was seen face to face after the exposure.
    pub seen: bool,
    /// Since when prevention is taken, as far as is known.
    pub prevention_since: Option<Instant>,
    /// Whether the CD4 count at the start of treatment was below 300.
    pub low_baseline: Option<bool>,
    /// Whether two high viral loads were reported, and none has been lower since.
    pub failing: bool,
    /// When the team decided about that, if it has.
    pub decided: Option<Instant>,
    /// Holds that nobody has released yet.
    pub holds: BTreeSet<Hold>,
    /// Planned tests.
    pub labs: BTreeMap<Lab, Plan>,
    /// Codes of questionnaires that were asked and not answered.
    pub asked: BTreeSet<String>,
    /// Until when a pharmacist need not be called again.
    pub called_until: Option<Instant>,
    /// The end of a negative test that a doctor has let pass.
    pub waived: Option<Instant>,
    /// When the timer of a negative test is set to ring.
    pub renewal: Option<Instant>,
    /// When the timer of an ended supply is set to ring.
    pub supply: Option<Instant>,
    /// Tasks whose questions the first version had asked: there until the first step after it.
    pub inherited: Option<BTreeSet<String>>,
    /// When a doctor last decided about a sign of an infection, and lifted the hold for it.
    pub confirmed: Option<Instant>,
    /// When the newest negative test was taken, at the time that [`Hold::Renewal`] was placed.
    pub negative_at_hold: Option<Instant>,
    /// Whether a pregnancy was on record at the last step.
    pub pregnant: bool,
}

/// The state of the first version, as it wrote it.
#[derive(Debug, Serialize, Deserialize)]
struct First {
    enrolled: Instant,
    arm: Arm,
    arm_since: Instant,
    exposed: Option<Instant>,
    started: Option<Instant>,
    expired: bool,
    prevention_since: Option<Instant>,
    low_baseline: Option<bool>,
    failing: bool,
    holds: BTreeSet<Hold>,
    labs: BTreeMap<Lab, Plan>,
    /// Codes of tasks.
    unanswered: BTreeSet<String>,
    called_until: Option<Instant>,
    waived: Option<Instant>,
    renewal: Option<Instant>,
    supply: Option<Instant>,
}

/// The state of the second version, as it wrote it.
#[derive(Debug, Serialize, Deserialize)]
struct Second {
    enrolled: Instant,
    arm: Arm,
    arm_since: Instant,
    exposed: Option<Instant>,
    started: Option<Instant>,
    expired: bool,
    seen: bool,
    prevention_since: Option<Instant>,
    low_baseline: Option<bool>,
    failing: bool,
    decided: Option<Instant>,
    holds: BTreeSet<Hold>,
    labs: BTreeMap<Lab, Plan>,
    asked: BTreeSet<String>,
    called_until: Option<Instant>,
    waived: Option<Instant>,
    renewal: Option<Instant>,
    supply: Option<Instant>,
    inherited: Option<BTreeSet<String>>,
}

impl From<First> for Memory {
    fn from(first: First) -> Self {
        let series = first.unanswered.iter().filter_map(|code| task::series(code));
        let asked = series.flat_map(|(series, _)| series.questionnaires).map(|code| (*code).to_owned()).collect();
        Self {
            enrolled: first.enrolled,
            arm: first.arm,
            arm_since: first.arm_since,
            exposed: first.exposed,
            started: first.started,
            expired: first.expired,
            seen: false,
            prevention_since: first.prevention_since,
            low_baseline: first.low_baseline,
            failing: first.failing,
            decided: None,
            holds: first.holds,
            labs: first.labs,
            asked,
            called_until: first.called_until,
            waived: first.waived,
            renewal: first.renewal,
            supply: first.supply,
            inherited: Some(first.unanswered),
            ..Self::new(first.enrolled)
        }
    }
}

impl From<Second> for Memory {
    fn from(second: Second) -> Self {
        Self {
            enrolled: second.enrolled,
            arm: second.arm,
            arm_since: second.arm_since,
            exposed: second.exposed,
            started: second.started,
            expired: second.expired,
            seen: second.seen,
            prevention_since: second.prevention_since,
            low_baseline: second.low_baseline,
            failing: second.failing,
            decided: second.decided,
            holds: second.holds,
            labs: second.labs,
            asked: second.asked,
            called_until: second.called_until,
            waived: second.waived,
            renewal: second.renewal,
            supply: second.supply,
            inherited: second.inherited,
            ..Self::new(second.enrolled)
        }
    }
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
            seen: false,
            prevention_since: None,
            low_baseline: None,
            failing: false,
            decided: None,
            holds: BTreeSet::new(),
            labs: BTreeMap::new(),
            asked: BTreeSet::new(),
            called_until: None,
            waived: None,
            renewal: None,
            supply: None,
            inherited: None,
            confirmed: None,
            negative_at_hold: None,
            pregnant: false,
        }
    }

    /// Day 0 of the tests after an exposure: of the course, in China of the exposure.
    pub fn course_began(&self) -> Instant {
        let china = settings::boolean("chinese-test-weeks") == Some(true);
        let [first, second] = if china { [self.exposed, self.started] } else { [self.started, self.exposed] };
        first.or(second).unwrap_or(self.arm_since)
    }

    /// Of any version.
    ///
    /// # Errors
    /// `BadState` if the data have a later version, or are malformed.
    pub fn read(state: &State) -> Result<Self, Error> {
        match state.version {
            FIRST => pathway_kit::read::<First, _>(state, FIRST).map(Self::from),
            SECOND => pathway_kit::read::<Second, _>(state, SECOND).map(Self::from),
            _ => pathway_kit::read(state, VERSION),
        }
    }

    /// # Errors
    /// If the state cannot be serialised.
    pub fn write(&self) -> Result<State, Error> {
        pathway_kit::write(self, VERSION)
    }

    /// The stage.
    pub fn stage(&self) -> &'static str {
        let waits = self.holds.iter().any(|hold| !matches!(hold, Hold::Overdue | Hold::Renewal));
        match self.arm {
            Arm::Urgent => "urgent",
            _ if waits => "offline",
            Arm::Assessment => "assessment",
            Arm::Prevention => "prevention",
            Arm::Treatment => "treatment",
        }
    }
}

/// Takes the state of an earlier version over; what its tasks, holds and questions need is done in the step that follows.
pub fn migrate(state: &State) -> Result<Migrated, Error> {
    let memory = Memory::read(state)?;
    Ok(Migrated { stage: memory.stage().to_owned(), state: memory.write()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the second version wrote it: all but what is new.
    #[test]
    fn a_state_of_the_second_version_is_taken_over() {
        let mut memory = Memory::new(1_767_225_600_000_000);
        memory.asked.insert("regular".to_owned());
        memory.holds.insert(Hold::Reactive);
        let data = memory.write().expect("written").data;
        let new = 3;
        let second = State { version: SECOND, data: data[..data.len() - new].to_vec() };
        assert_eq!(Memory::read(&second), Ok(memory.clone()));
        let moved = migrate(&second).expect("taken over");
        assert_eq!(moved.state, memory.write().expect("written"));
        assert!(matches!(Memory::read(&State { version: SECOND, data }), Err(Error::BadState(_))));
    }

    #[test]
    fn a_state_is_read_back_or_refused() {
        let mut memory = Memory::new(1_767_225_600_000_000);
        memory.holds.insert(Hold::Renewal);
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
