//! Disease pathways: what a plugin declares and proposes, and what it is told, as in
//! `xinglin:pathway/follow-up`. What a pathway of 1.0 cannot say has its default here.

mod directive;
mod event;
mod questionnaire;
pub mod series;

use serde::{Deserialize, Serialize};

use crate::{
    clinical::DataNeed,
    coding::{Attribute, Citation, Coding, LocalizedText},
};

pub use self::{
    directive::{
        Alert, Contact, Destination, Directive, HeldAct, Hold, LabRequest, Message, Participant, Question, Referral,
        ReleaseBy, Repetition, Stop, Task, Team, Tracked, all_acts,
    },
    event::{
        Departure, Event, Fate, Point, Provenance, Reading, RequestEnd, RequestReport, Series, TaskEnd, TaskRef,
        TaskReport,
    },
    questionnaire::{
        Answer, AnswerFault, AnswerKind, AnswerValue, Behavior, Bounds, ChoiceOption, Condition, Enablement, Item,
        Questionnaire, Response, Safeguard, Score, Test,
    },
};

/// Who performs or owns something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Role {
    Patient,
    Guardian,
    Doctor,
    Pharmacist,
    Nurse,
    HealthManager,
    Assistant,
    Dietitian,
    Counsellor,
    Psychotherapist,
    PublicHealthDoctor,
}

/// A phase of a pathway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Unique in the pathway.
    pub code: String,
    /// Title for display.
    pub title: LocalizedText,
}

/// The declaration of a pathway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Unique per publisher.
    pub code: String,
    /// Title for display.
    pub title: LocalizedText,
    /// Diagnoses that make a patient a candidate.
    pub conditions: Vec<Coding>,
    /// The first is the stage of enrolment.
    pub stages: Vec<Stage>,
    /// The questionnaires that it may send.
    pub questionnaires: Vec<Questionnaire>,
    /// The data that it needs. Each new observation of a code in here is an event.
    pub data_needs: Vec<DataNeed>,
    /// Version of the state that it writes.
    pub state_version: u32,
    /// Additional attributes, for later versions.
    pub attributes: Vec<Attribute>,
    /// Whether its contract is `follow-up` (1.1), which has events that `pathway` (1.0) has no words for.
    #[serde(default)]
    pub follows_up: bool,
}

impl Definition {
    /// Whether it is told of an observation with these codes: it declared one of them as needed, or
    /// has answers recorded under it.
    pub fn hears_of(&self, codes: &[Coding]) -> bool {
        let needed = self.data_needs.iter().flat_map(|need| match need {
            DataNeed::Observations(codes) => codes.as_slice(),
            _ => &[],
        });
        let recorded = self.questionnaires.iter().flat_map(|one| {
            let items = one.items.iter().filter_map(|item| item.records_as.as_ref());
            items.chain(one.scores.iter().map(|score| &score.code))
        });
        let mut declared = needed.chain(recorded);
        declared.any(|declared| codes.iter().any(|code| code.same(declared)))
    }
}

/// A reason with its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Stable, upper snake case.
    pub code: String,
    /// Text for display.
    pub message: LocalizedText,
    /// The source of the rule.
    pub citation: Citation,
}

/// Whether a patient may be enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eligibility {
    /// Yes.
    Eligible,
    /// Not suitable for this pathway.
    Ineligible(Vec<Reason>),
    /// An in-person visit is needed first.
    ReferOffline(Vec<Reason>),
}

/// Why a pathway could not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathwayError {
    /// Data that it needs are missing.
    MissingData(LocalizedText),
    /// The state cannot be read.
    BadState(String),
    /// Anything else.
    Other(String),
}

/// The plugin's state for one patient; opaque to the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Schema version.
    pub version: u32,
    /// The bytes.
    pub data: Vec<u8>,
}

/// The answer of a pathway to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The new state.
    pub state: State,
    /// The new stage.
    pub stage: String,
    /// The directives, in order.
    pub directives: Vec<Directive>,
}

/// What a version of a pathway makes of the state of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migrated {
    /// Of its own version.
    pub state: State,
    /// A stage of its definition.
    pub stage: String,
}
