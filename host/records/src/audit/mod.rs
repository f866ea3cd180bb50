//! The audit trail: what requests and plugins read and changed of patients, committed before
//! the response.

mod list;
mod list_accesses;
mod verify;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Role,
    audit::{Access, Act, Who},
    compartment::Compartments,
    consent::Purpose,
    id::PatientId,
};
use xinglin_platform::{AppResult, Caller, boxed};
use xinglin_plugin::Tape;
use xinglin_store::{ChainState, Tenant};

use crate::consent;

pub use self::list::{AuditFilter, AuditView, list};
pub use self::list_accesses::{AccessView, Words, list_accesses};
pub use self::verify::verify;

/// Longest list of entries.
const MOST: u32 = 500;

/// Hides the names of plugins of a restricted compartment from everybody but the regulator.
/// Caches lookups.
pub struct Restricted {
    to_the_regulator: bool,
    known: BTreeMap<String, bool>,
}

impl Restricted {
    /// For what this caller may be shown.
    pub fn for_the(caller: &Caller) -> Self {
        let to_the_regulator = caller.actor.live_roles(caller.now).contains(&Role::Regulator);
        Self { to_the_regulator, known: BTreeMap::new() }
    }

    /// Whether this plugin's name is hidden.
    ///
    /// # Errors
    /// If the store fails.
    #[boxed]
    pub async fn hides(&mut self, records: &Tenant, plugin: &str) -> AppResult<bool> {
        if self.to_the_regulator {
            return Ok(false);
        }
        if let Some(hidden) = self.known.get(plugin) {
            return Ok(*hidden);
        }
        let hidden = !consent::compartments_of(records, plugin).await?.is_empty();
        self.known.insert(plugin.to_owned(), hidden);
        Ok(hidden)
    }

    /// Whether an entry is visible: all to the regulator, those of no compartment to others.
    pub fn shows(&self, content: &Value) -> bool {
        self.to_the_regulator || (content["restricted"] != true && Compartments::of(content).is_empty())
    }
}

/// An audit entry for the data of a patient that a plugin received.
pub fn of_call(tape: &Tape, patient: PatientId, purpose: Purpose) -> Access {
    let read: BTreeSet<&str> = tape
        .answers
        .iter()
        .map(|answer| answer.import.as_str())
        .filter(|import| import.starts_with("records."))
        .collect();
    let target: Vec<&str> = std::iter::once(tape.hook.as_str()).chain(read).collect();
    Access {
        at: tape.started,
        who: Who::Plugin { id: tape.plugin.clone(), call: tape.call },
        act: Act::Read,
        purpose,
        patients: vec![patient],
        target: target.join(" "),
        refused: None,
        emergency: false,
        request: String::new(),
    }
}

/// Result of verifying the chain of tapes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChainView {
    /// Whether every link is valid.
    pub intact: bool,
    /// Number of tapes, with purged ones.
    pub length: Option<i64>,
    /// Number of the last purged tape; 0 if none.
    pub purged: Option<i64>,
    /// Head of the chain; a copy of it proves all earlier tapes.
    pub head: Option<String>,
    /// Number of the first changed tape.
    pub first_broken: Option<i64>,
}

impl From<ChainState> for ChainView {
    fn from(state: ChainState) -> Self {
        match state {
            ChainState::Intact { purged, length, head } => Self {
                intact: true,
                length: Some(length),
                purged: Some(purged),
                head: Some(hex::encode(head)),
                first_broken: None,
            },
            ChainState::Broken { seq } => {
                Self { intact: false, length: None, purged: None, head: None, first_broken: Some(seq) }
            }
        }
    }
}
