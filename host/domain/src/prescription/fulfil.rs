//! Order, dispensing, delivery, and return where the law permits it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Closed, Create, Delivered, Dispensed, Draft, Effective, Event, Prescription, Refunded, RefusedRx, Reserved, Rx,
    RxError, Shipped, Supplied, examine::unexpired,
};
use crate::{
    access::{Action, Actor, can},
    billing::Paid,
    canonical::Digest,
    id::{AccountId, BillId, PrescriptionId, TenantId},
    machine::Refused as RefusedStep,
    signature::VerifySignature,
    time::Instant,
};

/// Packs of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinePacks {
    /// Number of the line.
    pub line: u32,
    /// Number of packs, at least one.
    pub packs: u32,
}

/// A patient's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// The bill.
    pub bill: BillId,
    /// The pharmacy.
    pub pharmacy: TenantId,
    /// The ordered lines; each at most once.
    pub lines: Vec<LinePacks>,
    /// Whether the risk notice was acknowledged.
    pub risk_acknowledged: bool,
}

/// The order that uses the prescription. Its lines are the used-marks: the store sets one
/// compare-and-set mark for each, so of two pharmacies one succeeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// The purchase.
    pub purchase: Purchase,
    /// The account that ordered.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// Packs of one batch of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handout {
    /// Number of the line.
    pub line: u32,
    /// Batch number.
    pub batch: String,
    /// Expiry of the batch, exclusive.
    pub expires: Instant,
    /// Trace codes (药品追溯码), one for each pack.
    pub traces: Vec<String>,
}

/// The two persons who dispense.
#[derive(Debug, Clone, Copy)]
pub struct Staff<'a> {
    /// Prepares the medicines (调配).
    pub preparer: &'a Actor,
    /// Checks and issues them (核对、发药).
    pub checker: &'a Actor,
}

/// What was dispensed, by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispensing {
    /// The preparer.
    pub prepared_by: AccountId,
    /// The checker.
    pub checked_by: AccountId,
    /// The handouts.
    pub handouts: Vec<Handout>,
    /// Why less was handed out than ordered, if it was: what is missing is refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// When.
    pub at: Instant,
}

/// What is handed out of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handing {
    /// The handouts.
    pub handouts: Vec<Handout>,
    /// Why it is less than was ordered; `None` if it is all.
    pub partial: Option<String>,
}

impl From<Vec<Handout>> for Handing {
    fn from(handouts: Vec<Handout>) -> Self {
        Self { handouts, partial: None }
    }
}

/// Packs that came back for a cause that is not the patient's, while the patient keeps others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnedPacks {
    /// How many of which line.
    pub packs: LinePacks,
    /// The cause.
    pub cause: ReturnCause,
    /// The pharmacist.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// A shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipment {
    /// The carrier.
    pub carrier: String,
    /// Tracking number.
    pub tracking: String,
    /// Number of the temperature logger, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The code that the receiver must present.
    pub code: String,
}

/// How the receiver proves to be entitled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiverProof {
    /// The code sent to the patient.
    Code(String),
    /// An identity document was checked, the patient's or the registered guardian's.
    Document,
}

/// Proof of delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Who received it or handed it over.
    pub by: AccountId,
    /// When.
    pub at: Instant,
}

/// Kind of mishap in transit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MishapKind {
    /// The parcel was lost.
    Lost,
    /// The temperature was out of range.
    TemperatureBreach,
}

/// What is said of a mishap in transit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Kind of mishap.
    pub kind: MishapKind,
    /// Hashes of the evidence: the logger's record, the carrier's statement.
    pub evidence: Vec<Digest>,
    /// What happened, and what shows it, in words.
    pub reason: String,
}

/// A mishap in transit, as somebody reported it or decided upon it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mishap {
    /// Kind of mishap.
    pub kind: MishapKind,
    /// Hashes of the evidence: the logger's record, the carrier's statement.
    pub evidence: Vec<Digest>,
    /// What happened, in words; empty in prescriptions of earlier versions, as the next two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AccountId>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
}

/// Number of wrong codes after which none is taken any more: a project default. A code has six digits.
pub const MOST_WRONG_CODES: u8 = 5;

/// Number of mishaps that are kept with a parcel; nobody reports more of one.
const MOST_MISHAPS: usize = 16;

/// Cause of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnCause {
    /// A defect of the product.
    Quality,
    /// Recalled by the manufacturer or the authority.
    Recall,
    /// The courier's fault.
    Courier,
    /// The hospital's or pharmacy's fault.
    Hospital,
    /// The patient no longer wants it. Not a ground for return.
    ChangeOfMind,
}

/// Counselling of the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counselling {
    /// Who counselled.
    pub by: AccountId,
    /// Summary.
    pub note: String,
    /// When.
    pub at: Instant,
}

impl Rx<Effective> {
    /// The patient orders; sets the used-mark.
    ///
    /// # Errors
    /// If the actor is not the patient, the validity has ended, it is more than prescribed, or
    /// the risk notice was not acknowledged.
    pub fn reserve(
        self,
        by: &Actor,
        purchase: Purchase,
        verifier: &dyn VerifySignature,
        at: Instant,
    ) -> Result<Rx<Reserved>, RefusedRx<Effective>> {
        self.advance(
            |rx| {
                can(by, Action::ReservePrescription, at)?;
                if !by.acts_for(rx.head.patient) {
                    return Err(RxError::PatientMismatch);
                }
                unexpired(&rx.state.issue.signing, at)?;
                rx.verify_issue(&rx.state.issue, verifier)?;
                if !purchase.risk_acknowledged {
                    return Err(RxError::RiskNotice);
                }
                rx.check_purchase(&purchase)?;
                Ok(Reservation { purchase, by: by.account, at })
            },
            |effective, reservation| Reserved { issue: effective.issue, reservation },
        )
    }

    fn check_purchase(&self, purchase: &Purchase) -> Result<(), RxError> {
        if purchase.lines.is_empty() {
            return Err(RxError::Line { line: 0, what: "nothing is ordered" });
        }
        let mut seen = BTreeSet::new();
        for &LinePacks { line, packs } in &purchase.lines {
            let wrong = |what| Err(RxError::Line { line, what });
            let Some(medicine) = self.head.sheet.medicine(line) else {
                return wrong("there is no such line");
            };
            if !seen.insert(line) {
                return wrong("ordered twice");
            }
            if packs == 0 {
                return wrong("at least one pack");
            }
            if packs > medicine.supply.packs {
                return Err(RxError::Quantity { line, what: "more packs than prescribed" });
            }
        }
        Ok(())
    }
}

impl Rx<Reserved> {
    /// The order is cancelled before dispensing; the used-mark is cleared. If the validity has
    /// ended meanwhile, the prescription is expired.
    pub fn release(self, at: Instant) -> Prescription {
        let Reserved { issue, .. } = self.state;
        let rx = Rx { head: self.head, state: Effective { issue } };
        Prescription::from(rx).expire(at).map_or_else(|refused| *refused.value, Prescription::from)
    }

    /// Two persons of the pharmacy prepare and check. Possible once.
    ///
    /// # Errors
    /// If the two are the same person, the order is not paid, the validity has ended, a signature
    /// is not valid, or the handouts differ from the order without a reason.
    pub fn dispense(
        self,
        staff: Staff<'_>,
        paid: &Paid,
        handed: impl Into<Handing>,
        used_traces: &BTreeSet<String>,
        verifier: &dyn VerifySignature,
        at: Instant,
    ) -> Result<Rx<Dispensed>, RefusedRx<Reserved>> {
        let handed = handed.into();
        self.advance(
            |rx| {
                let Reserved { issue, reservation } = &rx.state;
                staff.check(at)?;
                if at > issue.signing.valid_until {
                    return Err(RxError::Expired);
                }
                if paid.bill() != reservation.purchase.bill {
                    return Err(RxError::PayState);
                }
                rx.verify_issue(issue, verifier)?;
                check_handouts(&reservation.purchase, &handed, used_traces, at)?;
                Ok(Dispensing { partial: handed.partial, ..staff.dispensing(handed.handouts, at) })
            },
            |Reserved { issue, reservation }, dispensing| Dispensed {
                supplied: Supplied { issue, reservation, dispensing, returned: Vec::new() },
            },
        )
    }
}

impl Staff<'_> {
    fn check(self, at: Instant) -> Result<(), RxError> {
        can(self.preparer, Action::PreparePrescription, at)?;
        can(self.checker, Action::DispensePrescription, at)?;
        if self.preparer.account == self.checker.account { Err(RxError::TwoStaff) } else { Ok(()) }
    }

    const fn dispensing(self, handouts: Vec<Handout>, at: Instant) -> Dispensing {
        Dispensing { prepared_by: self.preparer.account, checked_by: self.checker.account, handouts, partial: None, at }
    }
}

/// Checks that exactly the ordered packs are handed out, or for a reason some of them, each with an
/// unused trace code, of unexpired batches.
fn check_handouts(
    purchase: &Purchase,
    Handing { handouts, partial }: &Handing,
    used_traces: &BTreeSet<String>,
    at: Instant,
) -> Result<(), RxError> {
    let mut open: BTreeMap<u32, usize> =
        purchase.lines.iter().map(|l| (l.line, usize::try_from(l.packs).unwrap_or(usize::MAX))).collect();
    let mut seen = BTreeSet::new();
    for handout in handouts {
        let line = handout.line;
        let wrong = |what| RxError::Handout { line, what };
        let left = open.get_mut(&line).ok_or(wrong("not ordered"))?;
        *left = left.checked_sub(handout.traces.len()).ok_or(wrong("more packs than ordered"))?;
        if handout.batch.trim().is_empty() {
            return Err(wrong("the batch number is missing"));
        }
        if handout.expires <= at {
            return Err(RxError::BatchExpired(handout.batch.clone()));
        }
        for trace in &handout.traces {
            if trace.trim().is_empty() {
                return Err(wrong("a trace code is missing"));
            }
            if used_traces.contains(trace) || !seen.insert(trace) {
                return Err(RxError::TraceReused(trace.clone()));
            }
        }
    }
    let missing = open.into_iter().find(|&(_, left)| left > 0);
    match (missing, partial) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(RxError::Handout { line: 0, what: "nothing is missing" }),
        (Some(_), Some(reason)) if reason.trim().is_empty() => Err(RxError::ReasonRequired),
        (Some((line, _)), Some(_)) if seen.is_empty() => Err(RxError::Handout { line, what: "nothing is handed out" }),
        (Some(_), Some(_)) => Ok(()),
        (Some((line, _)), None) => Err(RxError::Handout { line, what: "fewer packs than ordered" }),
    }
}

impl Prescription {
    /// A pharmacist takes some packs back from a patient who keeps others.
    ///
    /// # Errors
    /// If the actor may not, the cause is a change of mind, the patient does not have them, or none
    /// would be left.
    pub fn take_packs_back(
        mut self,
        by: &Actor,
        packs: &[LinePacks],
        cause: ReturnCause,
        at: Instant,
    ) -> Result<Self, RefusedStep<Self, RxError>> {
        let checked = || {
            Rx::<Dispensed>::returnable(by, cause, at)?;
            let supplied = match &self {
                Self::Dispensed(_) | Self::Delivered(_) | Self::Closed(_) => self.supplied(),
                _ => None,
            };
            let supplied = supplied.ok_or(RxError::State { event: Event::Refund, state: self.state() })?;
            let mut supplied = supplied.clone();
            for &LinePacks { line, packs } in packs {
                if packs == 0 || packs > supplied.kept(line) {
                    return Err(RxError::Handout { line, what: "the patient does not have as many" });
                }
                let packs = LinePacks { line, packs };
                supplied.returned.push(ReturnedPacks { packs, cause, by: by.account, at });
            }
            if supplied.reservation.purchase.lines.iter().all(|ordered| supplied.kept(ordered.line) == 0) {
                return Err(RxError::Handout { line: 0, what: "the patient would keep nothing: take all of it back" });
            }
            Ok(supplied)
        };
        match checked() {
            Err(error) => Err(RefusedStep::new(self, error)),
            Ok(supplied) => {
                match &mut self {
                    Self::Dispensed(rx) => rx.state.supplied = supplied,
                    Self::Delivered(rx) => rx.state.supplied = supplied,
                    Self::Closed(rx) => rx.state.supplied = supplied,
                    _ => {}
                }
                Ok(self)
            }
        }
    }

    /// How many packs of a line the patient keeps, or is to be given: as many stay charged.
    pub fn kept(&self, line: u32) -> u32 {
        match self {
            Self::Refunded(_) => 0,
            Self::Reserved(rx) => {
                let ordered = rx.state.reservation.purchase.lines.iter().find(|ordered| ordered.line == line);
                ordered.map_or(0, |ordered| ordered.packs)
            }
            _ => self.supplied().map_or(0, |supplied| supplied.kept(line)),
        }
    }
}

impl<S> Rx<S> {
    fn checked_shipment(&self, shipment: Shipment) -> Result<Shipment, RxError> {
        let logged = shipment.logger.as_ref().is_some_and(|l| !l.trim().is_empty());
        if self.head.sheet.needs_cold_chain() && !logged {
            return Err(RxError::ColdChain);
        }
        if shipment.code.trim().is_empty() { Err(RxError::Receiver) } else { Ok(shipment) }
    }

    fn returnable(by: &Actor, cause: ReturnCause, at: Instant) -> Result<(), RxError> {
        can(by, Action::DispensePrescription, at)?;
        if cause == ReturnCause::ChangeOfMind { Err(RxError::NotReturnable) } else { Ok(()) }
    }
}

impl Rx<Dispensed> {
    /// Ships the parcel.
    ///
    /// # Errors
    /// If a medicine needs a cold chain and there is no temperature logger.
    pub fn ship(self, by: &Actor, shipment: Shipment, at: Instant) -> Result<Rx<Shipped>, RefusedRx<Dispensed>> {
        self.advance(
            |rx| {
                can(by, Action::DeliverPrescription, at)?;
                rx.checked_shipment(shipment)
            },
            |dispensed, shipment| Shipped {
                supplied: dispensed.supplied,
                shipment,
                mishaps: Vec::new(),
                wrong_codes: 0,
            },
        )
    }

    /// The patient collects it at the counter, with a document.
    ///
    /// # Errors
    /// If the receiver has not proved to be entitled.
    pub fn pick_up(
        self,
        by: &Actor,
        proof: &ReceiverProof,
        at: Instant,
    ) -> Result<Rx<Delivered>, RefusedRx<Dispensed>> {
        self.advance(
            |_| {
                can(by, Action::DispensePrescription, at)?;
                if *proof == ReceiverProof::Document { Ok(()) } else { Err(RxError::Receiver) }
            },
            |dispensed, ()| Delivered { supplied: dispensed.supplied, receipt: Receipt { by: by.account, at } },
        )
    }

    /// Returned before shipping, for a cause that is not the patient's.
    ///
    /// # Errors
    /// If the cause does not allow a return.
    pub fn refund(self, by: &Actor, cause: ReturnCause, at: Instant) -> Result<Rx<Refunded>, RefusedRx<Dispensed>> {
        self.advance(
            |_| Self::returnable(by, cause, at),
            |dispensed, ()| Refunded::of(dispensed.supplied, cause, by, at),
        )
    }
}

impl Rx<Shipped> {
    /// The patient receives the parcel; or who brings it hands it over, for the code that the patient
    /// says.
    ///
    /// # Errors
    /// If it is neither, or the code is [wrong](Self::guessed) or was wrong too often.
    pub fn receive(self, by: &Actor, proof: &ReceiverProof, at: Instant) -> Result<Rx<Delivered>, RefusedRx<Shipped>> {
        self.advance(
            |rx| {
                let patient = by.acts_for(rx.head.patient);
                if patient || can(by, Action::DeliverPrescription, at).is_err() {
                    can(by, Action::ReceivePrescription, at)?;
                    if !patient {
                        return Err(RxError::Receiver);
                    }
                }
                let Shipped { shipment, wrong_codes, .. } = &rx.state;
                match proof {
                    ReceiverProof::Document if patient => Ok(()),
                    ReceiverProof::Document => Err(RxError::Receiver),
                    ReceiverProof::Code(_) if *wrong_codes >= MOST_WRONG_CODES => Err(RxError::CodeSpent),
                    ReceiverProof::Code(code) if *code == shipment.code => Ok(()),
                    ReceiverProof::Code(_) => Err(RxError::WrongCode),
                }
            },
            |shipped, ()| Delivered { supplied: shipped.supplied, receipt: Receipt { by: by.account, at } },
        )
    }

    /// A wrong code was entered: store it before it is answered, so that codes cannot be tried out.
    #[must_use]
    pub fn guessed(mut self) -> Self {
        self.state.wrong_codes = self.state.wrong_codes.saturating_add(1);
        self
    }

    /// The patient is told a new code, and the old one opens nothing.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn tell_anew(self, by: &Actor, code: String, at: Instant) -> Result<Self, RefusedRx<Shipped>> {
        self.advance(
            |_| Ok(can(by, Action::DispensePrescription, at)?),
            |shipped, ()| Shipped { shipment: Shipment { code, ..shipped.shipment }, wrong_codes: 0, ..shipped },
        )
    }

    /// Who brings the parcel reports that it is lost or spoilt. Nothing follows before a pharmacist
    /// has [decided](Self::lose).
    ///
    /// # Errors
    /// If the actor may not, nothing is said, or too much was said before.
    pub fn report(self, by: &Actor, loss: Loss, at: Instant) -> Result<Self, RefusedRx<Shipped>> {
        self.advance(
            |rx| {
                can(by, Action::DeliverPrescription, at)?;
                if rx.state.mishaps.len() >= MOST_MISHAPS {
                    return Err(RxError::Line { line: 0, what: "enough was reported; a pharmacist decides" });
                }
                loss.said(by, at)
            },
            |mut shipped, mishap| {
                shipped.mishaps.push(mishap);
                shipped
            },
        )
    }

    /// A pharmacist decides that the parcel is lost or spoilt: the patient is refunded.
    ///
    /// # Errors
    /// If there is no evidence, or no reason.
    pub fn lose(self, by: &Actor, loss: Loss, at: Instant) -> Result<Rx<Refunded>, RefusedRx<Shipped>> {
        self.advance(
            |_| loss.shown(by, at),
            |Shipped { supplied, mut mishaps, .. }, mishap| {
                mishaps.push(mishap);
                Refunded { mishaps, ..Refunded::of(supplied, ReturnCause::Courier, by, at) }
            },
        )
    }

    /// Taken back while it is on its way, for a cause that is not the patient's.
    ///
    /// # Errors
    /// If the cause does not allow a return; what the courier did needs [evidence](Self::lose).
    pub fn refund(self, by: &Actor, cause: ReturnCause, at: Instant) -> Result<Rx<Refunded>, RefusedRx<Shipped>> {
        self.advance(
            |_| match cause {
                ReturnCause::Courier => Err(RxError::Evidence),
                cause => Self::returnable(by, cause, at),
            },
            |Shipped { supplied, mishaps, .. }, ()| Refunded { mishaps, ..Refunded::of(supplied, cause, by, at) },
        )
    }

    /// The parcel is lost or spoilt: the same is dispensed and shipped again.
    ///
    /// # Errors
    /// If there is no evidence, or the new parcel fails a check of dispensing or shipping.
    pub fn reship(
        self,
        staff: Staff<'_>,
        loss: Loss,
        handouts: Vec<Handout>,
        used_traces: &BTreeSet<String>,
        shipment: Shipment,
        at: Instant,
    ) -> Result<Rx<Shipped>, RefusedRx<Shipped>> {
        self.advance(
            |rx| {
                let mishap = loss.shown(staff.checker, at)?;
                staff.check(at)?;
                let supplied = &rx.state.supplied;
                // The trace codes of the lost parcel are used too, even if the caller omits them.
                let mut used = used_traces.clone();
                used.extend(supplied.dispensing.handouts.iter().flat_map(|h| h.traces.iter().cloned()));
                // As much as the lost parcel held.
                let ordered = supplied.reservation.purchase.lines.iter();
                let lines = ordered.map(|ordered| LinePacks { packs: supplied.kept(ordered.line), ..*ordered });
                let lines = lines.filter(|line| line.packs > 0).collect();
                let purchase = Purchase { lines, ..supplied.reservation.purchase.clone() };
                let handed = Handing::from(handouts);
                check_handouts(&purchase, &handed, &used, at)?;
                let partial = supplied.dispensing.partial.clone();
                let dispensing = Dispensing { partial, ..staff.dispensing(handed.handouts, at) };
                Ok((mishap, dispensing, rx.checked_shipment(shipment)?))
            },
            |Shipped { mut supplied, mut mishaps, .. }, (mishap, dispensing, shipment)| {
                mishaps.push(mishap);
                supplied.dispensing = dispensing;
                supplied.returned.clear();
                Shipped { supplied, shipment, mishaps, wrong_codes: 0 }
            },
        )
    }
}

impl Loss {
    fn said(self, by: &Actor, at: Instant) -> Result<Mishap, RxError> {
        let Self { kind, evidence, reason } = self;
        Ok(Mishap { kind, evidence, reason: super::reason(reason)?, by: Some(by.account), at: Some(at) })
    }

    /// As who decides on returns shows it.
    fn shown(self, by: &Actor, at: Instant) -> Result<Mishap, RxError> {
        can(by, Action::DispensePrescription, at)?;
        if self.evidence.is_empty() { Err(RxError::Evidence) } else { self.said(by, at) }
    }
}

impl Rx<Delivered> {
    /// A pharmacist or nurse counsels the patient.
    ///
    /// # Errors
    /// If the actor may not, or the note is missing.
    pub fn counsel(self, by: &Actor, note: String, at: Instant) -> Result<Rx<Closed>, RefusedRx<Delivered>> {
        self.advance(
            |_| {
                can(by, Action::CounselPrescription, at)?;
                Ok(Counselling { by: by.account, note: super::reason(note)?, at })
            },
            |Delivered { supplied, receipt }, counselling| Closed { supplied, receipt, counselling },
        )
    }

    /// Returned for a cause that is not the patient's.
    ///
    /// # Errors
    /// If the cause does not allow a return.
    pub fn refund(self, by: &Actor, cause: ReturnCause, at: Instant) -> Result<Rx<Refunded>, RefusedRx<Delivered>> {
        self.advance(
            |_| Self::returnable(by, cause, at),
            |Delivered { supplied, receipt }, ()| Refunded {
                receipt: Some(receipt),
                ..Refunded::of(supplied, cause, by, at)
            },
        )
    }
}

impl Refunded {
    fn of(supplied: Supplied, cause: ReturnCause, by: &Actor, at: Instant) -> Self {
        Self { supplied, cause, mishaps: Vec::new(), receipt: None, counselling: None, by: by.account, at }
    }
}

impl Rx<Closed> {
    /// Returned for a cause that is not the patient's, for example a recall.
    ///
    /// # Errors
    /// If the cause does not allow a return.
    pub fn refund(self, by: &Actor, cause: ReturnCause, at: Instant) -> Result<Rx<Refunded>, RefusedRx<Closed>> {
        self.advance(
            |_| Self::returnable(by, cause, at),
            |Closed { supplied, receipt, counselling }, ()| Refunded {
                receipt: Some(receipt),
                counselling: Some(counselling),
                ..Refunded::of(supplied, cause, by, at)
            },
        )
    }

    /// Drafts the next prescription with the same medicines (续方), in a new visit. The draft
    /// must be checked and signed like any other.
    ///
    /// # Errors
    /// If the visit is the old one or another patient's, or the doctor may not prescribe in it.
    pub fn renew(&self, by: &Actor, create: Create<'_>, at: Instant) -> Result<Rx<Draft>, RxError> {
        let follow_up = create.follow_up;
        if follow_up.encounter() == self.head.encounter || follow_up.patient() != self.head.patient {
            return Err(RxError::RenewNoEncounter);
        }
        let from: Option<PrescriptionId> = Some(self.head.id);
        Rx::begin(by, create, self.head.sheet.course.clone(), self.head.sheet.medicines.clone(), from, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Code,
        fixture,
        id::EncounterId,
        prescription::{
            DrugClass, Event, RxStage, RxState,
            journey::{BILL, Journey, handouts, loss, paid, purchase, shipment, staff},
        },
        signature::AuthorKind,
    };

    fn at<S: RxStage>(state: RxState) -> (Rx<S>, Instant) {
        let journey = Journey::to(state);
        (journey.rx.expecting(Event::Expire).expect("there"), journey.now.plus_minutes(1))
    }

    fn reserve(by: &Actor, change: impl FnOnce(&mut Purchase)) -> Option<Code> {
        let (rx, now) = at::<Effective>(RxState::Effective);
        let mut purchase = purchase();
        change(&mut purchase);
        rx.reserve(by, purchase, &fixture::Verifier, now).err().map(|refused| refused.error.code())
    }

    #[test]
    fn the_patient_orders_what_was_prescribed() {
        let patient = fixture::patient();
        assert_eq!(reserve(&patient, |_| {}), None);
        assert_eq!(reserve(&fixture::stranger(), |_| {}), Some(Code::RxPatientMismatch));
        assert_eq!(reserve(&fixture::doctor(), |_| {}), Some(Code::AuthForbidden));
        assert_eq!(reserve(&patient, |p| p.risk_acknowledged = false), Some(Code::RxRiskNotice));
        assert_eq!(reserve(&patient, |p| p.lines[0].packs = 2), Some(Code::RxQtyExceeded));
        assert_eq!(reserve(&patient, |p| p.lines[0].packs = 0), Some(Code::RxLineInvalid));
        assert_eq!(reserve(&patient, |p| p.lines[0].line = 2), Some(Code::RxLineInvalid));
        assert_eq!(reserve(&patient, |p| p.lines.push(p.lines[0])), Some(Code::RxLineInvalid));
        assert_eq!(reserve(&patient, |p| p.lines.clear()), Some(Code::RxLineInvalid));
    }

    /// Valid input of dispensing; each test changes one thing.
    struct Counter {
        preparer: Actor,
        checker: Actor,
        paid: Paid,
        handouts: Vec<Handout>,
        used: BTreeSet<String>,
        at: Instant,
    }

    fn dispense(change: impl FnOnce(&mut Counter)) -> Option<Code> {
        let (rx, now) = at::<Reserved>(RxState::Reserved);
        let mut counter = Counter {
            preparer: fixture::technician(),
            checker: fixture::pharmacist(),
            paid: paid(BILL),
            handouts: handouts("T1", now),
            used: BTreeSet::new(),
            at: now,
        };
        change(&mut counter);
        let Counter { preparer, checker, paid, handouts, used, at } = counter;
        rx.dispense(staff(&preparer, &checker), &paid, handouts, &used, &fixture::Verifier, at)
            .err()
            .map(|refused| refused.error.code())
    }

    #[test]
    fn two_persons_dispense_what_is_paid() {
        assert_eq!(dispense(|_| {}), None);
        assert_eq!(dispense(|c| c.preparer = fixture::pharmacist()), Some(Code::DispTwoStaff));
        assert_eq!(dispense(|c| c.checker = fixture::technician()), Some(Code::AuthForbidden));
        assert_eq!(dispense(|c| c.checker.practice.filings.clear()), Some(Code::CredInvalid));
        assert_eq!(dispense(|c| c.paid = paid(BillId::from_u128(2))), Some(Code::PayState));
    }

    #[test]
    fn until_the_last_moment_and_not_at_hour_73() {
        let until = Journey::to(RxState::Reserved).rx.valid_until().expect("signed");
        assert_eq!(dispense(|c| c.at = until), None);
        assert_eq!(dispense(|c| c.at = until.plus_seconds(1)), Some(Code::RxExpired));
        assert_eq!(dispense(|c| c.at = until.plus_hours(1)), Some(Code::RxExpired));
    }

    #[test]
    fn what_is_handed_out_is_what_was_ordered() {
        assert_eq!(dispense(|c| c.handouts.clear()), Some(Code::DispIncomplete));
        assert_eq!(dispense(|c| c.handouts[0].line = 2), Some(Code::DispIncomplete));
        assert_eq!(dispense(|c| c.handouts[0].traces.push("T2".into())), Some(Code::DispIncomplete));
        assert_eq!(dispense(|c| c.handouts[0].traces[0] = " ".into()), Some(Code::DispIncomplete));
        assert_eq!(dispense(|c| c.handouts[0].batch.clear()), Some(Code::DispIncomplete));
        assert_eq!(dispense(|c| c.handouts[0].expires = c.at), Some(Code::DispBatchExpired));
        assert_eq!(dispense(|c| c.used.extend(["T1".to_owned()])), Some(Code::DispTraceReused));
    }

    #[test]
    fn one_trace_code_is_one_pack() {
        let purchase = Purchase { lines: vec![LinePacks { line: 1, packs: 2 }], ..purchase() };
        let batch = |batch: &str, trace: &str| Handout {
            line: 1,
            batch: batch.into(),
            expires: fixture::NOW.plus_days(9),
            traces: vec![trace.into()],
        };
        let check = |handouts: &[Handout]| {
            check_handouts(&purchase, &handouts.to_vec().into(), &BTreeSet::new(), fixture::NOW).map_err(|e| e.code())
        };
        assert_eq!(check(&[batch("B1", "T1"), batch("B2", "T2")]), Ok(()));
        assert_eq!(check(&[batch("B1", "T1"), batch("B2", "T1")]), Err(Code::DispTraceReused));
        assert_eq!(check(&[batch("B1", "T1")]), Err(Code::DispIncomplete));
    }

    #[test]
    fn what_must_stay_cold_travels_with_a_logger() {
        let (mut rx, now) = at::<Dispensed>(RxState::Dispensed);
        rx.head.sheet.medicines[0].classes.insert(DrugClass::ColdChain);
        let refused = rx.ship(&fixture::technician(), shipment(), now).expect_err("no logger");
        assert_eq!(refused.error.code(), Code::DelivColdChain);
        let logged = Shipment { logger: Some("L-7".into()), ..shipment() };
        assert!(refused.value.ship(&fixture::technician(), logged, now).is_ok());
    }

    #[test]
    fn only_the_patient_takes_it() {
        let receive = |by: &Actor, proof: &ReceiverProof| {
            let (rx, now) = at::<Shipped>(RxState::Shipped);
            rx.receive(by, proof, now).err().map(|refused| refused.error.code())
        };
        let wrong = ReceiverProof::Code("0000".into());
        assert_eq!(receive(&fixture::patient(), &ReceiverProof::Document), None);
        assert_eq!(receive(&fixture::patient(), &wrong), Some(Code::DelivReceiver));
        let code = ReceiverProof::Code("4711".into());
        assert_eq!(receive(&fixture::stranger(), &code), Some(Code::DelivReceiver));
        // Who brings it enters what the patient says.
        for bringer in [fixture::pharmacist(), fixture::technician(), fixture::courier()] {
            assert_eq!(receive(&bringer, &code), None);
            assert_eq!(receive(&bringer, &wrong), Some(Code::DelivReceiver));
            assert_eq!(receive(&bringer, &ReceiverProof::Document), Some(Code::DelivReceiver));
        }
        assert_eq!(receive(&fixture::doctor(), &code), Some(Code::AuthForbidden));
        let (rx, now) = at::<Dispensed>(RxState::Dispensed);
        let counter = rx.pick_up(&fixture::pharmacist(), &wrong, now).expect_err("no document");
        assert_eq!(counter.error.code(), Code::DelivReceiver);
    }

    #[test]
    fn a_code_is_not_tried_out() {
        let (mut rx, now) = at::<Shipped>(RxState::Shipped);
        let receive = |rx: &Rx<Shipped>, code: &str| {
            let received = rx.clone().receive(&fixture::courier(), &ReceiverProof::Code(code.into()), now);
            received.map(drop).map_err(|refused| refused.error)
        };
        for _ in 0..MOST_WRONG_CODES {
            assert!(matches!(receive(&rx, "0000"), Err(RxError::WrongCode)));
            rx = rx.guessed();
        }
        assert!(matches!(receive(&rx, "4711"), Err(RxError::CodeSpent)), "the right one comes too late");
        let nobody = rx.clone().tell_anew(&fixture::courier(), "0815".into(), now).expect_err("a pharmacist does");
        assert_eq!(nobody.error.code(), Code::AuthForbidden);
        let anew = rx.tell_anew(&fixture::pharmacist(), "0815".into(), now).expect("told");
        assert!(matches!(receive(&anew, "4711"), Err(RxError::WrongCode)));
        assert!(receive(&anew, "0815").is_ok());
    }

    #[test]
    fn a_lost_parcel_needs_evidence_and_new_packs() {
        let (rx, now) = at::<Shipped>(RxState::Shipped);
        let refused = |by: &Actor, change: fn(&mut Loss)| {
            let mut loss = loss();
            change(&mut loss);
            rx.clone().lose(by, loss, now).err().map(|refused| refused.error.code())
        };
        assert_eq!(refused(&fixture::pharmacist(), |_| {}), None);
        assert_eq!(refused(&fixture::pharmacist(), |loss| loss.evidence.clear()), Some(Code::DelivEvidence));
        assert_eq!(refused(&fixture::pharmacist(), |loss| loss.reason = " ".into()), Some(Code::RxReasonRequired));
        // A courier's word refunds nothing; it is kept.
        assert_eq!(refused(&fixture::courier(), |_| {}), Some(Code::AuthForbidden));
        assert_eq!(refused(&fixture::technician(), |_| {}), Some(Code::AuthForbidden));
        let nobody = rx.clone().report(&fixture::patient(), loss(), now).expect_err("not theirs");
        assert_eq!(nobody.error.code(), Code::AuthForbidden);
        let mut reported = rx.clone();
        for _ in 0..MOST_MISHAPS {
            let said = Loss { evidence: vec![], ..loss() };
            reported = reported.report(&fixture::courier(), said, now).expect("reported");
        }
        assert_eq!(reported.state().mishaps[0].by, Some(fixture::courier().account));
        let enough = reported.clone().report(&fixture::courier(), loss(), now).expect_err("enough");
        assert_eq!(enough.error.code(), Code::RxLineInvalid);
        let lost = reported.lose(&fixture::pharmacist(), loss(), now).expect("decided");
        assert_eq!(lost.state().mishaps.len(), MOST_MISHAPS + 1);
        let (technician, pharmacist) = (fixture::technician(), fixture::pharmacist());
        let again = |traces: Vec<Handout>| {
            let staff = staff(&technician, &pharmacist);
            rx.clone().reship(staff, loss(), traces, &BTreeSet::new(), shipment(), now)
        };
        let lost = rx.state().supplied.dispensing.handouts.clone();
        assert_eq!(again(lost).expect_err("the lost packs").error.code(), Code::DispTraceReused);
        let resent = again(handouts("T9", now)).expect("new packs");
        assert_eq!(resent.state().mishaps[0].reason, loss().reason);
    }

    #[test]
    fn medicine_comes_back_only_for_a_fault() {
        let (rx, now) = at::<Delivered>(RxState::Delivered);
        let refused = rx.refund(&fixture::pharmacist(), ReturnCause::ChangeOfMind, now).expect_err("no fault");
        assert_eq!(refused.error.code(), Code::RefundDrugNotReturnable);
        let nobody = refused.value.refund(&fixture::patient(), ReturnCause::Quality, now).expect_err("not theirs");
        assert_eq!(nobody.error.code(), Code::AuthForbidden);

        // A recall reaches what is on its way, and what was counselled long ago.
        let (rx, now) = at::<Shipped>(RxState::Shipped);
        let back = |cause| {
            rx.clone().refund(&fixture::pharmacist(), cause, now).map(drop).map_err(|refused| refused.error.code())
        };
        assert_eq!(back(ReturnCause::Recall), Ok(()));
        assert_eq!(back(ReturnCause::ChangeOfMind), Err(Code::RefundDrugNotReturnable));
        assert_eq!(back(ReturnCause::Courier), Err(Code::DelivEvidence), "that is a loss, and needs evidence");
        let (rx, now) = at::<Closed>(RxState::Closed);
        let counselling = rx.state().counselling.clone();
        let back = rx.refund(&fixture::pharmacist(), ReturnCause::Recall, now).expect("recalled");
        assert_eq!(back.state().counselling, Some(counselling), "what was said stays");
    }

    #[test]
    fn a_renewal_is_a_new_draft_in_a_new_visit() {
        let (rx, now) = at::<Closed>(RxState::Closed);
        let renew = |encounter: u128| {
            let follow_up = fixture::follow_up(EncounterId::from_u128(encounter));
            let id = PrescriptionId::from_u128(2);
            rx.renew(&fixture::doctor(), Create { id, follow_up: &follow_up, author: AuthorKind::Human }, now)
        };
        assert_eq!(renew(1).expect_err("the old visit").code(), Code::RxRenewNoEncounter);
        let next = renew(2).expect("a new visit");
        assert_eq!(next.sheet().medicines, rx.sheet().medicines);
        assert_eq!(next.version(), 1);
    }

    #[test]
    fn the_leaflet_is_for_the_patient_and_the_staff() {
        let journey = Journey::to(RxState::Effective);
        let show = |by: &Actor| journey.rx.show_leaflet(by, journey.now).map_err(|e| e.code());
        assert_eq!(show(&fixture::patient()), Ok(()));
        assert_eq!(show(&fixture::pharmacist()), Ok(()));
        assert_eq!(show(&fixture::stranger()), Err(Code::RxPatientMismatch));
    }
}
