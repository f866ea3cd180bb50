//! A pathway's task: a durable timer, and the work that it calls for.

use serde::{Deserialize, Serialize};

use super::CareError;
use crate::{
    access::{Action, Actor, Role, can},
    id::{AccountId, EnrolmentId, PatientId, TaskId},
    pathway::{Task, TaskRef},
    time::Instant,
};

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waiting for its time.
    Open,
    /// Its time has come, and the pathway was told.
    Fired {
        /// When.
        at: Instant,
    },
    /// Somebody did it.
    Done {
        /// Who.
        by: AccountId,
        /// When.
        at: Instant,
        /// Within its grace.
        in_time: bool,
    },
    /// Taken back.
    Cancelled {
        /// When.
        at: Instant,
    },
}

/// A task as the host keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRecord {
    /// Drawn at the edge.
    pub id: TaskId,
    /// Of which enrolment.
    pub enrolment: EnrolmentId,
    /// Of whom.
    pub patient: PatientId,
    /// What.
    pub task: Task,
    /// How far.
    pub state: TaskState,
}

impl TaskRecord {
    /// As events name it.
    pub fn reference(&self) -> TaskRef {
        TaskRef { code: self.task.code.clone(), due: self.task.due }
    }

    /// Whether somebody may still do it.
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, TaskState::Open | TaskState::Fired { .. })
    }

    /// Last moment at which it counts as done in time.
    pub fn deadline(&self) -> Instant {
        self.task.due.plus_days(i64::from(self.task.window_days))
    }

    /// Its time has come.
    ///
    /// # Errors
    /// If it has not, or it has fired before.
    pub fn fire(mut self, at: Instant) -> Result<Self, CareError> {
        match self.state {
            TaskState::Open if at >= self.task.due => {
                self.state = TaskState::Fired { at };
                Ok(self)
            }
            TaskState::Open => Err(CareError::State("the task is not due")),
            _ => Err(CareError::State("the task has fired, is done or was cancelled")),
        }
    }

    /// Somebody of the role it was given to did it, perhaps ahead of its time.
    ///
    /// # Errors
    /// If the actor may not, or it is no longer pending.
    pub fn done(mut self, by: &Actor, at: Instant) -> Result<Self, CareError> {
        can(by, Action::CompleteTask, at)?;
        let owner = Role::from(self.task.owner);
        let own = if owner == Role::Patient { by.acts_for(self.patient) } else { by.is(owner) };
        if !own {
            return Err(CareError::AnotherRole);
        }
        if !self.is_pending() {
            return Err(CareError::State("the task is done or was cancelled"));
        }
        self.state = TaskState::Done { by: by.account, at, in_time: at <= self.deadline() };
        Ok(self)
    }

    /// The pathway takes it back.
    ///
    /// # Errors
    /// If it is no longer pending.
    pub fn cancel(mut self, at: Instant) -> Result<Self, CareError> {
        if !self.is_pending() {
            return Err(CareError::State("the task is done or was cancelled"));
        }
        self.state = TaskState::Cancelled { at };
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::{self, NOW},
        pathway,
    };

    fn record(owner: pathway::Role) -> TaskRecord {
        TaskRecord {
            id: TaskId::from_u128(1),
            enrolment: fixture::enrolment().id,
            patient: fixture::enrolment().patient,
            task: Task { code: "visit".into(), title: fixture::text("随访"), owner, due: NOW, window_days: 3 },
            state: TaskState::Open,
        }
    }

    #[test]
    fn fires_once_and_not_early() {
        let early = record(pathway::Role::Patient).fire(NOW.plus_seconds(-1)).expect_err("early");
        assert_eq!(early.code(), crate::code::Code::PathwayState);
        let fired = record(pathway::Role::Patient).fire(NOW).expect("due");
        assert!(fired.is_pending());
        assert!(fired.clone().fire(NOW).is_err());
        assert!(fired.cancel(NOW).expect("cancelled").cancel(NOW).is_err());
    }

    #[test]
    fn is_done_by_its_owner_in_time_or_late() {
        let done = |at| record(pathway::Role::Patient).done(&fixture::patient(), at).expect("done").state;
        assert!(matches!(done(NOW.plus_days(3)), TaskState::Done { in_time: true, .. }));
        assert!(matches!(done(NOW.plus_days(4)), TaskState::Done { in_time: false, .. }));
        assert!(record(pathway::Role::Nurse).done(&fixture::doctor(), NOW).is_err());
        assert!(record(pathway::Role::Patient).done(&fixture::stranger(), NOW).is_err());
        let done = record(pathway::Role::Doctor).done(&fixture::doctor(), NOW).expect("done");
        assert!(done.done(&fixture::doctor(), NOW).is_err());
    }
}
