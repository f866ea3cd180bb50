use thiserror::Error;

use super::{Barred, Event, RxState};
use crate::{access::Denied, canonical::CanonicalError, code::Code, machine::Refused, review::NotReviewed};

/// Why an operation on a prescription is refused.
#[derive(Debug, Error)]
pub enum RxError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The result of the checks prevents a signature.
    #[error(transparent)]
    NotReviewed(#[from] NotReviewed),
    /// The checks are of another version or order.
    #[error("the checks were of another version, order or patient")]
    ReviewedAnother,
    /// No follow-up in progress, or another doctor's.
    #[error("there is no follow-up of this patient in progress with this doctor")]
    NoEncounter,
    /// The author is a program.
    #[error("a prescription must be written by a person")]
    AiOrigin,
    /// The actor is not the prescriber.
    #[error("the prescription is another doctor's")]
    AnotherDoctor,
    /// On the negative list, or not identified well enough to be looked up.
    #[error("line {line}: {why}")]
    Barred {
        /// Number of the line.
        line: u32,
        /// Why it must not be prescribed.
        why: Barred,
    },
    /// Too many medicines on one prescription.
    #[error("a prescription holds at most {0} medicines")]
    TooManyItems(usize),
    /// The patient is allergic to it.
    #[error("line {line}: the patient is allergic to {substance}")]
    Allergy {
        /// Number of the line.
        line: u32,
        /// Code of the substance.
        substance: String,
    },
    /// The ingredient is already prescribed.
    #[error("line {line} holds an ingredient of line {other}")]
    Duplicate {
        /// Number of the line.
        line: u32,
        /// Number of the line that has the ingredient.
        other: u32,
    },
    /// A line is invalid.
    #[error("line {line}: {what}")]
    Line {
        /// Number of the line; 0 for the whole sheet.
        line: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// The quantity exceeds what may be prescribed or bought.
    #[error("line {line}: {what}")]
    Quantity {
        /// Number of the line.
        line: u32,
        /// What exceeds the limit.
        what: &'static str,
    },
    /// A condition of a long-term prescription is not met.
    #[error("not possible as a long-term prescription: {0}")]
    LongTerm(&'static str),
    /// Days of validity out of range.
    #[error("valid for {0} days; 1 to 3 are possible")]
    Validity(u8),
    /// A signature is not valid.
    #[error("invalid signature: {0}")]
    Signature(&'static str),
    /// The visit is stopped by a red flag, or a hold is active.
    #[error("prescribing is on hold: {0}")]
    OnHold(String),
    /// Prescriber and reviewer are the same person.
    #[error("nobody reviews their own prescription")]
    SelfReview,
    /// The checklist is incomplete.
    #[error("the pharmacist's checklist is not complete")]
    Checklist,
    /// The reason is missing.
    #[error("a reason is required")]
    ReasonRequired,
    /// The version has changed concurrently.
    #[error("version {expected} was meant, it is at version {actual}")]
    Version {
        /// The version that the caller had read.
        expected: u32,
        /// The current version.
        actual: u32,
    },
    /// Confirmation requires a reason and a second signature.
    #[error("insisting takes a written reason and a second signature")]
    SecondSignature,
    /// The validity has ended.
    #[error("the prescription has expired")]
    Expired,
    /// Already ordered or dispensed.
    #[error("the prescription has been used")]
    AlreadyUsed,
    /// The actor is not the patient.
    #[error("the prescription is for another patient")]
    PatientMismatch,
    /// The risk notice was not acknowledged.
    #[error("the risk notice is not acknowledged")]
    RiskNotice,
    /// Dispensing requires approval.
    #[error("the prescription is not approved yet")]
    DrugBeforeRx,
    /// The leaflet is hidden before approval.
    #[error("the leaflet is hidden until a pharmacist has approved")]
    InfoHidden,
    /// The order is not paid, or can no longer be released.
    #[error("the payment does not allow this")]
    PayState,
    /// Preparer and checker are the same person.
    #[error("two different persons prepare and check")]
    TwoStaff,
    /// The handout differs from the order.
    #[error("line {line}: {what}")]
    Handout {
        /// Number of the line.
        line: u32,
        /// What differs.
        what: &'static str,
    },
    /// The batch has expired.
    #[error("batch {0} has expired")]
    BatchExpired(String),
    /// The trace code was used before.
    #[error("trace code {0} was handed out before")]
    TraceReused(String),
    /// The temperature logger is missing.
    #[error("a cold-chain medicine travels with a temperature logger")]
    ColdChain,
    /// The receiver is not the patient.
    #[error("the receiver could not be verified")]
    Receiver,
    /// The code is not the one that the patient was told.
    #[error("the code is not the one that the patient was told")]
    WrongCode,
    /// Too many wrong codes were entered.
    #[error("too many wrong codes were entered; a pharmacist has the patient told a new one")]
    CodeSpent,
    /// Evidence is missing.
    #[error("evidence of the mishap is missing")]
    Evidence,
    /// The cause does not allow a return.
    #[error("medicines come back only for faults of quality, recall, courier or hospital")]
    NotReturnable,
    /// The report is incomplete.
    #[error("the adverse reaction report lacks {0}")]
    AdverseIncomplete(&'static str),
    /// A renewal requires a new visit.
    #[error("a renewal needs a new visit")]
    RenewNoEncounter,
    /// Not possible in this state.
    #[error("{event:?} is not possible: the prescription is {state}")]
    State {
        /// The event.
        event: Event,
        /// The state.
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
            Self::Barred { why, .. } => why.code(),
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
            Self::Receiver | Self::WrongCode | Self::CodeSpent => Code::DelivReceiver,
            Self::Evidence => Code::DelivEvidence,
            Self::NotReturnable => Code::RefundDrugNotReturnable,
            Self::AdverseIncomplete(_) => Code::AdrIncomplete,
            Self::RenewNoEncounter => Code::RxRenewNoEncounter,
            Self::State { .. } => Code::RxState,
            Self::Canonical(_) => Code::Internal,
        }
    }
}
