//! What version 1.0 of this plugin remembered, in states of version 1 and 2: patients stay enrolled.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    follow_up::{Error, State},
    time::Instant,
};

use crate::{
    memory::{Hold, Memory, Plan, Sleep, Total},
    scales::Level,
};

/// An alert about safety that nobody had acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Alarm {
    Concern,
    Acute,
    Unreadable,
}

/// Sets are of those from whom something was awaited.
#[derive(Debug, Serialize, Deserialize)]
struct PlanBefore {
    unsigned: BTreeSet<String>,
    in_force: bool,
    sessions: i64,
    reviewing: BTreeSet<String>,
    opinions: BTreeSet<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MemoryBefore {
    enrolled: Instant,
    started: Option<Instant>,
    minor: bool,
    school: bool,
    mood: bool,
    unanswered: BTreeSet<String>,
    /// Task of the last scales: `scales-14`.
    asked: Option<String>,
    baseline: Option<i64>,
    last: Option<i64>,
    isi: Option<i64>,
    judged: bool,
    remission: Option<Instant>,
    maintenance: bool,
    holds: BTreeSet<Hold>,
    known: BTreeSet<Hold>,
    alarms: BTreeMap<Alarm, Instant>,
    /// Whether a safety assessment was awaited.
    assessment: bool,
    recontacts: BTreeSet<String>,
    sleep: Option<Sleep>,
    sleep_excluded: bool,
    apnoea_treated: bool,
    plan: PlanBefore,
    /// The last field: version 1 ends before it.
    totals: Vec<Total>,
}

/// Reads a state of version 1 or 2.
///
/// # Errors
/// `BadState` if it is malformed.
pub fn read(state: &State) -> Result<Memory, Error> {
    let mut data = state.data.clone();
    if state.version == 1 {
        // It had no totals: an empty list is a zero.
        data.push(0);
    }
    pathway_kit::read::<MemoryBefore, _>(&State { version: 2, data }, 2).map(Into::into)
}

impl From<MemoryBefore> for Memory {
    fn from(before: MemoryBefore) -> Self {
        let MemoryBefore { plan, alarms, .. } = before;
        let level = if alarms.contains_key(&Alarm::Acute) { Level::Acute } else { Level::Concern };
        Self {
            enrolled: before.enrolled,
            started: before.started,
            minor: before.minor,
            school: before.school,
            mood: before.mood,
            unanswered: before.unanswered,
            asked: before.asked.as_deref().and_then(crate::step::day_of),
            baseline: before.baseline,
            last: before.last,
            isi: before.isi,
            judged: before.judged,
            remission: before.remission,
            maintenance: before.maintenance,
            holds: before.holds,
            known: before.known,
            danger: (before.assessment || !alarms.is_empty()).then_some(level),
            rescreens: BTreeSet::new(),
            recontacts: before.recontacts,
            sleep: before.sleep,
            sleep_excluded: before.sleep_excluded,
            apnoea_treated: before.apnoea_treated,
            plan: Plan {
                signing: !plan.unsigned.is_empty(),
                in_force: plan.in_force,
                sessions: plan.sessions,
                reviewing: !plan.reviewing.is_empty(),
                conferring: !plan.opinions.is_empty(),
            },
            totals: before.totals,
            is_from_before: true,
            last_at: None,
        }
    }
}
