//! One patient in one pathway: what the host keeps of it, and what it makes of
//! the pathway's proposals.
//!
//! A pathway proposes, [`Enrolment::accept`] disposes: an [`Outcome`] is taken
//! as a whole or refused as a whole, with the rule that it broke. What is taken
//! comes out as [`Effect`]s for the host to carry out in one transaction.
//!
//! [`Outcome`]: crate::pathway::Outcome

mod accept;
pub mod alert;
pub mod hold;
pub mod task;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::{
    accept::{Accepted, Effect, ProposalError},
    alert::AlertRecord,
    hold::HoldRecord,
    task::TaskRecord,
};
use crate::{
    access::Denied,
    code::Code,
    id::{AccountId, EnrolmentId, PatientId},
    pathway::{Reason, State},
    time::Instant,
};

/// One patient in one pathway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// Drawn at the edge.
    pub id: EnrolmentId,
    /// The patient.
    pub patient: PatientId,
    /// Id of the plugin.
    pub plugin: String,
    /// Code of the pathway.
    pub pathway: String,
    /// Who enrolled the patient.
    pub enrolled_by: AccountId,
    /// When.
    pub enrolled: Instant,
    /// Code of the stage.
    pub stage: String,
    /// What the pathway remembers; nothing before its first step.
    pub state: Option<State>,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
}

/// How an enrolment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// When.
    pub at: Instant,
    /// Why.
    pub cause: EndCause,
}

/// Why an enrolment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The pathway closed it.
    Closed(Reason),
    /// The patient left.
    Withdrawn,
}

impl Enrolment {
    /// Whether events still go to the pathway.
    pub const fn is_active(&self) -> bool {
        self.ended.is_none()
    }

    /// Takes over what was accepted.
    #[must_use]
    pub fn advanced(mut self, accepted: &Accepted, at: Instant) -> Self {
        self.stage.clone_from(&accepted.stage);
        self.state = Some(accepted.state.clone());
        self.ended = accepted.ended.clone().map(|cause| Ended { at, cause });
        self
    }
}

/// Why an act on a task, alert or hold is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CareError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It is given to another role.
    #[error("it is another role's")]
    AnotherRole,
    /// Not possible from here.
    #[error("{0}")]
    State(&'static str),
    /// Words are missing.
    #[error("a written reason is required")]
    ReasonRequired,
}

impl CareError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::AnotherRole => Code::AuthForbidden,
            Self::State(_) => Code::PathwayState,
            Self::ReasonRequired => Code::PathwayReasonRequired,
        }
    }
}
