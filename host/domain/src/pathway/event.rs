//! What a pathway is told.

use serde::{Deserialize, Serialize};

use super::Response;
use crate::{
    clinical::Observation,
    coding::{Attribute, AttributeValue, Coding, Decimal},
    time::Instant,
};

/// Reference to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRef {
    /// Code of the task.
    pub code: String,
    /// When it was due.
    pub due: Instant,
}

/// What became of a task that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Its due day is over; it can still be done in time.
    TaskOverdue,
    /// Its days of grace are over.
    TaskMissed,
}

impl Fate {
    /// A short name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskOverdue => "task-overdue",
            Self::TaskMissed => "task-missed",
        }
    }
}

impl From<Fate> for TaskEnd {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::TaskOverdue => Self::Overdue,
            Fate::TaskMissed => Self::Missed,
        }
    }
}

/// What became of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskEnd {
    /// By whoever it was given to.
    Done,
    /// Its due day is over; it can still be done in time.
    Overdue,
    /// Its window is over; it can still be done, late.
    Missed,
    /// The patient does not want it, or staff gave it up.
    Declined,
}

/// What became of a task, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskReport {
    /// The task.
    pub task: TaskRef,
    /// What became of it.
    pub end: TaskEnd,
    /// When.
    pub at: Instant,
}

impl TaskReport {
    /// How a pathway of 1.0 is told, whose contract has no case for what is not done: attributes
    /// `xinglin.event`, `xinglin.task` (its code) and `xinglin.due` (when it was due).
    pub fn attributes(&self) -> Vec<Attribute> {
        let event = match self.end {
            TaskEnd::Done => "task-done",
            TaskEnd::Overdue => Fate::TaskOverdue.as_str(),
            TaskEnd::Missed => Fate::TaskMissed.as_str(),
            TaskEnd::Declined => "task-declined",
        };
        vec![
            text("xinglin.event", event),
            text("xinglin.task", &self.task.code),
            Attribute { key: "xinglin.due".to_owned(), value: AttributeValue::Instant(self.task.due) },
        ]
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A signed report.
    Laboratory,
    /// Taken by staff.
    Clinician,
    /// A device.
    Device,
    /// Typed by the patient or the guardian.
    SelfReported,
}

/// An observation with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The observation.
    pub observation: Observation,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// A value of a device at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// When.
    pub at: Instant,
    /// The value, in the unit of its series.
    pub value: Decimal,
}

/// Values of one kind from one device, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// What is measured.
    pub code: Coding,
    /// UCUM.
    pub unit: String,
    /// Each moment once, each within the bounds of plausibility.
    pub points: Vec<Point>,
    /// How many were left out because they came twice.
    pub duplicates: u32,
    /// How many were left out because they cannot be true.
    pub implausible: u32,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestEnd {
    /// It happened.
    Fulfilled,
    /// The time for it is over.
    Lapsed,
    /// Staff or patient turned it down.
    Declined,
}

impl RequestEnd {
    /// A short name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fulfilled => "fulfilled",
            Self::Lapsed => "lapsed",
            Self::Declined => "declined",
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestReport {
    /// Code of the request.
    pub code: String,
    /// How it ended.
    pub end: RequestEnd,
    /// When.
    pub at: Instant,
    /// The outcome in codes; else empty.
    pub outcome: Vec<Coding>,
}

impl RequestReport {
    /// How a pathway of 1.0 is told: attributes `xinglin.event` (`request-fulfilled`, `request-lapsed`,
    /// `request-declined`) and `xinglin.request` (its code).
    pub fn attributes(&self) -> Vec<Attribute> {
        let event = format!("request-{}", self.end.as_str());
        vec![text("xinglin.event", &event), text("xinglin.request", &self.code)]
    }
}

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: AttributeValue::Text(value.to_owned()) }
}

/// How a patient leaves a pathway. Nobody is asked of one who has died.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Departure {
    /// By their own decision, their guardian's, or the care team's.
    #[default]
    Withdrawn,
    /// Another hospital goes on with it.
    Transferred,
}

/// An event that is delivered to a pathway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The patient was enrolled.
    Enrolled,
    /// A timer fired.
    TaskDue(TaskRef),
    /// A task was done, or was not.
    TaskEnded(TaskReport),
    /// A new observation.
    Observed(Reading),
    /// New values of a device.
    Streamed(Series),
    /// A questionnaire was answered.
    Answered(Response),
    /// A request ended.
    RequestEnded(RequestReport),
    /// A hold was released, by its code.
    HoldReleased(String),
    /// An alert was acknowledged, by its code.
    AlertAcknowledged(String),
    /// The patient leaves.
    Departed(Departure),
    /// The plugin is here again, after nothing was sent since then.
    Resumed(Instant),
    /// An event of a later version.
    Other(Vec<Attribute>),
}
