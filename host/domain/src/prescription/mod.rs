//! The prescription (处方): thirteen states and the only transitions between them (处方管理办法,
//! 互联网诊疗管理办法(试行), 药品网络销售监督管理办法).
//!
//! ```text
//! Draft ─sign▶ PendingReview ─approve▶ Effective ─reserve▶ Reserved ─dispense▶ Dispensed
//!   ▲            │  ▲   └reject▶ Rejected  │  ▲                │              │     │
//!   │          return confirm          withdraw └───release────┘            ship  pick up
//!   └──amend──── Returned                  ▼                                  ▼     ▼
//!                                      Cancelled                         Shipped ─▶ Delivered ─counsel▶ Closed
//! ```
//!
//! In addition: a draft may be abandoned, and lapses after a day; what is signed may be withdrawn
//! until it is ordered, and expires; dispensed medicine may be refunded for a cause that is not the
//! patient's, wherever it is. One file for each concern:
//!
//! - [`medicine`]: medicines and quantity limits;
//! - [`product`]: the identity of a product, normalised;
//! - [`negative_list`]: what must not be prescribed online;
//! - `substance`: names of substances, by which a title is read;
//! - [`draft`]: drafting and signing;
//! - [`examine`]: the pharmacist's review and the doctor's replies;
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
pub mod product;
mod substance;
#[cfg(test)]
mod verdicts;

use serde::{Deserialize, Serialize};

pub use self::{
    draft::{Create, SignWith, Signing},
    error::RxError,
    examine::{Approval, ApproveWith, Checklist, Insistence, Objection},
    fulfil::{
        Counselling, Dispensing, Handing, Handout, LinePacks, Loss, Mishap, MishapKind, Purchase, Receipt,
        ReceiverProof, Reservation, ReturnCause, ReturnedPacks, Shipment, Staff,
    },
    medicine::{Barred, Course, DrugClass, LocalRules, LongTerm, Medicine, Rules, Sheet, Supply},
    negative_list::{Forbidden, NegativeList},
    product::Product,
    substance::Substances,
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

/// Common to all states.
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
    /// The prescriber's signature.
    pub signing: Signing,
    /// The pharmacist's approval.
    pub approval: Approval,
}

/// Dispensed for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supplied {
    /// The signatures.
    pub issue: Issue,
    /// The order.
    pub reservation: Reservation,
    /// The dispensing.
    pub dispensing: Dispensing,
    /// What came back while the patient keeps the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<ReturnedPacks>,
}

impl Supplied {
    /// For how many days what the patient keeps of a line lasts; 0 if nothing is kept.
    pub fn days(&self, medicine: &Medicine) -> u16 {
        match self.kept(medicine.line.number) {
            0 => 0,
            packs => medicine.days_of(packs),
        }
    }

    /// How many packs of a line were handed out and did not come back.
    pub fn kept(&self, line: u32) -> u32 {
        let handed = self.dispensing.handouts.iter().filter(|handout| handout.line == line);
        let handed: usize = handed.map(|handout| handout.traces.len()).sum();
        let back = self.returned.iter().filter(|back| back.packs.line == line);
        let back = back.fold(0_u32, |sum, back| sum.saturating_add(back.packs.packs));
        u32::try_from(handed).unwrap_or(u32::MAX).saturating_sub(back)
    }
}

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Start of the draft; it lapses 24 hours later.
    pub since: Instant,
    /// The pharmacist's objection to the previous version.
    pub objection: Option<Objection>,
}

/// Signed, waiting for a pharmacist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingReview {
    /// The prescriber's signature and its basis.
    pub signing: Signing,
}

/// Returned by the pharmacist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// The prescriber's signature and its basis.
    pub signing: Signing,
    /// The objection.
    pub objection: Objection,
}

/// Rejected by the pharmacist as forged or dangerous. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// The prescriber's signature and its basis.
    pub signing: Signing,
    /// The objection.
    pub objection: Objection,
}

/// Approved: may be ordered once.
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
    /// The dispensing, with its order.
    pub supplied: Supplied,
}

/// Shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipped {
    /// The dispensing, with its order.
    pub supplied: Supplied,
    /// The shipment.
    pub shipment: Shipment,
    /// Mishaps of this shipment as they were reported, and of earlier ones.
    pub mishaps: Vec<Mishap>,
    /// Wrong codes that were entered since the code was told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub wrong_codes: u8,
}

/// Delivered to the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// The dispensing, with its order.
    pub supplied: Supplied,
    /// Proof of delivery.
    pub receipt: Receipt,
}

/// Counselled and closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// The dispensing, with its order.
    pub supplied: Supplied,
    /// Proof of delivery.
    pub receipt: Receipt,
    /// The counselling.
    pub counselling: Counselling,
}

/// Expired unused. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expired {
    /// The prescriber's signature and its basis.
    pub signing: Signing,
    /// The pharmacist's approval, if any.
    pub approval: Option<Approval>,
    /// When the expiry was recorded.
    pub at: Instant,
}

/// Why a prescription was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancellation {
    /// The doctor abandoned the draft.
    Abandoned(AccountId),
    /// The draft was not signed within a day.
    Lapsed,
    /// The doctor withdrew it after approval.
    Withdrawn {
        /// The doctor.
        by: AccountId,
        /// Its signatures.
        issue: Box<Issue>,
    },
    /// The doctor withdrew it after signing, before it was approved.
    Retracted {
        /// The doctor.
        by: AccountId,
        /// The signature.
        signing: Box<Signing>,
    },
}

/// Cancelled. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancelled {
    /// The cause.
    pub cause: Cancellation,
    /// When.
    pub at: Instant,
}

/// Returned, or lost in transit, and refunded. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refunded {
    /// The dispensing, with its order.
    pub supplied: Supplied,
    /// The cause.
    pub cause: ReturnCause,
    /// Mishaps in transit.
    pub mishaps: Vec<Mishap>,
    /// Proof of delivery, if it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The counselling, if there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counselling: Option<Counselling>,
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
    /// A prescription in any state, for storage.
    enum Prescription of Rx with Head;
    /// The states of a prescription.
    tag RxState;
    /// A state of a prescription.
    stage RxStage;
    /// A draft.
    Draft = "DRAFT",
    /// Signed, waiting for a pharmacist.
    PendingReview = "PENDING_REVIEW",
    /// Returned by the pharmacist.
    Returned = "RETURNED",
    /// Rejected by the pharmacist.
    Rejected = "REJECTED",
    /// Approved.
    Effective = "EFFECTIVE",
    /// Ordered.
    Reserved = "RESERVED",
    /// Packed and checked.
    Dispensed = "DISPENSED",
    /// Shipped.
    Shipped = "SHIPPED",
    /// Delivered to the patient.
    Delivered = "DELIVERED",
    /// Counselled and closed.
    Closed = "CLOSED",
    /// Expired.
    Expired = "EXPIRED",
    /// Cancelled.
    Cancelled = "CANCELLED",
    /// Returned or lost.
    Refunded = "REFUNDED",
}

/// A refused transition of a prescription.
pub type RefusedRx<S> = Refused<Rx<S>, RxError>;

/// An event of a prescription; used for the error of an event that its state does not permit.
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

/// Why an event is impossible in a state, with the most specific error.
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

    /// Number of the version, from 1, incremented by each amendment. A signature covers one
    /// version.
    pub const fn version(&self) -> u32 {
        self.head().version
    }

    /// The patient.
    pub const fn patient(&self) -> PatientId {
        self.head().patient
    }

    /// The visit.
    pub const fn encounter(&self) -> EncounterId {
        self.head().encounter
    }

    /// The prescriber.
    pub const fn prescriber(&self) -> AccountId {
        self.head().prescriber
    }

    /// The prescription that this one renews (续方).
    pub const fn renews(&self) -> Option<PrescriptionId> {
        self.head().renews
    }

    /// When it was created.
    pub const fn created(&self) -> Instant {
        self.head().created
    }

    /// The content.
    pub const fn sheet(&self) -> &Sheet {
        &self.head().sheet
    }

    /// The prescriber's signature, if the state has one.
    pub fn signing(&self) -> Option<&Signing> {
        match self {
            Self::Draft(_) => None,
            Self::PendingReview(rx) => Some(&rx.state.signing),
            Self::Returned(rx) => Some(&rx.state.signing),
            Self::Rejected(rx) => Some(&rx.state.signing),
            Self::Expired(rx) => Some(&rx.state.signing),
            Self::Cancelled(Rx { state: Cancelled { cause: Cancellation::Retracted { signing, .. }, .. }, .. }) => {
                Some(signing)
            }
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

    /// The dispensing, from [`RxState::Dispensed`] on.
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

    /// End of validity, once it is signed.
    pub fn valid_until(&self) -> Option<Instant> {
        self.signing().map(|signing| signing.valid_until)
    }

    /// When the host is to do something about it by itself: a draft lapses, what is signed and not
    /// dispensed expires, what was lost or taken back is refunded. `None` if nothing.
    pub fn ends(&self) -> Option<Instant> {
        match self {
            Self::Refunded(rx) => Some(rx.state.at),
            Self::Draft(rx) => Some(rx.lapses()),
            Self::PendingReview(_) | Self::Returned(_) | Self::Effective(_) | Self::Reserved(_) => self.valid_until(),
            _ => None,
        }
    }

    /// The prescription in a required state.
    ///
    /// # Errors
    /// If it is in another: for example [`RxError::AlreadyUsed`] if a second pharmacy wants to
    /// reserve it.
    pub fn expecting<S: RxStage>(self, event: Event) -> Result<Rx<S>, Refused<Self, RxError>> {
        S::of(self).map_err(|other| {
            let error = impossible(event, other.state());
            Refused::new(other, error)
        })
    }

    /// Expires a signed prescription that is not ordered.
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

    /// Whether package, label and leaflet may be shown: not before approval by a pharmacist
    /// (药品网络销售监督管理办法).
    ///
    /// # Errors
    /// If not, or not to this reader.
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

    /// Number of the version, from 1.
    pub const fn version(&self) -> u32 {
        self.head.version
    }

    /// The patient.
    pub const fn patient(&self) -> PatientId {
        self.head.patient
    }

    /// The visit.
    pub const fn encounter(&self) -> EncounterId {
        self.head.encounter
    }

    /// The prescriber.
    pub const fn prescriber(&self) -> AccountId {
        self.head.prescriber
    }

    /// The content.
    pub const fn sheet(&self) -> &Sheet {
        &self.head.sheet
    }

    /// The order, as checkers receive it.
    pub fn order(&self) -> Order {
        self.head.sheet.order()
    }

    /// The data of the state.
    pub const fn state(&self) -> &S {
        &self.state
    }

    /// The fingerprint that a review is bound to: patient, version and lines.
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

    /// The digest that the prescriber signs: the whole prescription, with validity and time.
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

    /// Checks that the actor is the prescriber and may do this now.
    fn prescriber_only(&self, by: &Actor, action: Action, at: Instant) -> Result<(), RxError> {
        can(by, action, at)?;
        if by.account == self.head.prescriber { Ok(()) } else { Err(RxError::AnotherDoctor) }
    }

    /// Verifies the prescriber's signature over the current content; returns the signed digest.
    fn verify_signing(&self, signing: &Signing, verifier: &dyn VerifySignature) -> Result<Digest, RxError> {
        let digest = self.signing_digest(signing.valid_days, signing.signature.at)?;
        let until = signing.signature.at.plus_hours(i64::from(signing.valid_days) * 24);
        if signing.valid_until != until {
            return Err(RxError::Signature("the validity is not the one signed"));
        }
        verify(&digest, &signing.signature, self.head.prescriber, verifier)?;
        Ok(digest)
    }

    /// Verifies both signatures over the current content.
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// The reason, if it is not empty.
fn reason(text: String) -> Result<String, RxError> {
    if text.trim().is_empty() { Err(RxError::ReasonRequired) } else { Ok(text) }
}
