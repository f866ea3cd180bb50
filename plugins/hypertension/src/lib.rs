//! Follow-up of essential hypertension: pressure at home and in the clinic, emergencies, what follows when it stays too
//! high, and yearly tests.
//!
//! - **Two pressures.** What staff measure is compared with the limits of the clinic, what the patient or a device
//!   measures with those of the home.
//! - **An emergency is pressure with symptoms**: treatment online stops, the patient goes to an emergency department, and
//!   a doctor is told within minutes. Without symptoms it is asked again within a day.
//! - **Too high twice in a row** is a referral that is followed to its end; a third time after it, a team.
//! - A pressure is judged when both numbers are there. Single numbers are context.

mod definition;
mod memory;
pub mod numbers;
mod screen;
mod sources;
mod step;

use xinglin_sdk::{
    clinical::Snapshot,
    follow_up::{
        Definition, Eligibility, Error, Event, FollowUp, Outcome, State,
        migration::{Migrated, Migration},
    },
    plugin,
    time::Instant,
};

pub use definition::{FORM, code};
pub use sources::Source;

/// The pathway plugin.
#[plugin(follow_up, migration)]
#[derive(Debug)]
pub struct Hypertension;

impl FollowUp for Hypertension {
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

impl Migration for Hypertension {
    fn migrate(state: State, stage: String) -> Result<Migrated, Error> {
        memory::migrate(state, stage)
    }
}

/// Runs the examples of the SDK's own page that need a pathway.
#[cfg(doctest)]
#[doc = include_str!("../../../sdk/README.md")]
struct Examples;
