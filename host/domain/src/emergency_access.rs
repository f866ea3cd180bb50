//! Emergency access (break-the-glass): a doctor opens a restricted compartment in an emergency, for a
//! while, with a written reason. The patient is told, and somebody else judges it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    access::{Action, Actor, Denied, can},
    code::Code,
    compartment::Compartment,
    id::{AccountId, EmergencyAccessId, PatientId},
    time::Instant,
};

/// Longest opening.
pub const MOST_MINUTES: u32 = 240;
/// Shortest reason, in characters, that says anything.
const SHORTEST_REASON: usize = 8;
const LONGEST_REASON: usize = 2000;

/// Whether it was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// There was need.
    Justified,
    /// There was none.
    Unjustified,
}

/// What the reviewer found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// Whether it was right.
    pub finding: Finding,
    /// Why.
    pub note: String,
    /// Who says so.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// One opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmergencyAccess {
    /// Drawn at the edge.
    pub id: EmergencyAccessId,
    /// Whose record.
    pub patient: PatientId,
    /// By whom, and for nobody else.
    pub by: AccountId,
    /// Which part of it.
    pub compartment: Compartment,
    /// Why.
    pub reason: String,
    /// Since when.
    pub opened: Instant,
    /// Until just before then.
    pub until: Instant,
    /// What the review found, once there was one.
    pub judgement: Option<Judgement>,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EmergencyAccessError {
    /// They may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Words are missing.
    #[error("write down why, in {SHORTEST_REASON} to {LONGEST_REASON} characters")]
    Reason,
    /// It would stay open for too long.
    #[error("it opens for 1 to {MOST_MINUTES} minutes")]
    Period,
    /// Nobody judges their own.
    #[error("whoever opened emergency access does not judge it")]
    Own,
    /// It was judged before.
    #[error("it was judged before")]
    Judged,
}

impl EmergencyAccessError {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::Reason => Code::EmergencyAccessReasonRequired,
            Self::Period => Code::BodyInvalid,
            Self::Own => Code::AuthForbidden,
            Self::Judged => Code::EmergencyAccessState,
        }
    }
}

fn said(text: &str) -> Result<String, EmergencyAccessError> {
    let text = text.trim();
    if (SHORTEST_REASON..=LONGEST_REASON).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(EmergencyAccessError::Reason)
    }
}

impl EmergencyAccess {
    /// Opens emergency access for a doctor.
    ///
    /// # Errors
    /// If they may not, give no reason, or want too long.
    pub fn open(
        id: EmergencyAccessId,
        (patient, compartment): (PatientId, Compartment),
        (reason, minutes): (&str, u32),
        by: &Actor,
        at: Instant,
    ) -> Result<Self, EmergencyAccessError> {
        can(by, Action::OpenEmergencyAccess, at)?;
        let reason = said(reason)?;
        if !(1..=MOST_MINUTES).contains(&minutes) {
            return Err(EmergencyAccessError::Period);
        }
        let until = at.plus_minutes(i64::from(minutes));
        Ok(Self { id, patient, by: by.account, compartment, reason, opened: at, until, judgement: None })
    }

    /// Whether it is open at a moment. A judgement against it closes it.
    pub fn is_open(&self, at: Instant) -> bool {
        let condemned = self.judgement.as_ref().is_some_and(|judgement| judgement.finding == Finding::Unjustified);
        at >= self.opened && at < self.until && !condemned
    }

    /// Somebody else says whether it was right.
    ///
    /// # Errors
    /// If they may not, it was theirs, they say nothing, or it was judged before.
    pub fn judge(
        mut self,
        finding: Finding,
        note: &str,
        by: &Actor,
        at: Instant,
    ) -> Result<Self, EmergencyAccessError> {
        can(by, Action::ReviewEmergencyAccess, at)?;
        if by.account == self.by {
            return Err(EmergencyAccessError::Own);
        }
        if self.judgement.is_some() {
            return Err(EmergencyAccessError::Judged);
        }
        self.judgement = Some(Judgement { finding, note: said(note)?, by: by.account, at });
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Role, fixture};

    const NOW: Instant = fixture::NOW;

    fn open(by: &Actor, reason: &str, minutes: u32) -> Result<EmergencyAccess, EmergencyAccessError> {
        let what = (PatientId::from_u128(1), Compartment::Hiv);
        EmergencyAccess::open(EmergencyAccessId::from_u128(1), what, (reason, minutes), by, NOW)
    }

    #[test]
    fn a_doctor_opens_it_for_a_while_with_a_reason() {
        let doctor = fixture::doctor();
        let access = open(&doctor, "unconscious, unknown medicines", 60).expect("opened");
        assert!(access.is_open(NOW) && access.is_open(NOW.plus_minutes(59)));
        assert!(!access.is_open(NOW.plus_minutes(60)) && !access.is_open(NOW.plus_seconds(-1)));
        for (reason, minutes, code) in [
            ("", 60, Code::EmergencyAccessReasonRequired),
            ("       x       ", 60, Code::EmergencyAccessReasonRequired),
            ("unconscious", 0, Code::BodyInvalid),
            ("unconscious", MOST_MINUTES + 1, Code::BodyInvalid),
        ] {
            assert_eq!(open(&doctor, reason, minutes).expect_err("refused").code(), code);
        }
        let mut suspended = doctor;
        fixture::suspend(&mut suspended, NOW);
        assert_eq!(open(&suspended, "unconscious", 60).expect_err("refused").code(), Code::CredInvalid);
        assert_eq!(open(&fixture::pharmacist(), "unconscious", 60).expect_err("refused").code(), Code::AuthForbidden);
    }

    #[test]
    fn somebody_else_judges_it_once() {
        let mut doctor = fixture::doctor();
        doctor.roles.push(Role::Administrator);
        let access = open(&doctor, "unconscious", 60).expect("opened");
        let judge = |access: &EmergencyAccess, by: &Actor, note: &str| {
            access.clone().judge(Finding::Unjustified, note, by, NOW).map_err(EmergencyAccessError::code)
        };
        assert_eq!(judge(&access, &doctor, "all was in order"), Err(Code::AuthForbidden));
        let mut administrator = fixture::stranger();
        administrator.roles = vec![Role::Administrator];
        assert_eq!(judge(&access, &administrator, ""), Err(Code::EmergencyAccessReasonRequired));
        let judged = judge(&access, &administrator, "the patient was awake").expect("judged");
        assert!(!judged.is_open(NOW), "it closes at once");
        assert_eq!(judge(&judged, &administrator, "the patient was awake"), Err(Code::EmergencyAccessState));
    }
}
