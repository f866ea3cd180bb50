//! Disease pathways: what a plugin declares and proposes, as in `xinglin:pathway/pathway`.

use serde::{Deserialize, Serialize};

use crate::{
    clinical::{DataNeed, Observation},
    coding::{Attribute, AttributeValue, Citation, Coding, LocalizedText, Quantity},
    time::Instant,
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

/// The type of answer of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer,
    /// Text.
    Text,
    /// A number in this unit (UCUM).
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
    /// The text of the question.
    pub text: LocalizedText,
    /// The type of its answer.
    pub kind: AnswerKind,
    /// Whether an answer is required.
    pub required: bool,
    /// The code of the observation that the answer is stored as, if any.
    pub records_as: Option<Coding>,
}

/// A set of questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Questionnaire {
    /// Unique in the pathway.
    pub code: String,
    /// Title for display.
    pub title: LocalizedText,
    /// The questions, in order.
    pub questions: Vec<Question>,
    /// Source of the questions.
    pub citation: Option<Citation>,
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
}

impl Definition {
    /// Whether it is told of an observation with these codes: it declared one of them as needed, or
    /// has answers recorded under it.
    pub fn hears_of(&self, codes: &[Coding]) -> bool {
        let needed = self.data_needs.iter().flat_map(|need| match need {
            DataNeed::Observations(codes) => codes.as_slice(),
            _ => &[],
        });
        let questions = self.questionnaires.iter().flat_map(|questionnaire| &questionnaire.questions);
        let mut declared = needed.chain(questions.filter_map(|question| question.records_as.as_ref()));
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

/// The value of one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerValue {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// A quantity.
    Quantity(Quantity),
    /// One of the choices.
    Choice(Coding),
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// `link_id` of the question.
    pub link_id: String,
    /// The value.
    pub value: AnswerValue,
}

/// A completed questionnaire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Its code.
    pub questionnaire: String,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// Reference to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRef {
    /// Code of the task.
    pub code: String,
    /// When it was due.
    pub due: Instant,
}

/// What became of a task that is not done. Pathways are told by an [`Event::Other`], as the contract
/// has no case for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Its due day is over; it can still be done in time.
    TaskOverdue,
    /// Its days of grace are over.
    TaskMissed,
}

impl Fate {
    /// The value of `xinglin.event`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskOverdue => "task-overdue",
            Self::TaskMissed => "task-missed",
        }
    }
}

impl Event {
    /// The event that tells what became of a task: attributes `xinglin.event`, `xinglin.task` (its
    /// code) and `xinglin.due` (when it was due).
    pub fn of_task(fate: Fate, task: TaskRef) -> Self {
        let attribute = |key: &str, value| Attribute { key: key.to_owned(), value };
        Self::Other(vec![
            attribute("xinglin.event", AttributeValue::Text(fate.as_str().to_owned())),
            attribute("xinglin.task", AttributeValue::Text(task.code)),
            attribute("xinglin.due", AttributeValue::Instant(task.due)),
        ])
    }
}

/// An event that is delivered to a pathway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The patient was enrolled.
    Enrolled,
    /// A timer fired.
    TaskDue(TaskRef),
    /// A task was done.
    TaskDone(TaskRef),
    /// A new observation.
    Observed(Observation),
    /// A questionnaire was answered.
    Answered(Response),
    /// A hold was released, by its code.
    HoldReleased(String),
    /// An alert was acknowledged, by its code.
    AlertAcknowledged(String),
    /// The patient was withdrawn.
    Withdrawn,
    /// An event of a later version.
    Other(Vec<Attribute>),
}

/// A task with a due time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Unique among the patient's open tasks.
    pub code: String,
    /// Title for display.
    pub title: LocalizedText,
    /// Who performs it.
    pub owner: Role,
    /// When it is due.
    pub due: Instant,
    /// Days of grace after `due`.
    pub window_days: u16,
}

/// A message to the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Name of the tenant's template.
    pub template: String,
    /// Arguments of the template.
    pub arguments: Vec<(String, String)>,
    /// Text to use if there is no template.
    pub fallback: LocalizedText,
}

/// An alert for the care team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Stable, upper snake case.
    pub code: String,
    /// Severity.
    pub severity: crate::review::Severity,
    /// Text for display.
    pub message: LocalizedText,
    /// Who must acknowledge it.
    pub owner: Role,
    /// Minutes within which it must be acknowledged.
    pub sla_minutes: u32,
    /// The source of the rule.
    pub citation: Citation,
}

/// Destination of a referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// An in-person visit, with the speciality if given.
    Offline(Option<Coding>),
    /// Emergency department or 120.
    Emergency,
    /// A multidisciplinary team (MDT).
    Multidisciplinary,
}

/// A referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referral {
    /// The destination.
    pub destination: Destination,
    /// The reason.
    pub reason: LocalizedText,
    /// Days until the patient is contacted again.
    pub recontact_days: Option<u16>,
    /// The source of the rule.
    pub citation: Citation,
}

/// Who may release a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseBy {
    /// The pathway that requested it, or a doctor.
    Pathway,
    /// A doctor only.
    Doctor,
}

/// A hold: no online prescription while it is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Unique among this pathway's holds on the patient.
    pub code: String,
    /// The reason.
    pub reason: LocalizedText,
    /// Who may release it.
    pub release: ReleaseBy,
    /// The source of the rule.
    pub citation: Citation,
}

/// What a pathway requests from the host. No directive can prescribe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directive {
    /// Schedule a timer.
    ScheduleTask(Task),
    /// Cancel a timer, by its code.
    CancelTask(String),
    /// Send a questionnaire, by its code.
    Ask(String),
    /// Send a message to the patient.
    SendMessage(Message),
    /// Raise an alert.
    RaiseAlert(Alert),
    /// Refer the patient.
    Refer(Referral),
    /// Request laboratory tests.
    RequestLab(Vec<Coding>),
    /// Hold online prescribing.
    HoldPrescribing(Hold),
    /// Release a hold, by its code.
    ReleasePrescribing(String),
    /// Propose a note to the doctor.
    ProposeNote(LocalizedText),
    /// End the enrolment.
    Close(Reason),
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
