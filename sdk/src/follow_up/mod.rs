//! Disease pathways of 1.1: told what became of all that they ask for. Use it for a new pathway; [`pathway`](crate::pathway)
//! is the one of 1.0. Of a plugin that exports both, the host uses this one.
//!
//! A pathway is a function from state and event to state and directives. There is no directive that prescribes.
//!
//! Implement [`FollowUp`] on the type that carries `#[plugin(follow_up)]`; and [`migration::Migration`] beside it
//! (`#[plugin(follow_up, migration)]`) once a version reads the states of an older one.

pub mod migration;

crate::bindings::pathway_1_1!(
    "package xinglin:role-follow-up; world follow-up-role { export xinglin:pathway/follow-up@1.1.0; }",
    {
        "xinglin:clinical/snapshot@1.0.0": crate::bindings::xinglin::clinical::snapshot,
        "xinglin:pathway/questionnaires@1.1.0": crate::bindings::xinglin::pathway::questionnaires,
    }
);

pub use crate::bindings::xinglin::pathway::{
    questionnaires::{
        Answer, AnswerKind, AnswerValue, Behavior, Bounds, ChoiceOption, Condition, Contact, Date, Enablement, Item,
        Measured, Questionnaire, Response, Safeguard, Score, Test,
    },
    terms::{Error, Reason, Role, Severity, State},
};
pub use bindings::exports::xinglin::pathway::follow_up::{
    Acts, Alert, DataNeed, Definition, Departure, Destination, Directive, Eligibility, Event, Guest as FollowUp, Hold,
    LabRequest, Message, Outcome, Participant, Point, Provenance, Question, Reading, Referral, ReleaseBy, Repetition,
    RequestEnd, RequestReport, Series, Stage, Stop, Task, TaskEnd, TaskRef, TaskReport, Team,
};

use crate::types::{Coding, LocalizedText};

impl Bounds {
    /// No bounds.
    pub const NONE: Self = Self { least: None, most: None };
}

impl Item {
    /// An item that must be answered once, asked always, and is not recorded.
    pub fn required(link_id: &str, text: LocalizedText, kind: AnswerKind) -> Self {
        Self {
            link_id: link_id.to_owned(),
            text,
            kind,
            required: true,
            repeats: false,
            enabled_when: None,
            records_as: None,
        }
    }

    /// The same, asked only if all of these hold.
    #[must_use]
    pub fn when(self, conditions: Vec<Condition>) -> Self {
        Self { enabled_when: Some(Enablement { behavior: Behavior::All, conditions }), ..self }
    }

    /// The same, recorded as an observation with this code.
    #[must_use]
    pub fn recorded_as(self, code: Coding) -> Self {
        Self { records_as: Some(code), ..self }
    }
}

impl Condition {
    /// A test of the answer to an item.
    pub fn of(link_id: &str, test: Test) -> Self {
        Self { link_id: link_id.to_owned(), test }
    }
}

impl Response {
    /// The values given to an item; empty if it was not answered, or not asked.
    pub fn values(&self, link_id: &str) -> &[AnswerValue] {
        let answer = self.answers.iter().find(|answer| answer.link_id == link_id);
        answer.map(|answer| answer.values.as_slice()).unwrap_or_default()
    }
}
