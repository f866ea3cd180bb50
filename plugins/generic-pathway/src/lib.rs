//! Runs a pathway that is a file (`docs/pathway-files.md`).
//!
//! The file's model lies in a slot of this component, which `xinglin pathway build` overwrites; nothing
//! is compiled again, and no capability is needed. Rules fire when their condition becomes true, and
//! again at each new value, answer or missed task that it looks at; exits are tried after the rules.

mod definition;
mod facts;
mod loaded;
mod memory;
mod screen;
mod step;
mod text;

use xinglin_sdk::{
    clinical::Snapshot,
    pathway::{Definition, Eligibility, Error, Event, Outcome, Pathway, State},
    plugin,
    time::Instant,
};

#[cfg(not(target_family = "wasm"))]
pub use loaded::load;

/// The pathway plugin.
#[plugin(pathway)]
pub struct GenericPathway;

impl Pathway for GenericPathway {
    fn describe() -> Definition {
        loaded::pathway().map_or_else(|_| definition::empty(), |pathway| definition::definition(&pathway))
    }

    fn screen(snapshot: Snapshot, now: Instant) -> Result<Eligibility, Error> {
        screen::screen(&*loaded::pathway()?, &snapshot, now)
    }

    fn step(state: Option<State>, event: Event, snapshot: Snapshot, now: Instant) -> Result<Outcome, Error> {
        step::step(&*loaded::pathway()?, state.as_ref(), &event, &snapshot, now)
    }
}
