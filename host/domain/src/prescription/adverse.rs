//! Adverse reactions: may be reported by anybody, in any state of the prescription after medicine
//! was dispensed (药品不良反应报告和监测管理办法).

use serde::{Deserialize, Serialize};

use super::{Event, Prescription, RxError, RxState, impossible};
use crate::{
    access::{Action, Actor, Role, can},
    id::{AccountId, PatientId, PrescriptionId},
    time::Instant,
};

/// Severity of the reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdverseSeverity {
    /// Not serious.
    Other,
    /// Serious: life-threatening, hospitalisation, lasting damage.
    Serious,
    /// Death.
    Death,
}

impl AdverseSeverity {
    /// Days within which the authority must receive the report; death is reported at once.
    pub const fn report_within_days(self) -> i64 {
        match self {
            Self::Death => 0,
            Self::Serious => 15,
            Self::Other => 30,
        }
    }
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdverseReport {
    /// Suspected lines.
    pub lines: Vec<u32>,
    /// Severity.
    pub severity: AdverseSeverity,
    /// Description.
    pub description: String,
    /// Onset.
    pub onset: Instant,
}

/// A case that must be reported to the authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdverseCase {
    /// The prescription.
    pub prescription: PrescriptionId,
    /// The patient.
    pub patient: PatientId,
    /// The reporter.
    pub reported_by: AccountId,
    /// The report.
    pub report: AdverseReport,
    /// When it became known.
    pub known: Instant,
    /// Deadline for the report to the authority.
    pub due: Instant,
}

impl Prescription {
    /// Opens a case; the prescription is not changed.
    ///
    /// # Errors
    /// If nothing was dispensed, or the report is incomplete.
    pub fn report_adverse(&self, by: &Actor, report: AdverseReport, at: Instant) -> Result<AdverseCase, RxError> {
        can(by, Action::ReportAdverseReaction, at)?;
        let state = self.state();
        if !matches!(state, RxState::Dispensed | RxState::Shipped | RxState::Delivered | RxState::Closed) {
            return Err(impossible(Event::ReportAdverseReaction, state));
        }
        let staff = by.roles.iter().any(|&role| role != Role::Patient);
        if !staff && !by.acts_for(self.patient()) {
            return Err(RxError::PatientMismatch);
        }
        if report.description.trim().is_empty() {
            return Err(RxError::AdverseIncomplete("a description"));
        }
        if report.lines.is_empty() || report.lines.iter().any(|&line| self.sheet().medicine(line).is_none()) {
            return Err(RxError::AdverseIncomplete("the medicine under suspicion"));
        }
        if report.onset > at {
            return Err(RxError::AdverseIncomplete("an onset in the past"));
        }
        let due = at.plus_days(report.severity.report_within_days());
        Ok(AdverseCase {
            prescription: self.id(),
            patient: self.patient(),
            reported_by: by.account,
            report,
            known: at,
            due,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Code,
        fixture,
        prescription::journey::{Journey, report},
    };

    fn file(by: &Actor, change: impl FnOnce(&mut AdverseReport)) -> Result<AdverseCase, Code> {
        let journey = Journey::to(RxState::Closed);
        let mut report = report();
        change(&mut report);
        journey.rx.report_adverse(by, report, journey.now).map_err(|e| e.code())
    }

    #[test]
    fn the_graver_the_sooner() {
        let days = |severity| {
            let case = file(&fixture::patient(), |r| r.severity = severity).expect("complete");
            (case.due.micros() - case.known.micros()) / 86_400_000_000
        };
        assert_eq!(days(AdverseSeverity::Death), 0);
        assert_eq!(days(AdverseSeverity::Serious), 15);
        assert_eq!(days(AdverseSeverity::Other), 30);
    }

    #[test]
    fn a_report_is_complete_and_by_somebody_concerned() {
        let patient = fixture::patient();
        let incomplete = Err(Code::AdrIncomplete);
        assert_eq!(file(&patient, |r| r.description = " ".into()).map(|_| ()), incomplete);
        assert_eq!(file(&patient, |r| r.lines.clear()).map(|_| ()), incomplete);
        assert_eq!(file(&patient, |r| r.lines = vec![9]).map(|_| ()), incomplete);
        assert_eq!(file(&patient, |r| r.onset = fixture::NOW.plus_days(30)).map(|_| ()), incomplete);
        assert_eq!(file(&fixture::stranger(), |_| {}).map(|_| ()), Err(Code::RxPatientMismatch));
        assert!(file(&fixture::pharmacist(), |_| {}).is_ok());
    }
}
