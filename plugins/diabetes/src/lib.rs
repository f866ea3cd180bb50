//! Follow-up of type 2 diabetes.
//!
//! The numbers are those of the national primary-care standard and of the Chinese
//! and American guidelines; [`sources`] names each. What a hospital may choose is
//! a setting, what would harm a patient if chosen wrongly is not.

mod definition;
mod measure;
mod memory;
mod screen;
mod sources;
mod step;
mod targets;

use xinglin_sdk::{
    clinical::Snapshot,
    pathway::{Definition, Eligibility, Error, Event, Outcome, Pathway, State},
    plugin,
    time::Instant,
};

/// The pathway plugin.
#[plugin(pathway)]
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
