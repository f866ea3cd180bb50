//! The pathway's state of one patient, serialised.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    follow_up::{Error, State},
    time::Instant,
};

use crate::{before, scales::Level};

/// Version of the format. A new field needs a new version, and a reader for this one.
pub const VERSION: u32 = 4;

/// Why online prescribing is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hold {
    /// Acute risk of suicide.
    Suicide,
    /// Psychosis.
    Psychosis,
    /// Mania.
    Mania,
}

impl Hold {
    /// Its code in the directives.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Suicide => "suicide-risk",
            Self::Psychosis => "psychosis",
            Self::Mania => "mania",
        }
    }
}

/// A scale with a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scale {
    /// PHQ-9.
    Phq9,
    /// GAD-7.
    Gad7,
    /// ISI.
    Isi,
}

/// The total of one answered questionnaire, of before the host recorded them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Of which.
    pub scale: Scale,
    /// When it was answered.
    pub at: Instant,
    /// The total.
    pub value: i64,
}

/// A night of the diary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Night {
    /// Day on which it was entered, Asia/Shanghai.
    pub day: i64,
    /// Minutes in bed.
    pub in_bed: i64,
    /// Minutes asleep.
    pub asleep: i64,
}

/// The sleep programme.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sleep {
    /// Whether the patient was asked, and nothing excludes a restriction.
    pub cleared: bool,
    /// Sessions held.
    pub sessions: i64,
    /// Time in bed that the therapist agreed with the patient, in minutes.
    pub window: Option<i64>,
    /// Time in bed that waits for the therapist.
    pub proposed: Option<i64>,
    /// The last two weeks.
    pub nights: Vec<Night>,
}

/// The plan of psychiatrist and therapist.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Whether it waits for both signatures.
    pub signing: bool,
    /// Whether both have signed once.
    pub in_force: bool,
    /// Sessions since the last joint review.
    pub sessions: i64,
    /// Whether a joint review is under way.
    pub reviewing: bool,
    /// Whether a conference is under way.
    pub conferring: bool,
}

/// The state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// When the patient was enrolled.
    pub enrolled: Instant,
    /// Day 0: enrolment, of a minor the guardian's consent.
    pub started: Option<Instant>,
    /// Whether the patient was a minor then.
    pub minor: bool,
    /// Whether the guardian lets the school know that the patient is in care.
    pub school: bool,
    /// Depression or anxiety.
    pub mood: bool,
    /// Questionnaires of the last scales that are not answered.
    pub unanswered: BTreeSet<String>,
    /// Day of the last scales, until all are answered, or the team was told that they are not.
    pub asked: Option<i64>,
    /// First total of the PHQ-9.
    pub baseline: Option<i64>,
    /// Last total of the PHQ-9.
    pub last: Option<i64>,
    /// First total of the ISI.
    pub isi: Option<i64>,
    /// Whether response was judged from day 56 on.
    pub judged: bool,
    /// Since when every PHQ-9 was a remission.
    pub remission: Option<Instant>,
    /// Whether the patient is in maintenance.
    pub maintenance: bool,
    /// Holds that no doctor has released yet.
    pub holds: BTreeSet<Hold>,
    /// Diagnoses that have stopped online care once.
    pub known: BTreeSet<Hold>,
    /// Danger because of which somebody is to speak with the patient, until they have.
    pub danger: Option<Level>,
    /// Timers at which safety is asked about again.
    pub rescreens: BTreeSet<String>,
    /// Tasks of version 1.0 to contact the patient again.
    pub recontacts: BTreeSet<String>,
    /// The sleep programme, if there is one.
    pub sleep: Option<Sleep>,
    /// Whether it was ended because something excludes it.
    pub sleep_excluded: bool,
    /// Whether the patient says that a sleep apnoea is treated.
    pub apnoea_treated: bool,
    /// The shared plan.
    pub plan: Plan,
    /// Totals of version 1.0, oldest first.
    pub totals: Vec<Total>,
    /// Whether it is from version 1.0, until what that asked for is asked for in the words of this one.
    pub is_from_before: bool,
    /// When the last total of the PHQ-9 was taken. The last field: version 3 ends before it.
    pub last_at: Option<Instant>,
}

impl Memory {
    /// The state at enrolment.
    pub fn new(now: Instant) -> Self {
        Self {
            enrolled: now,
            started: None,
            minor: false,
            school: false,
            mood: false,
            unanswered: BTreeSet::new(),
            asked: None,
            baseline: None,
            last: None,
            isi: None,
            judged: false,
            remission: None,
            maintenance: false,
            holds: BTreeSet::new(),
            known: BTreeSet::new(),
            danger: None,
            rescreens: BTreeSet::new(),
            recontacts: BTreeSet::new(),
            sleep: None,
            sleep_excluded: false,
            apnoea_treated: false,
            plan: Plan::default(),
            totals: Vec::new(),
            is_from_before: false,
            last_at: None,
        }
    }

    /// Of this version, or of 1.0.
    ///
    /// # Errors
    /// `BadState` if the data have a later version, or are malformed.
    pub fn read(state: &State) -> Result<Self, Error> {
        match state.version {
            1 | 2 => before::read(state),
            3 => {
                // Nothing is a zero.
                let data = [state.data.as_slice(), &[0]].concat();
                pathway_kit::read(&State { version: VERSION, data }, VERSION)
            }
            _ => pathway_kit::read(state, VERSION),
        }
    }

    /// # Errors
    /// If the state cannot be serialised.
    pub fn write(&self) -> Result<State, Error> {
        pathway_kit::write(self, VERSION)
    }

    /// Whether somebody is to speak with the patient, or safety is to be asked about again.
    pub fn is_watched(&self) -> bool {
        self.danger.is_some() || !self.rescreens.is_empty() || !self.recontacts.is_empty()
    }

    /// The stage: what is most urgent.
    pub fn stage(&self) -> &'static str {
        if self.holds.contains(&Hold::Suicide) {
            "crisis"
        } else if !self.holds.is_empty() {
            "offline"
        } else if self.is_watched() {
            "safety-watch"
        } else if self.started.is_none() {
            "consent-pending"
        } else if self.maintenance {
            "maintenance"
        } else {
            "treatment"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_back_or_refused() {
        let mut memory = Memory::new(1_767_225_600_000_000);
        memory.holds.insert(Hold::Mania);
        memory.danger = Some(Level::Acute);
        memory.sleep = Some(Sleep { nights: vec![Night { day: 1, in_bed: 480, asleep: 400 }; 14], ..Sleep::default() });
        let state = memory.write().expect("written");
        assert!(state.data.len() < 200, "{} bytes", state.data.len());
        assert_eq!(Memory::read(&state), Ok(memory.clone()));
        let third = State { version: 3, data: state.data[..state.data.len() - 1].to_vec() };
        assert_eq!(Memory::read(&third), Ok(memory.clone()));
        let newer = State { version: VERSION + 1, data: state.data.clone() };
        let short = State { version: VERSION, data: vec![1] };
        let long = State { version: VERSION, data: [state.data, vec![0]].concat() };
        let old = State { version: 2, data: vec![1] };
        for bad in [newer, short, long, old] {
            assert!(matches!(Memory::read(&bad), Err(Error::BadState(_))), "{bad:?}");
        }
    }
}
