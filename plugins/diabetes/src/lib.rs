//! Follow-up of type 2 diabetes.
//!
//! The values are those of the national primary-care standard and of the Chinese and American guidelines; [`numbers`] has
//! each with its source and its test. Values that a hospital may choose are settings; those that could harm a patient are
//! constants.
//!
//! - **What is critical** stops online care: the visit, prescriptions and payments, until a doctor has seen to it. The
//!   urgent referral is followed until the patient was seen.
//! - **Checks are asked for until there is a result**, and the result decides when the next is due and who is asked.
//! - **What a patient types** counts at follow-ups and when it is critical; it is never a laboratory result.
//! - **What is not understood** is not judged, and somebody is told.

mod definition;
mod measure;
mod memory;
pub mod numbers;
mod panel;
mod screen;
mod sensor;
mod sources;
mod step;
mod targets;

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
pub struct Diabetes;

impl FollowUp for Diabetes {
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

impl Migration for Diabetes {
    fn migrate(state: State, stage: String) -> Result<Migrated, Error> {
        memory::migrate(&state, stage)
    }
}

impl Panel for Diabetes {
    fn render(
        standing: Standing,
        snapshot: Snapshot,
        viewer: Viewer,
        now: Instant,
    ) -> Result<Vec<Block>, panels::Error> {
        panel::render(&standing, &snapshot, viewer, now)
    }
}
