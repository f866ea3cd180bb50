//! The pathway's state of one patient, serialised.

use std::collections::{BTreeMap, BTreeSet};

use pathway_kit::Kept;
use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    follow_up::{Error, State, migration::Migrated},
    time::Instant,
};

use crate::{sensor::Sensor, step::request};

/// Version of the format. A new field needs a new version, and a reader for this one.
pub const VERSION: u32 = 4;
/// Fields that version 3 had not: the last ones. Nothing of each is one zero.
const ADDED: usize = 5;

/// Why online prescribing is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hold {
    /// A critical glucose, or severe hypoglycaemia.
    Glucose,
    /// A critical blood pressure.
    Pressure,
    /// A danger sign.
    Danger,
    /// A diagnosis that is seen to face to face.
    Diagnosis,
}

impl Hold {
    /// Its code in the directives.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Glucose => "critical-glucose",
            Self::Pressure => "critical-blood-pressure",
            Self::Danger => "danger-signs",
            Self::Diagnosis => "diagnosis",
        }
    }
}

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Day 0.
    pub enrolled: Instant,
    /// Whether the tasks of this version are scheduled; not of a patient whom an older one enrolled.
    pub armed: bool,
    /// Whether the visit face to face repeats itself: not as an older version scheduled it.
    pub repeating: bool,
    /// Whether the first twelve weeks are over.
    pub maintenance: bool,
    /// Consecutive follow-ups off target.
    pub off_target: u8,
    /// Holds that no doctor has released yet.
    pub holds: BTreeSet<Hold>,
    /// Whether a glucose has to be measured again within minutes.
    pub recheck: bool,
    /// Whether another person ever had to help.
    pub severe_hypoglycaemia: bool,
    /// Whether the criteria of remission were met at the last HbA1c.
    pub remission: bool,
    /// Codes of follow-ups that are due and not answered.
    pub unanswered: BTreeSet<String>,
    /// Open requests by their code, and until when.
    pub open: BTreeMap<String, Instant>,
    /// How often in a row a check lapsed, by the code of its request.
    pub lapsed: BTreeMap<String, u8>,
    /// Whether a nephrologist has seen the patient since the kidneys got worse.
    pub nephrology: bool,
    /// The last days of the glucose sensor.
    pub sensor: Sensor,
    /// When the low glucose was measured that is to be measured again.
    pub low: Option<Instant>,
    /// The last point of the glucose sensor that was judged.
    pub judged: Option<Instant>,
    /// Referrals of eyes and feet that are open, or lapsed, and urgent.
    pub urgent: BTreeSet<String>,
    /// Diagnoses that have stopped online care once, by their reasons.
    pub known: BTreeSet<String>,
    /// When the last critical pressure was taken, and when a doctor was told.
    pub pressure: Option<(Instant, Instant)>,
}

/// Of version 2: referrals were not followed.
#[derive(Serialize, Deserialize)]
struct Second {
    enrolled: Instant,
    maintenance: bool,
    off_target: u8,
    holds: BTreeSet<Hold>,
    referred_until: Option<Instant>,
    urgent_until: Option<Instant>,
    recheck: bool,
    severe_hypoglycaemia: bool,
    remission: bool,
    unanswered: BTreeSet<String>,
}

/// Of version 1. Of its referral nobody knows whether it was urgent: so it holds up no urgent one.
#[derive(Serialize, Deserialize)]
struct First {
    enrolled: Instant,
    maintenance: bool,
    off_target: u8,
    holds: BTreeSet<Hold>,
    referred_until: Option<Instant>,
    recheck: bool,
    severe_hypoglycaemia: bool,
    remission: bool,
}

impl From<First> for Second {
    fn from(first: First) -> Self {
        let First { enrolled, maintenance, off_target, holds, referred_until, .. } = first;
        let First { recheck, severe_hypoglycaemia, remission, .. } = first;
        Self {
            enrolled,
            maintenance,
            off_target,
            holds,
            referred_until,
            urgent_until: None,
            recheck,
            severe_hypoglycaemia,
            remission,
            unanswered: BTreeSet::new(),
        }
    }
}

impl From<Second> for Memory {
    fn from(second: Second) -> Self {
        let Second { enrolled, maintenance, off_target, holds, referred_until, urgent_until, .. } = second;
        let Second { recheck, severe_hypoglycaemia, remission, unanswered, .. } = second;
        // One urgent referral was for all that is critical.
        let urgent = [request::GLUCOSE, request::PRESSURE].map(|code| (code, urgent_until));
        let open = [(request::OFF_TARGET, referred_until)].into_iter().chain(urgent);
        let open = open.filter_map(|(code, until)| Some((code.to_owned(), until?))).collect();
        Self {
            maintenance,
            off_target,
            holds,
            recheck,
            severe_hypoglycaemia,
            remission,
            unanswered,
            open,
            ..Self::new(enrolled)
        }
    }
}

impl Memory {
    /// The state at enrolment.
    pub fn new(now: Instant) -> Self {
        Self {
            enrolled: now,
            armed: false,
            repeating: false,
            maintenance: false,
            off_target: 0,
            holds: BTreeSet::new(),
            recheck: false,
            severe_hypoglycaemia: false,
            remission: false,
            unanswered: BTreeSet::new(),
            open: BTreeMap::new(),
            lapsed: BTreeMap::new(),
            nephrology: false,
            sensor: Sensor::default(),
            low: None,
            judged: None,
            urgent: BTreeSet::new(),
            known: BTreeSet::new(),
            pressure: None,
        }
    }

    /// Of any version that ever was.
    ///
    /// # Errors
    /// `BadState` if the data have a later version, or are malformed.
    pub fn read<S: Kept>(state: &S) -> Result<Self, S::Error> {
        match state.parts().0 {
            1 => pathway_kit::read::<First, S>(state, 1).map(|first| Second::from(first).into()),
            2 => pathway_kit::read::<Second, S>(state, 2).map(Into::into),
            3 => {
                let data = [state.parts().1, &[0; ADDED]].concat();
                pathway_kit::read(&S::of(VERSION, data), VERSION)
            }
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
        if !self.holds.is_empty() {
            "offline"
        } else if self.remission {
            "remission-watch"
        } else if self.maintenance {
            "maintenance"
        } else {
            "initial"
        }
    }
}

/// The stages are those of the older versions.
///
/// # Errors
/// As [`Memory::read`].
pub fn migrate(state: &State, stage: String) -> Result<Migrated, Error> {
    Ok(Migrated { state: Memory::read(state)?.write()?, stage })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second() -> Second {
        Second {
            enrolled: 1_767_225_600_000_000,
            maintenance: true,
            off_target: 1,
            holds: [Hold::Pressure].into(),
            referred_until: Some(7),
            urgent_until: Some(5),
            recheck: true,
            severe_hypoglycaemia: true,
            remission: false,
            unanswered: ["visit-84".to_owned()].into(),
        }
    }

    #[test]
    fn a_state_is_read_back_or_refused() {
        let mut memory = Memory::new(1_767_225_600_000_000);
        memory.holds.insert(Hold::Danger);
        memory.open.insert(request::GLUCOSE.to_owned(), 1);
        let state = memory.write().expect("written");
        assert!(state.data.len() < 64, "{} bytes", state.data.len());
        assert_eq!(Memory::read(&state), Ok(memory));

        let newer = State { version: VERSION + 1, data: state.data.clone() };
        let short = State { version: 1, data: vec![1] };
        let long = State { version: VERSION, data: [state.data, vec![0]].concat() };
        for bad in [newer, short, long] {
            assert!(matches!(Memory::read(&bad), Err(Error::BadState(_))), "{bad:?}");
            assert!(matches!(migrate(&bad, "initial".to_owned()), Err(Error::BadState(_))), "{bad:?}");
        }
    }

    #[test]
    fn states_of_older_versions_are_taken_over() {
        let old: State = pathway_kit::write(&second(), 2).expect("written");
        let Migrated { state, stage } = migrate(&old, "offline".to_owned()).expect("taken");
        assert_eq!((state.version, stage.as_str()), (VERSION, "offline"));
        let memory = Memory::read(&state).expect("its own");
        assert_eq!(Memory::read(&old), Ok(memory.clone()), "a panel may be shown before");
        let open: Vec<(&str, Instant)> = memory.open.iter().map(|(code, until)| (code.as_str(), *until)).collect();
        assert_eq!(open, [(request::PRESSURE, 5), (request::GLUCOSE, 5), (request::OFF_TARGET, 7)]);
        assert!(memory.recheck && memory.severe_hypoglycaemia && memory.maintenance && !memory.armed);
        assert_eq!((memory.off_target, memory.stage(), memory.unanswered.len()), (1, "offline", 1));

        let first = First {
            enrolled: 5,
            maintenance: true,
            off_target: 1,
            holds: BTreeSet::new(),
            referred_until: Some(7),
            recheck: false,
            severe_hypoglycaemia: false,
            remission: true,
        };
        let old: State = pathway_kit::write(&first, 1).expect("written");
        let memory = Memory::read(&old).expect("version 1");
        assert_eq!((memory.open.len(), memory.stage()), (1, "remission-watch"), "no urgent one is held up");
    }
}
