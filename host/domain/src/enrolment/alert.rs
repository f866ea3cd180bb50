//! An alert: somebody must look, within so many minutes.

use serde::{Deserialize, Serialize};

use super::CareError;
use crate::{
    access::{Action, Actor, Role, can},
    id::{AccountId, AlertId, EnrolmentId, PatientId},
    pathway::Alert,
    time::Instant,
};

/// Somebody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Who.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// An alert as the host keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRecord {
    /// Drawn at the edge.
    pub id: AlertId,
    /// Of which enrolment.
    pub enrolment: EnrolmentId,
    /// Of whom.
    pub patient: PatientId,
    /// What.
    pub alert: Alert,
    /// When it was raised.
    pub raised: Instant,
    /// Who took it up, if somebody did.
    pub acknowledged: Option<Acknowledgement>,
}

impl AlertRecord {
    /// Until when somebody must have looked.
    pub fn deadline(&self) -> Instant {
        self.raised.plus_minutes(i64::from(self.alert.sla_minutes))
    }

    /// Whether nobody has looked and the time is over: escalate.
    pub fn is_overdue(&self, at: Instant) -> bool {
        self.acknowledged.is_none() && at > self.deadline()
    }

    /// Whether somebody looked in time; nothing while nobody has.
    pub fn in_time(&self) -> Option<bool> {
        self.acknowledged.map(|ack| ack.at <= self.deadline())
    }

    /// Somebody takes it up: the role it was raised to, or a doctor.
    ///
    /// # Errors
    /// If the actor may not, or somebody has.
    pub fn acknowledge(mut self, by: &Actor, at: Instant) -> Result<Self, CareError> {
        can(by, Action::AcknowledgeAlert, at)?;
        if !by.is(Role::from(self.alert.owner)) && !by.is(Role::Doctor) {
            return Err(CareError::AnotherRole);
        }
        if self.acknowledged.is_some() {
            return Err(CareError::State("the alert was taken up before"));
        }
        self.acknowledged = Some(Acknowledgement { by: by.account, at });
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, NOW};

    fn record() -> AlertRecord {
        AlertRecord {
            id: AlertId::from_u128(1),
            enrolment: fixture::enrolment().id,
            patient: fixture::enrolment().patient,
            alert: fixture::alert(),
            raised: NOW,
            acknowledged: None,
        }
    }

    #[test]
    fn runs_against_the_clock() {
        let alert = record();
        assert_eq!(alert.deadline(), NOW.plus_minutes(15));
        assert!(!alert.is_overdue(NOW.plus_minutes(15)));
        assert!(alert.is_overdue(NOW.plus_minutes(16)));
        let late = alert.acknowledge(&fixture::doctor(), NOW.plus_minutes(20)).expect("taken up");
        assert!(!late.is_overdue(NOW.plus_minutes(60)));
        assert_eq!(late.in_time(), Some(false));
        assert!(late.acknowledge(&fixture::doctor(), NOW.plus_minutes(21)).is_err());
    }

    #[test]
    fn is_for_the_care_team() {
        assert!(record().acknowledge(&fixture::patient(), NOW).is_err());
        assert_eq!(record().acknowledge(&fixture::pharmacist(), NOW), Err(CareError::AnotherRole));
    }
}
