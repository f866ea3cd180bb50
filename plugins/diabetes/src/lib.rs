//! Follow-up of type 2 diabetes.
//!
//! The values are those of the national primary-care standard and of the Chinese
//! and American guidelines; [`sources`] names each. Values that a hospital may choose are
//! settings; those that could harm a patient are constants.

mod definition;
mod measure;
mod memory;
mod panel;
mod screen;
mod sources;
mod step;
mod targets;

use xinglin_sdk::{
    clinical::Snapshot,
    panel::{self as panels, Block, Panel, Standing, Viewer},
    pathway::{Definition, Eligibility, Error, Event, Outcome, Pathway, State},
    plugin,
    time::Instant,
};

/// The pathway plugin.
#[plugin(pathway, panel)]
pub struct Diabetes;

impl Pathway for Diabetes {
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
