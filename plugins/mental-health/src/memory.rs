//! The pathway's state of one patient, serialised.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    pathway::{Error, State},
    time::Instant,
};

/// Version of the format. A new field needs a new version, and a reader for this one.
pub const VERSION: u32 = 2;
/// Totals that are kept of all scales together; the oldest go first.
const MOST_TOTALS: usize = 200;

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

/// An alert about safety that nobody has acknowledged yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Alarm {
    /// A clinician assesses safety.
    Concern,
    /// A person contacts the patient at once.
    Acute,
    /// A safety item could not be read.
    Unreadable,
}

impl Alarm {
    /// Code of its alert.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Concern => "SUICIDE_RISK",
            Self::Acute => "SUICIDE_RISK_ACUTE",
            Self::Unreadable => "SAFETY_ITEM_UNREADABLE",
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

/// The total of one answered questionnaire. The host computes none, so that they are kept here.
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

/// The plan of psychiatrist and therapist. Sets are of those from whom something is awaited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Signatures.
    pub unsigned: BTreeSet<String>,
    /// Whether both have signed once.
    pub in_force: bool,
    /// Sessions since the last joint review.
    pub sessions: i64,
    /// Joint review.
    pub reviewing: BTreeSet<String>,
    /// Opinions of the conference.
    pub opinions: BTreeSet<String>,
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
    /// Task of the last scales.
    pub asked: Option<String>,
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
    /// Alerts about safety that nobody has acknowledged, with their times.
    pub alarms: BTreeMap<Alarm, Instant>,
    /// Whether a safety assessment is awaited.
    pub assessment: bool,
    /// Recontacts that are awaited, by task.
    pub recontacts: BTreeSet<String>,
    /// The sleep programme, if there is one.
    pub sleep: Option<Sleep>,
    /// Whether it was ended because something excludes it.
    pub sleep_excluded: bool,
    /// Whether the patient says that a sleep apnoea is treated.
    pub apnoea_treated: bool,
    /// The shared plan.
    pub plan: Plan,
    /// Totals of answered questionnaires, oldest first. The last field: version 1 ends before it.
    pub totals: Vec<Total>,
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
            alarms: BTreeMap::new(),
            assessment: false,
            recontacts: BTreeSet::new(),
            sleep: None,
            sleep_excluded: false,
            apnoea_treated: false,
            plan: Plan::default(),
            totals: Vec::new(),
        }
    }

    /// # Errors
    /// `BadState` if the data have a later version, or are malformed.
    pub fn read(state: &State) -> Result<Self, Error> {
        if state.version != 1 {
            return pathway_kit::read(state, VERSION);
        }
        // It had no totals: an empty list is a zero.
        let data = [state.data.as_slice(), &[0]].concat();
        pathway_kit::read(&State { version: VERSION, data }, VERSION)
    }

    /// Keeps a total.
    pub fn scored(&mut self, scale: Scale, at: Instant, value: i64) {
        self.totals.push(Total { scale, at, value });
        let over = self.totals.len().saturating_sub(MOST_TOTALS);
        self.totals.drain(..over);
    }

    /// # Errors
    /// If the state cannot be serialised.
    pub fn write(&self) -> Result<State, Error> {
        pathway_kit::write(self, VERSION)
    }

    /// The stage: what is most urgent.
    pub fn stage(&self) -> &'static str {
        if self.holds.contains(&Hold::Suicide) {
            "crisis"
        } else if !self.holds.is_empty() {
            "offline"
        } else if self.assessment || !self.recontacts.is_empty() {
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
        memory.alarms.insert(Alarm::Acute, 7);
        memory.sleep = Some(Sleep { nights: vec![Night { day: 1, in_bed: 480, asleep: 400 }; 14], ..Sleep::default() });
        let state = memory.write().expect("written");
        assert!(state.data.len() < 200, "{} bytes", state.data.len());
        assert_eq!(Memory::read(&state), Ok(memory.clone()));
        // Version 1 is the same without the last byte, which counts no totals.
        let first = State { version: 1, data: state.data[..state.data.len() - 1].to_vec() };
        assert_eq!(Memory::read(&first), Ok(memory.clone()));
        for day in 0..300 {
            memory.scored(Scale::Gad7, day, 7);
        }
        assert_eq!((memory.totals.len(), memory.totals[0].at), (200, 100));
        assert!(memory.write().expect("written").data.len() < 4_096);
        let newer = State { version: VERSION + 1, data: state.data.clone() };
        let short = State { version: VERSION, data: vec![1] };
        let long = State { version: VERSION, data: [state.data, vec![0]].concat() };
        for bad in [newer, short, long] {
            assert!(matches!(Memory::read(&bad), Err(Error::BadState(_))), "{bad:?}");
        }
    }
}
