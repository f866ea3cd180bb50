//! The prescription (处方): thirteen states, each with what it knows, and the
//! only ways between them (处方管理办法, 互联网诊疗管理办法(试行), 药品网络销售监督管理办法).
//!
//! ```text
//! Draft ─sign▶ PendingReview ─approve▶ Effective ─reserve▶ Reserved ─dispense▶ Dispensed
//!   ▲            │  ▲   └reject▶ Rejected  │  ▲                │              │     │
//!   │          return confirm          withdraw └───release────┘            ship  pick up
//!   └──amend──── Returned                  ▼                                  ▼     ▼
//!                                      Cancelled                         Shipped ─▶ Delivered ─counsel▶ Closed
//! ```
//!
//! Besides: a draft may be abandoned; what is signed and not yet reserved
//! expires; what was dispensed may be refunded for a fault that is not the
//! patient's. Each concern has its file:
//!
//! - [`medicine`]: what is prescribed, and how much of it may be;
//! - [`negative_list`]: what must not be prescribed online at all;
//! - [`draft`]: writing and signing;
//! - [`examine`]: the pharmacist's review and the doctor's answers to it;
//! - [`fulfil`]: order, dispensing, delivery, return, renewal;
//! - [`adverse`]: adverse reactions.

pub mod adverse;
pub mod draft;
mod error;
pub mod examine;
pub mod fulfil;
#[cfg(test)]
mod journey;
pub mod medicine;
#[cfg(test)]
mod model;
pub mod negative_list;

use serde::{Deserialize, Serialize};

pub use self::{
    draft::{Create, SignWith, Signing},
    error::RxError,
    examine::{Approval, Checklist, Insistence, Objection},
    fulfil::{
        Counselling, Dispensing, Handout, LinePacks, Mishap, MishapKind, Purchase, Receipt, ReceiverProof, Reservation,
        ReturnCause, Shipment, Staff,
    },
    medicine::{Course, DrugClass, LongTerm, Medicine, Rules, Sheet, Supply},
    negative_list::NegativeList,
};
use crate::{
    access::{Action, Actor, can},
    canonical::{CanonicalError, Digest},
    id::{AccountId, EncounterId, PatientId, PrescriptionId},
    machine::{Refused, machine},
    review::Order,
    signature::{Signature, VerifySignature},
    time::Instant,
};

/// What every state knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    id: PrescriptionId,
    version: u32,
    patient: PatientId,
    encounter: EncounterId,
    prescriber: AccountId,
    renews: Option<PrescriptionId>,
    created: Instant,
    sheet: Sheet,
}

/// Signed by the prescriber, approved by a pharmacist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// The prescriber's part.
    pub signing: Signing,
    /// The pharmacist's part.
    pub approval: Approval,
}

/// Handed out against an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supplied {
    /// The signatures.
    pub issue: Issue,
    /// The order.
    pub reservation: Reservation,
    /// What was handed out, by whom.
    pub dispensing: Dispensing,
}

/// Being written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Since when; a day later it lapses.
    pub since: Instant,
    /// What the pharmacist had against the version before.
    pub objection: Option<Objection>,
}

/// Signed, waiting for a pharmacist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingReview {
    /// The prescriber's signature and what it rests on.
    pub signing: Signing,
}

/// Sent back by the pharmacist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// The prescriber's signature and what it rests on.
    pub signing: Signing,
    /// Why.
    pub objection: Objection,
}

/// Refused by the pharmacist as forged or dangerous. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The prescriber's signature and what it rests on.
    pub signing: Signing,
    /// Why.
    pub objection: Objection,
}

/// Approved: may be bought once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effective {
    /// The signatures.
    pub issue: Issue,
}

/// Ordered: the used-mark is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserved {
    /// The signatures.
    pub issue: Issue,
    /// The order.
    pub reservation: Reservation,
}

/// Packed and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispensed {
    /// What was handed out.
    pub supplied: Supplied,
}

/// On its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipped {
    /// What was handed out.
    pub supplied: Supplied,
    /// With whom it travels.
    pub shipment: Shipment,
    /// What went wrong with earlier shipments.
    pub mishaps: Vec<Mishap>,
}

/// In the patient's hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// What was handed out.
    pub supplied: Supplied,
    /// Who took it.
    pub receipt: Receipt,
}

/// Counselled and done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// What was handed out.
    pub supplied: Supplied,
    /// Who took it.
    pub receipt: Receipt,
    /// What was said.
    pub counselling: Counselling,
}

/// Past its validity, unused. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expired {
    /// The prescriber's signature and what it rests on.
    pub signing: Signing,
    /// The pharmacist's, if it came to that.
    pub approval: Option<Approval>,
    /// When that was noticed.
    pub at: Instant,
}

/// Why a prescription was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancellation {
    /// The doctor dropped the draft.
    Abandoned(AccountId),
    /// Nobody signed the draft for a day.
    Lapsed,
    /// The doctor withdrew it after approval.
    Withdrawn {
        /// The doctor.
        by: AccountId,
        /// The signatures it had.
        issue: Box<Issue>,
    },
}

/// Will not be used. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancelled {
    /// Why.
    pub cause: Cancellation,
    /// When.
    pub at: Instant,
}

/// The medicine came back or never arrived. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refunded {
    /// What had been handed out.
    pub supplied: Supplied,
    /// Whose fault it was.
    pub cause: ReturnCause,
    /// What happened on the way, if it did.
    pub mishaps: Vec<Mishap>,
    /// Who decided.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// A prescription in a known state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rx<S> {
    head: Head,
    state: S,
}

machine! {
    /// A prescription in any state, as it is stored.
    enum Prescription of Rx with Head;
    /// The states of a prescription.
    tag RxState;
    /// A state of a prescription.
    stage RxStage;
    /// Being written.
    Draft = "DRAFT",
    /// Signed, waiting for a pharmacist.
    PendingReview = "PENDING_REVIEW",
    /// Sent back by the pharmacist.
    Returned = "RETURNED",
    /// Refused by the pharmacist.
    Rejected = "REJECTED",
    /// Approved.
    Effective = "EFFECTIVE",
    /// Ordered.
    Reserved = "RESERVED",
    /// Packed and checked.
    Dispensed = "DISPENSED",
    /// On its way.
    Shipped = "SHIPPED",
    /// In the patient's hands.
    Delivered = "DELIVERED",
    /// Counselled and done.
    Closed = "CLOSED",
    /// Past its validity.
    Expired = "EXPIRED",
    /// Will not be used.
    Cancelled = "CANCELLED",
    /// Taken back or lost.
    Refunded = "REFUNDED",
}

/// A refused transition of a prescription.
pub type RefusedRx<S> = Refused<Rx<S>, RxError>;

/// What somebody wants to do with a prescription. Needed only to say why it
/// cannot be done in the state it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the transitions")]
pub enum Event {
    Edit,
    Sign,
    Abandon,
    Approve,
    Return,
    Reject,
    Amend,
    Confirm,
    Expire,
    Withdraw,
    Reserve,
    Release,
    Dispense,
    Ship,
    PickUp,
    Receive,
    Lose,
    Reship,
    Refund,
    Counsel,
    ReportAdverseReaction,
    Renew,
    ReadLeaflet,
}

/// Why an event is impossible in a state, as exactly as the law distinguishes.
const fn impossible(event: Event, state: RxState) -> RxError {
    use RxState as S;
    let supplied = matches!(state, S::Dispensed | S::Shipped | S::Delivered | S::Closed | S::Refunded);
    let unapproved = matches!(state, S::Draft | S::PendingReview | S::Returned);
    match event {
        Event::ReadLeaflet => RxError::InfoHidden,
        Event::Reserve | Event::Withdraw if supplied || matches!(state, S::Reserved) => RxError::AlreadyUsed,
        Event::Dispense if supplied => RxError::AlreadyUsed,
        Event::Reserve | Event::Dispense if unapproved => RxError::DrugBeforeRx,
        Event::Release if supplied => RxError::PayState,
        _ if matches!(state, S::Expired) => RxError::Expired,
        _ => RxError::State { event, state },
    }
}

impl Prescription {
    /// Its id.
    pub const fn id(&self) -> PrescriptionId {
        self.head().id
    }

    /// Counts the amendments, from 1. Every signature is under one version.
    pub const fn version(&self) -> u32 {
        self.head().version
    }

    /// For whom.
    pub const fn patient(&self) -> PatientId {
        self.head().patient
    }

    /// In which visit.
    pub const fn encounter(&self) -> EncounterId {
        self.head().encounter
    }

    /// By whom.
    pub const fn prescriber(&self) -> AccountId {
        self.head().prescriber
    }

    /// The prescription that this one continues (续方).
    pub const fn renews(&self) -> Option<PrescriptionId> {
        self.head().renews
    }

    /// When it was begun.
    pub const fn created(&self) -> Instant {
        self.head().created
    }

    /// What is prescribed.
    pub const fn sheet(&self) -> &Sheet {
        &self.head().sheet
    }

    /// The prescriber's signature, where the state still rests on one.
    pub fn signing(&self) -> Option<&Signing> {
        match self {
            Self::Draft(_) => None,
            Self::PendingReview(rx) => Some(&rx.state.signing),
            Self::Returned(rx) => Some(&rx.state.signing),
            Self::Rejected(rx) => Some(&rx.state.signing),
            Self::Expired(rx) => Some(&rx.state.signing),
            _ => self.issue().map(|issue| &issue.signing),
        }
    }

    /// Both signatures, from [`RxState::Effective`] on.
    pub fn issue(&self) -> Option<&Issue> {
        match self {
            Self::Effective(rx) => Some(&rx.state.issue),
            Self::Reserved(rx) => Some(&rx.state.issue),
            Self::Cancelled(Rx { state: Cancelled { cause: Cancellation::Withdrawn { issue, .. }, .. }, .. }) => {
                Some(issue)
            }
            _ => self.supplied().map(|supplied| &supplied.issue),
        }
    }

    /// The order, from [`RxState::Reserved`] on.
    pub fn reservation(&self) -> Option<&Reservation> {
        match self {
            Self::Reserved(rx) => Some(&rx.state.reservation),
            _ => self.supplied().map(|supplied| &supplied.reservation),
        }
    }

    /// What was handed out, from [`RxState::Dispensed`] on.
    pub const fn supplied(&self) -> Option<&Supplied> {
        match self {
            Self::Dispensed(rx) => Some(&rx.state.supplied),
            Self::Shipped(rx) => Some(&rx.state.supplied),
            Self::Delivered(rx) => Some(&rx.state.supplied),
            Self::Closed(rx) => Some(&rx.state.supplied),
            Self::Refunded(rx) => Some(&rx.state.supplied),
            _ => None,
        }
    }

    /// When the prescription ceases to be valid, once it is signed.
    pub fn valid_until(&self) -> Option<Instant> {
        self.signing().map(|signing| signing.valid_until)
    }

    /// The prescription in the state that an event needs.
    ///
    /// # Errors
    /// If it is in another: for example [`RxError::AlreadyUsed`] where a
    /// second pharmacy wants to reserve it.
    pub fn expecting<S: RxStage>(self, event: Event) -> Result<Rx<S>, Refused<Self, RxError>> {
        S::of(self).map_err(|other| {
            let error = impossible(event, other.state());
            Refused::new(other, error)
        })
    }

    /// The clock has passed the validity of what is signed and not yet ordered.
    ///
    /// # Errors
    /// If it is still valid, or in a state that does not expire.
    pub fn expire(self, at: Instant) -> Result<Rx<Expired>, Refused<Self, RxError>> {
        let state = self.state();
        let due = self.valid_until().is_some_and(|until| at >= until);
        match self {
            Self::PendingReview(rx) if due => Ok(rx.expired(None, |s| s.signing, at)),
            Self::Returned(rx) if due => Ok(rx.expired(None, |s| s.signing, at)),
            Self::Effective(rx) if due => {
                let approval = rx.state.issue.approval.clone();
                Ok(rx.expired(Some(approval), |s| s.issue.signing, at))
            }
            other => Err(Refused::new(other, RxError::State { event: Event::Expire, state })),
        }
    }

    /// Whether package, label and leaflet may be shown: not before a pharmacist
    /// has approved (药品网络销售监督管理办法), so that nobody picks a medicine first.
    ///
    /// # Errors
    /// If they may not, or not to this reader.
    pub fn show_leaflet(&self, by: &Actor, at: Instant) -> Result<(), RxError> {
        can(by, Action::ReadLeaflet, at)?;
        let state = self.state();
        if self.issue().is_none() || state == RxState::Cancelled {
            return Err(impossible(Event::ReadLeaflet, state));
        }
        let staff = can_read_without_being_patient(by);
        if staff || by.acts_for(self.patient()) { Ok(()) } else { Err(RxError::PatientMismatch) }
    }
}

fn can_read_without_being_patient(by: &Actor) -> bool {
    Action::ReadLeaflet.roles().iter().any(|&role| role != crate::access::Role::Patient && by.is(role))
}

impl<S> Rx<S> {
    /// Its id.
    pub const fn id(&self) -> PrescriptionId {
        self.head.id
    }

    /// Counts the amendments, from 1.
    pub const fn version(&self) -> u32 {
        self.head.version
    }

    /// For whom.
    pub const fn patient(&self) -> PatientId {
        self.head.patient
    }

    /// By whom.
    pub const fn prescriber(&self) -> AccountId {
        self.head.prescriber
    }

    /// What is prescribed.
    pub const fn sheet(&self) -> &Sheet {
        &self.head.sheet
    }

    /// The order as checkers see it.
    pub fn order(&self) -> Order {
        self.head.sheet.order()
    }

    /// The state, with what it knows.
    pub const fn state(&self) -> &S {
        &self.state
    }

    /// What a review must be bound to: this patient, this version, these lines.
    ///
    /// # Errors
    /// If the sheet cannot be hashed.
    pub fn fingerprint(&self) -> Result<Digest, CanonicalError> {
        #[derive(Serialize)]
        struct Document<'a> {
            document: &'static str,
            id: PrescriptionId,
            version: u32,
            patient: PatientId,
            sheet: &'a Sheet,
        }
        let Head { id, version, patient, ref sheet, .. } = self.head;
        Digest::of(&Document { document: "xinglin.review", id, version, patient, sheet })
    }

    /// What the prescriber signs: all of it, with its validity and moment.
    ///
    /// # Errors
    /// If the sheet cannot be hashed.
    pub fn signing_digest(&self, valid_days: u8, at: Instant) -> Result<Digest, CanonicalError> {
        #[derive(Serialize)]
        struct Document<'a> {
            document: &'static str,
            prescription: &'a Head,
            valid_days: u8,
            at: Instant,
        }
        Digest::of(&Document { document: "xinglin.prescription", prescription: &self.head, valid_days, at })
    }

    fn advance<F, T>(
        self,
        guard: impl FnOnce(&Self) -> Result<F, RxError>,
        next: impl FnOnce(S, F) -> T,
    ) -> Result<Rx<T>, RefusedRx<S>> {
        match guard(&self) {
            Ok(facts) => Ok(Rx { head: self.head, state: next(self.state, facts) }),
            Err(error) => Err(Refused::new(self, error)),
        }
    }

    fn expired(self, approval: Option<Approval>, signing: impl FnOnce(S) -> Signing, at: Instant) -> Rx<Expired> {
        Rx { head: self.head, state: Expired { signing: signing(self.state), approval, at } }
    }

    /// The prescriber, and nobody else, with rights intact at this moment.
    fn prescriber_only(&self, by: &Actor, action: Action, at: Instant) -> Result<(), RxError> {
        can(by, action, at)?;
        if by.account == self.head.prescriber { Ok(()) } else { Err(RxError::AnotherDoctor) }
    }

    /// The prescriber's signature fits the prescription as it now is. Returns
    /// what it is under.
    fn verify_signing(&self, signing: &Signing, verifier: &dyn VerifySignature) -> Result<Digest, RxError> {
        let digest = self.signing_digest(signing.valid_days, signing.signature.at)?;
        let until = signing.signature.at.plus_hours(i64::from(signing.valid_days) * 24);
        if signing.valid_until != until {
            return Err(RxError::Signature("the validity is not the one signed"));
        }
        verify(&digest, &signing.signature, self.head.prescriber, verifier)?;
        Ok(digest)
    }

    /// Both signatures fit the prescription as it now is.
    fn verify_issue(&self, issue: &Issue, verifier: &dyn VerifySignature) -> Result<(), RxError> {
        let under = self.verify_signing(&issue.signing, verifier)?;
        let Approval { by, ref signature } = issue.approval;
        verify(&examine::approval_digest(under, by, signature.at)?, signature, by, verifier)
    }
}

fn verify(
    digest: &Digest,
    signature: &Signature,
    signer: AccountId,
    verifier: &dyn VerifySignature,
) -> Result<(), RxError> {
    if signature.signer != signer {
        return Err(RxError::Signature("it is somebody else's signature"));
    }
    if verifier.verify(digest, signature) { Ok(()) } else { Err(RxError::Signature("it does not fit what is signed")) }
}

/// A reason, if it says something.
fn reason(text: String) -> Result<String, RxError> {
    if text.trim().is_empty() { Err(RxError::ReasonRequired) } else { Ok(text) }
}
