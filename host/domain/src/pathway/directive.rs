//! What a pathway asks for. There is no directive that prescribes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Reason, Role};
use crate::{
    coding::{Citation, Coding, LocalizedText},
    review::Severity,
    time::Instant,
};

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
    /// Minutes after `due` within which it still counts as done in time; of none, it is a bare timer.
    pub window_minutes: u32,
    /// When it comes again, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repetition>,
}

/// That a task comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repetition {
    /// Days from one `due` to the next, at the same time of day.
    pub every_days: u16,
    /// How often it comes in all, if not until it is cancelled.
    pub times: Option<u16>,
}

impl Task {
    /// The next of its repetitions, if there is one; what was due before `now` is left out.
    pub fn again(&self, now: Instant) -> Option<Self> {
        let Repetition { every_days, mut times } = self.repeat?;
        let mut due = self.due;
        loop {
            times = match times {
                None => None,
                Some(left) => Some(left.checked_sub(1).filter(|left| *left > 0)?),
            };
            due = due.plus_days(i64::from(every_days.max(1)));
            if due >= now {
                return Some(Self { due, repeat: Some(Repetition { every_days, times }), ..self.clone() });
            }
        }
    }
}

/// A questionnaire to be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Code of a questionnaire of the definition; also that of the request.
    pub questionnaire: String,
    /// Who answers: the patient, the guardian, or staff who interview.
    pub respondent: Role,
    /// Minutes within which; asked once more at half of them.
    pub within_minutes: u32,
    /// Whether the pathway is told how it ended: not one of 1.0.
    pub reported: bool,
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
    pub severity: Severity,
    /// Text for display.
    pub message: LocalizedText,
    /// Who must acknowledge it.
    pub owner: Role,
    /// Minutes within which it must be acknowledged.
    pub sla_minutes: u32,
    /// Who is told next, each after the same time, before the hospital's own order of escalation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalation: Vec<Role>,
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
    /// A multidisciplinary team (MDT), of a pathway of 1.0 that cannot say who is in it.
    Multidisciplinary,
}

/// What is followed to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tracked {
    /// Unique among the patient's open requests of the pathway.
    pub code: String,
    /// Until when.
    pub by: Instant,
}

/// A referral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referral {
    /// Its code, and until when the patient should have been seen; none of a pathway of 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<Tracked>,
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

/// Laboratory tests that a doctor orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabRequest {
    /// Its code, and until when results should be there; none of a pathway of 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<Tracked>,
    /// Never empty.
    pub tests: Vec<Coding>,
    /// Why, with its source; none of a pathway of 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<(LocalizedText, Citation)>,
}

/// Somebody of a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// The role.
    pub role: Role,
    /// Speciality of a doctor, if not any.
    pub discipline: Option<Coding>,
    /// Their part of the joint plan. May be empty.
    pub responsibility: LocalizedText,
}

/// Several people decide together: a multidisciplinary team (MDT), or a joint review of two teachers (双师). Each
/// gives an opinion and signs the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Unique among the patient's open requests of the pathway.
    pub code: String,
    /// What is to be decided.
    pub question: LocalizedText,
    /// Two at least, no two the same.
    pub participants: Vec<Participant>,
    /// Until when.
    pub deadline: Instant,
    /// The source of the rule.
    pub citation: Citation,
}

/// Somebody must speak with the patient in person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Stable, upper snake case; unique among the patient's open contacts.
    pub code: String,
    /// Who.
    pub owner: Role,
    /// Minutes within which.
    pub within_minutes: u32,
    /// Who is told next, each after the same time, before the hospital's own order of escalation.
    pub escalation: Vec<Role>,
    /// Numbers of the hospital's list of lines of help that the patient is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub helplines: Vec<String>,
    /// Whether guardian or emergency contact are to be told too.
    #[serde(default)]
    pub inform_kin: bool,
    /// Whether no visit is closed, and nothing prescribed, charged or dispensed, until it has ended.
    pub locks_visit: bool,
    /// Hours after which the patient is contacted again.
    pub recontact_hours: Vec<u16>,
    /// For staff.
    pub reason: LocalizedText,
    /// The source of the rule.
    pub citation: Citation,
}

/// Treatment online stops now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Stable, upper snake case.
    pub code: String,
    /// Why.
    pub reason: LocalizedText,
    /// The source of the rule.
    pub citation: Citation,
}

/// An act that a hold can stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldAct {
    /// A prescription is signed.
    Prescribe,
    /// A pharmacist approves one.
    Approve,
    /// A payment is captured.
    Charge,
    /// Medicines are handed out.
    Dispense,
}

/// A hold: what it stops does not happen while it is active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Unique among this pathway's holds on the patient.
    pub code: String,
    /// What it stops, at least one.
    #[serde(default = "all_acts")]
    pub stops: BTreeSet<HeldAct>,
    /// Only of these medicines; of all, if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub medicines: Vec<Coding>,
    /// The reason.
    pub reason: LocalizedText,
    /// Who may release it.
    pub release: ReleaseBy,
    /// The source of the rule.
    pub citation: Citation,
}

/// What a hold of 1.0 stops: the prescription, and all that follows from one.
pub fn all_acts() -> BTreeSet<HeldAct> {
    BTreeSet::from([HeldAct::Prescribe, HeldAct::Approve, HeldAct::Charge, HeldAct::Dispense])
}

/// What a pathway requests from the host. No directive can prescribe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directive {
    /// Schedule a task.
    ScheduleTask(Task),
    /// Cancel a task with its repetitions, by its code.
    CancelTask(String),
    /// Send a questionnaire.
    Ask(Question),
    /// Send a message to the patient.
    SendMessage(Message),
    /// Raise an alert.
    RaiseAlert(Alert),
    /// Have somebody speak with the patient.
    Contact(Contact),
    /// Stop treating online.
    StopVisit(Stop),
    /// Refer the patient.
    Refer(Referral),
    /// Request laboratory tests.
    RequestLab(LabRequest),
    /// Have several people decide together.
    Convene(Team),
    /// Withdraw a request, by its code.
    WithdrawRequest(String),
    /// Hold acts of the hospital.
    Hold(Hold),
    /// Release a hold, by its code.
    Release(String),
    /// Propose a note to the doctor.
    ProposeNote(LocalizedText),
    /// End the enrolment.
    Close(Reason),
}
