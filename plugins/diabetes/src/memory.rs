//! The pathway's state of one patient, serialised.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    pathway::{Error, State},
    time::Instant,
};

/// Version of the format. A new field needs a new version, and a reader for this one.
pub const VERSION: u32 = 2;

/// Why online prescribing is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hold {
    /// A critical glucose, or severe hypoglycaemia.
    Glucose,
    /// A critical blood pressure.
    Pressure,
}

impl Hold {
    /// Its code in the directives.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Glucose => "critical-glucose",
            Self::Pressure => "critical-blood-pressure",
        }
    }
}

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Day 0.
    pub enrolled: Instant,
    /// Whether the first twelve weeks are over.
    pub maintenance: bool,
    /// Consecutive follow-ups off target.
    pub off_target: u8,
    /// Holds that no doctor has released yet.
    pub holds: BTreeSet<Hold>,
    /// End of the follow-up of the last referral, urgent or not.
    pub referred_until: Option<Instant>,
    /// End of the follow-up of the last urgent referral.
    pub urgent_until: Option<Instant>,
    /// Whether a glucose has to be measured again within minutes.
    pub recheck: bool,
    /// Whether another person ever had to help.
    pub severe_hypoglycaemia: bool,
    /// Whether the criteria of remission were met at the last HbA1c.
    pub remission: bool,
    /// Codes of follow-ups that are due and not answered.
    pub unanswered: BTreeSet<String>,
}

/// The state of version 1. Of its referral nobody knows whether it was urgent: so it holds up no
/// urgent one.
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

impl From<First> for Memory {
    fn from(first: First) -> Self {
        let First {
            enrolled,
            maintenance,
            off_target,
            holds,
            referred_until,
            recheck,
            severe_hypoglycaemia,
            remission,
        } = first;
        Self {
            maintenance,
            off_target,
            holds,
            referred_until,
            recheck,
            severe_hypoglycaemia,
            remission,
            ..Self::new(enrolled)
        }
    }
}

impl Memory {
    /// The state at enrolment.
    pub const fn new(now: Instant) -> Self {
        Self {
            enrolled: now,
            maintenance: false,
            off_target: 0,
            holds: BTreeSet::new(),
            referred_until: None,
            urgent_until: None,
            recheck: false,
            severe_hypoglycaemia: false,
            remission: false,
            unanswered: BTreeSet::new(),
        }
    }

    /// # Errors
    /// `BadState` if the data have a later version, or are malformed.
    pub fn read(state: &State) -> Result<Self, Error> {
        match state.version {
            1 => pathway_kit::read::<First, _>(state, 1).map(Into::into),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_back_or_refused() {
        let mut memory = Memory::new(1_767_225_600_000_000);
        memory.holds.insert(Hold::Pressure);
        memory.referred_until = Some(1);
        let state = memory.write().expect("written");
        assert!(state.data.len() < 32, "{} bytes", state.data.len());
        assert_eq!(Memory::read(&state), Ok(memory.clone()));

        let first = First {
            enrolled: memory.enrolled,
            maintenance: true,
            off_target: 1,
            holds: memory.holds,
            referred_until: Some(1),
            recheck: false,
            severe_hypoglycaemia: false,
            remission: false,
        };
        let old = pathway_kit::write(&first, 1).expect("written");
        let read = Memory::read(&old).expect("version 1");
        assert_eq!(
            (read.maintenance, read.off_target, read.referred_until, read.urgent_until),
            (true, 1, Some(1), None)
        );

        let newer = State { version: VERSION + 1, data: state.data.clone() };
        let short = State { version: 1, data: vec![1] };
        let long = State { version: VERSION, data: [state.data, vec![0]].concat() };
        for bad in [newer, short, long] {
            assert!(matches!(Memory::read(&bad), Err(Error::BadState(_))), "{bad:?}");
        }
    }
}
