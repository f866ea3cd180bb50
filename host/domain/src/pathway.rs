//! Disease pathways: what a plugin describes and proposes, as in
//! `xinglin:pathway/pathway`, and what the host makes of it.

use serde::{Deserialize, Serialize};

use crate::{
    clinical::{DataNeed, Observation},
    coding::{Attribute, Citation, Coding, LocalizedText, Quantity},
    time::Instant,
};

/// Who does or owns something.
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
    /// For people.
    pub title: LocalizedText,
}

/// What kind of answer a question takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer,
    /// Words.
    Text,
    /// A number in this unit.
    Quantity(String),
    /// One of these.
    Choice(Vec<Coding>),
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Unique in the questionnaire.
    pub link_id: String,
    /// The wording.
    pub text: LocalizedText,
    /// What it takes.
    pub kind: AnswerKind,
    /// Whether it may be left out.
    pub required: bool,
    /// The observation that the answer is, if it is one.
    pub records_as: Option<Coding>,
}

/// A set of questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Questionnaire {
    /// Unique in the pathway.
    pub code: String,
    /// For people.
    pub title: LocalizedText,
    /// In their order.
    pub questions: Vec<Question>,
    /// Source of the wording.
    pub citation: Option<Citation>,
}

/// What a pathway is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Unique per publisher.
    pub code: String,
    /// For people.
    pub title: LocalizedText,
    /// Diagnoses that make a candidate.
    pub conditions: Vec<Coding>,
    /// The first is the stage of enrolment.
    pub stages: Vec<Stage>,
    /// What may be asked.
    pub questionnaires: Vec<Questionnaire>,
    /// What it must see.
    pub data_needs: Vec<DataNeed>,
    /// Version of the state it writes.
    pub state_version: u32,
    /// The open door.
    pub attributes: Vec<Attribute>,
}

/// Why, with its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Stable, upper snake case.
    pub code: String,
    /// For people.
    pub message: LocalizedText,
    /// The rule.
    pub citation: Citation,
}

/// Whether a patient may enter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Eligibility {
    /// Yes.
    Eligible,
    /// Not this pathway.
    Ineligible(Vec<Reason>),
    /// A consulting room first.
    ReferOffline(Vec<Reason>),
}

/// Why a pathway could not decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathwayError {
    /// Something is not known.
    MissingData(LocalizedText),
    /// The state cannot be read.
    BadState(String),
    /// Anything else.
    Other(String),
}

/// What a pathway remembers of a patient; opaque.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Schema version.
    pub version: u32,
    /// The bytes.
    pub data: Vec<u8>,
}

/// One answer's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerValue {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Words.
    Text(String),
    /// An amount.
    Quantity(Quantity),
    /// One of the choices.
    Choice(Coding),
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// To which question.
    pub link_id: String,
    /// What.
    pub value: AnswerValue,
}

/// A questionnaire answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Which one.
    pub questionnaire: String,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// Names a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRef {
    /// Which one.
    pub code: String,
    /// When it was due.
    pub due: Instant,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The patient entered.
    Enrolled,
    /// A timer fired.
    TaskDue(TaskRef),
    /// A task was done.
    TaskDone(TaskRef),
    /// A new observation.
    Observed(Observation),
    /// A questionnaire came back.
    Answered(Response),
    /// A doctor lifted a hold.
    HoldReleased(String),
    /// An alert was taken up.
    AlertAcknowledged(String),
    /// The patient leaves.
    Withdrawn,
    /// Something newer.
    Other(Vec<Attribute>),
}

/// Do something at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Unique among the patient's open tasks.
    pub code: String,
    /// For people.
    pub title: LocalizedText,
    /// Who does it.
    pub owner: Role,
    /// When.
    pub due: Instant,
    /// Grace in days.
    pub window_days: u16,
}

/// A text to the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The tenant's template.
    pub template: String,
    /// What to put in.
    pub arguments: Vec<(String, String)>,
    /// The text where there is no template.
    pub fallback: LocalizedText,
}

/// Somebody must look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Stable, upper snake case.
    pub code: String,
    /// How grave.
    pub severity: crate::review::Severity,
    /// For people.
    pub message: LocalizedText,
    /// Who must look.
    pub owner: Role,
    /// Within so many minutes.
    pub sla_minutes: u32,
    /// The rule.
    pub citation: Citation,
}

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A consulting room.
    Offline(Option<Coding>),
    /// Emergency department or 120.
    Emergency,
    /// A team discussion (MDT).
    Multidisciplinary,
}

/// Send the patient somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referral {
    /// Where to.
    pub destination: Destination,
    /// Why.
    pub reason: LocalizedText,
    /// Contact again within so many days.
    pub recontact_days: Option<u16>,
    /// The rule.
    pub citation: Citation,
}

/// Who may lift a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseBy {
    /// The pathway that asked for it, or a doctor.
    Pathway,
    /// A doctor only.
    Doctor,
}

/// No online prescription while it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Unique among this pathway's holds on the patient.
    pub code: String,
    /// Why.
    pub reason: LocalizedText,
    /// Who may lift it.
    pub release: ReleaseBy,
    /// The rule.
    pub citation: Citation,
}

/// What a pathway asks the host to do. There is no case that prescribes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directive {
    /// Set a timer.
    ScheduleTask(Task),
    /// Take a timer back.
    CancelTask(String),
    /// Ask a questionnaire.
    Ask(String),
    /// Tell the patient.
    SendMessage(Message),
    /// Call somebody.
    RaiseAlert(Alert),
    /// Send the patient somewhere.
    Refer(Referral),
    /// Tests wanted.
    RequestLab(Vec<Coding>),
    /// Stop online prescribing.
    HoldPrescribing(Hold),
    /// Let it go on.
    ReleasePrescribing(String),
    /// A draft for the doctor.
    ProposeNote(LocalizedText),
    /// The pathway ends.
    Close(Reason),
}

/// The answer to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// To remember.
    pub state: State,
    /// Where the patient now stands.
    pub stage: String,
    /// What to do, in order.
    pub directives: Vec<Directive>,
}
