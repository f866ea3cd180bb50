//! HIV: after an exposure (PEP), prevention (PrEP) and treatment (ART).
//!
//! Every number is in [`numbers`], with its source and its test; `docs/clinical/hiv.md` is the same
//! table. What a hospital may choose is a setting; what protects a patient is a constant. The plugin
//! asks and never prescribes, works in the restricted compartment `hiv`, and no text that a patient
//! sees names the disease, the test or a medicine. Statutory reporting is the institution's.
//!
//! - **Everything that is asked of others is followed to its end**: a visit that does not take place, a result that does not
//!   come, a question that is not answered, a team that does not decide are told to the next, and asked again.
//! - **A hold stops medicines against the virus only**: of prevention where a test or the kidneys are in question, of a course
//!   too where care begins face to face. What else the patient takes goes on.
//! - **PHQ-9, item 9** is a safeguard of the questionnaire: the host acts on it, with or without this plugin.
//! - **Exposures** are hours before the answer was given, by its own time.
//!
//! What the contract does not say: where a patient who uses 2-1-1 lives and with whom is for the doctor; pregnancy is a
//! diagnosis; of a medicine that begins or ends nothing is told, so the record is looked at every 14 days and at every event;
//! gaps come from answers, and from supplies that have ended. The disciplines of a team have their names, which the patient
//! who opens the list of requests may read.
//!
//! States of versions 1 and 2 are taken over (`memory.rs`); what the first, of the component of pathway 1.0, had asked is
//! asked anew in the step after (`step/take_over.rs`).

mod chart;
mod definition;
mod measure;
mod medicines;
mod memory;
pub mod numbers;
mod panel;
mod questions;
mod schedule;
mod screen;
mod sources;
mod step;

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
pub struct Hiv;

impl FollowUp for Hiv {
    fn describe() -> Definition {
        definition::definition()
    }

    fn screen(snapshot: Snapshot, now: Instant) -> Result<Eligibility, Error> {
        screen::screen(&snapshot, now)
    }

    fn step(state: Option<State>, event: Event, snapshot: Snapshot, now: Instant) -> Result<Outcome, Error> {
        step::step(state.as_ref(), &event, &snapshot, now)
    }
}

impl Migration for Hiv {
    fn migrate(state: State, _stage: String) -> Result<Migrated, Error> {
        memory::migrate(&state)
    }
}

impl Panel for Hiv {
    fn render(
        standing: Standing,
        snapshot: Snapshot,
        viewer: Viewer,
        now: Instant,
    ) -> Result<Vec<Block>, panels::Error> {
        panel::render(&standing, &snapshot, viewer, now)
    }
}
