//! Follow-up of depression, anxiety and insomnia.
//!
//! The numbers of its rules are in [`numbers`], each with its source; `docs/clinical/mental-health.md` is made of that
//! table. Values that a hospital may choose are settings, and they are only ever stricter.
//!
//! It asks, and never prescribes. A score is only as good as its answers: what is of the wrong kind,
//! out of bounds or of the future is used by no rule; of an item that asks about safety it is an alert.
//!
//! # Not possible yet in `pathway` 1.0
//!
//! - **Danger is the host's.** The host reads item 9 of the PHQ-9, the ASQ and the C-SSRS itself, opens a contact
//!   that climbs until a clinician records how it ended, keeps visits from being closed, shows lines of help and has
//!   the patient contacted again, also if this plugin traps or is disabled. The alerts and tasks of this plugin come
//!   beside it: a pathway cannot say yet that its own safeguard is the same.
//! - **Messages reach the patient only.** A guardian and an emergency contact are reached by tasks.
//! - **Scores are not computed by the host**, so no total is recorded; item 9 is. Totals are kept in the state, for the
//!   panel. There is no branching: the
//!   fifth question of the ASQ is asked of everybody. Choices have one text, so it has both languages.
//!   Questions have no bounds and no date: a diary entry is of the day on which it was given.
//! - **A questionnaire is always asked of the patient.** The slot of the C-SSRS is therefore never asked; staff
//!   fill it in. Nor does the pathway know who answered, or who did a task: a consent is a task of the
//!   guardian that somebody has done. It is revoked by leaving.
//! - **A case conference has no disciplines**: a referral to several, and a task for each of the three.
//!   A plan signed by both is a task of each.
//! - **There are no views for schools and employers.** Nothing is sent to either; what a school may be told
//!   is a task for a person, after the guardian's consent. The definition says what a view has to
//!   respect (`mental-health.school-sees`, `mental-health.smallest-group`).
//! - **Procedures are not in a snapshot**, so whether sleep apnoea is treated is asked.

mod conditions;
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
    panel::{self as panels, Block, Panel, Standing, Viewer},
    pathway::{Definition, Eligibility, Error, Event, Outcome, Pathway, State},
    plugin,
    time::Instant,
};

pub use sources::Source;

/// The pathway plugin.
#[plugin(pathway, panel)]
#[derive(Debug)]
pub struct MentalHealth;

impl Pathway for MentalHealth {
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
