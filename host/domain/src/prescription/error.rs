use thiserror::Error;

use super::{Event, RxState};
use crate::{access::Denied, canonical::CanonicalError, code::Code, machine::Refused, review::NotReviewed};

/// Why something cannot be done with a prescription.
#[derive(Debug, Error)]
pub enum RxError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It may not be signed as it was checked.
    #[error(transparent)]
    NotReviewed(#[from] NotReviewed),
    /// The checks were of something else.
    #[error("the checks were of another version, order or patient")]
    ReviewedAnother,
    /// No follow-up in progress, or with another doctor.
    #[error("there is no follow-up of this patient in progress with this doctor")]
    NoEncounter,
    /// Written by a program.
    #[error("a prescription must be written by a person")]
    AiOrigin,
    /// The acting doctor did not write it.
    #[error("the prescription is another doctor's")]
    AnotherDoctor,
    /// On the negative list.
    #[error("line {line}: {entry} must not be prescribed online")]
    Forbidden {
        /// Number of the line.
        line: u32,
        /// Name of the entry.
        entry: String,
    },
    /// More medicines than one prescription holds.
    #[error("a prescription holds at most {0} medicines")]
    TooManyItems(usize),
    /// The patient is allergic.
    #[error("line {line}: the patient is allergic to {substance}")]
    Allergy {
        /// Number of the line.
        line: u32,
        /// Code of the substance.
        substance: String,
    },
    /// The ingredient is there already.
    #[error("line {line} holds an ingredient of line {other}")]
    Duplicate {
        /// Number of the line.
        line: u32,
        /// Number of the line that has it already.
        other: u32,
    },
    /// Something in a line cannot be.
    #[error("line {line}: {what}")]
    Line {
        /// Number of the line; 0 for the sheet as a whole.
        line: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// More than may be prescribed or bought.
    #[error("line {line}: {what}")]
    Quantity {
        /// Number of the line.
        line: u32,
        /// What is too much.
        what: &'static str,
    },
    /// Not a long-term prescription.
    #[error("not possible as a long-term prescription: {0}")]
    LongTerm(&'static str),
    /// Days of validity out of range.
    #[error("valid for {0} days; 1 to 3 are possible")]
    Validity(u8),
    /// A signature does not hold.
    #[error("invalid signature: {0}")]
    Signature(&'static str),
    /// Stopped for a danger sign, or on hold by a pathway.
    #[error("prescribing is on hold: {0}")]
    OnHold(String),
    /// Prescriber and reviewer are one.
    #[error("nobody reviews their own prescription")]
    SelfReview,
    /// Something was not checked.
    #[error("the pharmacist's checklist is not complete")]
    Checklist,
    /// Words are missing.
    #[error("a reason is required")]
    ReasonRequired,
    /// Somebody else was faster.
    #[error("version {expected} was meant, it is at version {actual}")]
    Version {
        /// What the caller had read.
        expected: u32,
        /// What it is.
        actual: u32,
    },
    /// Insisting takes a reason and a second signature.
    #[error("insisting takes a written reason and a second signature")]
    SecondSignature,
    /// Past its validity.
    #[error("the prescription has expired")]
    Expired,
    /// Ordered or dispensed already.
    #[error("the prescription has been used")]
    AlreadyUsed,
    /// For somebody else.
    #[error("the prescription is for another patient")]
    PatientMismatch,
    /// The risk notice was not acknowledged.
    #[error("the risk notice is not acknowledged")]
    RiskNotice,
    /// Medicine before approval.
    #[error("the prescription is not approved yet")]
    DrugBeforeRx,
    /// Leaflet before approval.
    #[error("the leaflet is hidden until a pharmacist has approved")]
    InfoHidden,
    /// The order is not paid, or can no longer be undone by releasing it.
    #[error("the payment does not allow this")]
    PayState,
    /// One person in two roles.
    #[error("two different persons prepare and check")]
    TwoStaff,
    /// Not what was ordered.
    #[error("line {line}: {what}")]
    Handout {
        /// Number of the line.
        line: u32,
        /// What does not fit.
        what: &'static str,
    },
    /// The batch is too old.
    #[error("batch {0} has expired")]
    BatchExpired(String),
    /// Handed out before.
    #[error("trace code {0} was handed out before")]
    TraceReused(String),
    /// No logger.
    #[error("a cold-chain medicine travels with a temperature logger")]
    ColdChain,
    /// Not the patient.
    #[error("the receiver could not be verified")]
    Receiver,
    /// Nothing shows what happened.
    #[error("evidence of the mishap is missing")]
    Evidence,
    /// No fault that allows a return.
    #[error("medicines come back only for faults of quality, recall, courier or hospital")]
    NotReturnable,
    /// A report lacks something.
    #[error("the adverse reaction report lacks {0}")]
    AdverseIncomplete(&'static str),
    /// A renewal in the old visit.
    #[error("a renewal needs a new visit")]
    RenewNoEncounter,
    /// Not possible from here.
    #[error("{event:?} is not possible: the prescription is {state}")]
    State {
        /// What was wanted.
        event: Event,
        /// Where it stands.
        state: RxState,
    },
    /// It cannot be hashed.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl<T> From<Refused<T, Self>> for RxError {
    fn from(refused: Refused<T, Self>) -> Self {
        refused.error
    }
}

impl RxError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotReviewed(why) => why.code(),
            Self::ReviewedAnother => Code::RxNotChecked,
            Self::NoEncounter => Code::RxNoEncounter,
            Self::AiOrigin => Code::RxAiOrigin,
            Self::AnotherDoctor => Code::AuthForbidden,
            Self::Forbidden { .. } => Code::RxForbiddenDrug,
            Self::TooManyItems(_) => Code::RxTooManyItems,
            Self::Allergy { .. } => Code::RxAllergy,
            Self::Duplicate { .. } => Code::RxDuplicateDrug,
            Self::Line { .. } => Code::RxLineInvalid,
            Self::Quantity { .. } => Code::RxQtyExceeded,
            Self::LongTerm(_) => Code::RxLongTerm,
            Self::Validity(_) => Code::RxValidity,
            Self::Signature(_) => Code::RxSignatureInvalid,
            Self::OnHold(_) => Code::EncRedFlag,
            Self::SelfReview => Code::RxSelfReview,
            Self::Checklist => Code::RxChecklistIncomplete,
            Self::ReasonRequired => Code::RxReasonRequired,
            Self::Version { .. } => Code::RxVersionConflict,
            Self::SecondSignature => Code::RxSecondSign,
            Self::Expired => Code::RxExpired,
            Self::AlreadyUsed => Code::RxAlreadyUsed,
            Self::PatientMismatch => Code::RxPatientMismatch,
            Self::RiskNotice => Code::RxRiskNotice,
            Self::DrugBeforeRx => Code::RxDrugBeforeRx,
            Self::InfoHidden => Code::RxInfoHidden,
            Self::PayState => Code::PayState,
            Self::TwoStaff => Code::DispTwoStaff,
            Self::Handout { .. } => Code::DispIncomplete,
            Self::BatchExpired(_) => Code::DispBatchExpired,
            Self::TraceReused(_) => Code::DispTraceReused,
            Self::ColdChain => Code::DelivColdChain,
            Self::Receiver => Code::DelivReceiver,
            Self::Evidence => Code::DelivEvidence,
            Self::NotReturnable => Code::RefundDrugNotReturnable,
            Self::AdverseIncomplete(_) => Code::AdrIncomplete,
            Self::RenewNoEncounter => Code::RxRenewNoEncounter,
            Self::State { .. } => Code::RxState,
            Self::Canonical(_) => Code::Internal,
        }
    }
}
