//! HIV: after an exposure (PEP), prevention (PrEP) and treatment (ART).
//!
//! Every number is in [`rules`], with its source and its test; `docs/clinical/hiv.md` is the same
//! table. What a hospital may choose is a setting; what protects a patient is a constant. The plugin
//! asks and never prescribes, works in the restricted compartment `hiv`, and no text that a patient
//! sees names the disease, the test or a medicine. Statutory reporting is the institution's.
//!
//! **What pathway 1.0 cannot express**, and what is done instead:
//!
//! - A message, task or alert has no compartment of its own: the manifest marks the whole plugin.
//! - A hold stops every online prescription of the patient, not the one medicine whose test is overdue.
//! - An answer has neither a time nor an author. Hours are asked for, and counted back from `now`; an answer
//!   that is delivered late makes an exposure look later than it was, so that the patient is still sent at once.
//! - No date, decimal without a unit, several choices, or branching: all questions are always shown.
//! - A referral, its result, a discussion of several disciplines and its opinions do not come back: a task of
//!   the assistant asks for them, and disciplines are named in the alert. The host sends the reason of a referral
//!   to the patient, so that it names nothing.
//! - An alert cannot say to whom it climbs. A visit cannot be kept open: a hold, an alert of 5 minutes and tasks
//!   at 24 h, 72 h and 7 days stand for it.
//! - Nothing is told of a medicine that begins or ends: the record is looked at every 14 days and at every event.
//! - No stream of devices: gaps of 48 hours come from answers, and from supplies that have ended.
//! - Weight, pregnancy and lactation are no facts of the snapshot; weight is an observation, pregnancy a diagnosis.
//!   Whether 2-1-1 suits a man is for the doctor: the record does not say with whom he lives.
//! - PHQ-9 and GAD-7 have codes of the compartment `mental-health`, which this plugin may not write: it keeps
//!   no total, and a person reads it in the alert or note.

mod chart;
mod definition;
mod measure;
mod memory;
mod panel;
mod questions;
pub mod rules;
mod schedule;
mod screen;
pub mod sources;
mod step;

use xinglin_sdk::{
    clinical::Snapshot,
    panel::{self as panels, Block, Panel, Standing, Viewer},
    pathway::{Definition, Eligibility, Error, Event, Outcome, Pathway, State},
    plugin,
    time::Instant,
};

/// The pathway plugin.
#[plugin(pathway, panel)]
#[derive(Debug)]
pub struct Hiv;

impl Pathway for Hiv {
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
