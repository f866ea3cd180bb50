//! Follow-up of depression, anxiety and insomnia.
//!
//! The numbers of its rules are in [`numbers`], each with its source; `docs/clinical/mental-health.md` is made of that
//! table. Values that a hospital may choose are settings, and they are only ever stricter.
//!
//! It asks, and never prescribes. A score is only as good as its answers: what is of the wrong kind,
//! out of bounds or of the future is used by no rule; of an item that asks about safety it is an alert.
//!
//! - **Danger is met by the host.** Safeguards of the PHQ-9, the ASQ and the C-SSRS say who speaks with the patient, and
//!   until when; the host opens that contact the moment an answer is saved, lets it climb, locks the visit and contacts the
//!   patient again, also if this plugin traps or is disabled. The pathway adds what is its own: the hold, the referral, the
//!   guardian, an interview, and questions again later. A visit with a patient in acute danger is not stopped: it must not
//!   end before somebody has spoken with them.
//! - **Totals are the host's**: it sums the items by their weights and records them, and the pathway hears of them as of
//!   those of any other system.
//! - **The joint plan, its reviews and a case conference are decisions of several**, each followed to the last signature.
//!
//! # Not possible yet
//!
//! - Messages reach the patient only. A guardian is reached by a task, an emergency contact by staff.
//! - A pathway does not know who did a task: a consent is a task of the guardian that somebody has done. It is revoked by
//!   leaving.
//! - There are no views for schools and employers. Nothing is sent to either; what a school may be told is a task for a
//!   person, after the guardian's consent. The definition says what a view has to respect (`mental-health.school-sees`,
//!   `mental-health.smallest-group`).
//! - Procedures are not in a snapshot, so whether sleep apnoea is treated is asked.

mod before;
mod conditions;
mod contact;
mod definition;
mod memory;
pub mod numbers;
mod panel;
mod scales;
mod screen;
mod sources;
mod step;
mod tenant;

use xinglin_sdk::{
    clinical::Snapshot,
    follow_up::{
        Definition, Eligibility, Error, Event, FollowUp, Outcome, State,
        migration::{Migrated, Migration},
    },
    panel::{self as panels, Block, Panel, Standing, Viewer},
    plugin,
    time::Instant,
};

pub use sources::Source;

/// The pathway plugin.
#[plugin(follow_up, migration, panel)]
#[derive(Debug)]
pub struct MentalHealth;

impl FollowUp for MentalHealth {
    fn describe() -> Definition {
        definition::definition()
    }

    fn screen(snapshot: Snapshot, _now: Instant) -> Result<Eligibility, Error> {
        screen::screen(&snapshot)
    }

    fn step(state: Option<State>, event: Event, snapshot: Snapshot, now: Instant) -> Result<Outcome, Error> {
        step::step(state.as_ref(), &event, &snapshot, now)
    }
}

impl Migration for MentalHealth {
    fn migrate(state: State, stage: String) -> Result<Migrated, Error> {
        Ok(Migrated { state: memory::Memory::read(&state)?.write()?, stage })
    }
}

impl Panel for MentalHealth {
    fn render(
        standing: Standing,
        snapshot: Snapshot,
        viewer: Viewer,
        now: Instant,
    ) -> Result<Vec<Block>, panels::Error> {
        panel::render(&standing, &snapshot, viewer, now)
    }
}
