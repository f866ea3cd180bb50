//! A hold: no online prescription is signed for the patient while it stands.

use serde::{Deserialize, Serialize};

use super::CareError;
use crate::{
    access::{Action, Actor, can},
    id::{AccountId, EnrolmentId, HoldId, PatientId},
    pathway::{Hold, ReleaseBy},
    time::Instant,
};

/// Who lifted a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Releaser {
    /// The pathway that had placed it.
    Pathway,
    /// A doctor.
    Doctor {
        /// Who.
        by: AccountId,
        /// Why.
        reason: String,
    },
}

/// A hold lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// By whom.
    pub by: Releaser,
    /// When.
    pub at: Instant,
}

/// A hold as the host keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRecord {
    /// Drawn at the edge.
    pub id: HoldId,
    /// Of which enrolment.
    pub enrolment: EnrolmentId,
    /// On whom.
    pub patient: PatientId,
    /// What.
    pub hold: Hold,
    /// When it was placed.
    pub placed: Instant,
    /// When and by whom it was lifted, if it was.
    pub released: Option<Release>,
}

impl HoldRecord {
    /// Whether it stands.
    pub const fn is_active(&self) -> bool {
        self.released.is_none()
    }

    /// A doctor lifts it, with a written reason.
    ///
    /// # Errors
    /// If the actor is no doctor, gives no reason, or it was lifted before.
    pub fn release_by(self, by: &Actor, reason: String, at: Instant) -> Result<Self, CareError> {
        can(by, Action::ReleaseHold, at)?;
        if reason.trim().is_empty() {
            return Err(CareError::ReasonRequired);
        }
        self.lift(Releaser::Doctor { by: by.account, reason }, at)
    }

    /// The pathway lifts it.
    ///
    /// # Errors
    /// If it is a doctor's to lift, or was lifted before.
    pub fn release_by_pathway(self, at: Instant) -> Result<Self, CareError> {
        match self.hold.release {
            ReleaseBy::Doctor => Err(CareError::State("the hold is for a doctor to lift")),
            ReleaseBy::Pathway => self.lift(Releaser::Pathway, at),
        }
    }

    fn lift(mut self, by: Releaser, at: Instant) -> Result<Self, CareError> {
        if !self.is_active() {
            return Err(CareError::State("the hold was lifted before"));
        }
        self.released = Some(Release { by, at });
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Code,
        fixture::{self, NOW},
    };

    #[test]
    fn a_doctor_lifts_it_once_with_a_reason() {
        let hold = fixture::hold_record();
        let code = |result: Result<HoldRecord, CareError>| result.expect_err("refused").code();
        assert_eq!(code(hold.clone().release_by(&fixture::pharmacist(), "ok".into(), NOW)), Code::AuthForbidden);
        assert_eq!(code(hold.clone().release_by(&fixture::doctor(), " ".into(), NOW)), Code::PathwayReasonRequired);
        assert_eq!(code(hold.clone().release_by_pathway(NOW)), Code::PathwayState);
        let lifted = hold.release_by(&fixture::doctor(), "线下复测正常".into(), NOW).expect("lifted");
        assert!(!lifted.is_active());
        assert_eq!(code(lifted.release_by(&fixture::doctor(), "again".into(), NOW)), Code::PathwayState);
    }

    #[test]
    fn a_pathway_lifts_what_is_its_own() {
        let mut hold = fixture::hold_record();
        hold.hold.release = ReleaseBy::Pathway;
        assert!(!hold.release_by_pathway(NOW).expect("its own").is_active());
    }
}
