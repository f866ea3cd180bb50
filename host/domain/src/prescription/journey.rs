//! Drives a prescription in tests: every event with valid arguments, so only the state, or the
//! one thing that a test changes, can be refused.

use std::collections::{BTreeMap, BTreeSet};

use super::{adverse::*, *};
use crate::{
    billing::{Charge, Claim, Paid, cash, claim},
    fixture::{self, NOW},
    id::{BillId, EncounterId, TenantId},
    review::{self, Reviewed},
    signature::AuthorKind,
};

pub const BILL: BillId = BillId::from_u128(1);

/// A prescription and the current time.
#[derive(Debug, Clone)]
pub struct Journey {
    pub rx: Prescription,
    pub now: Instant,
}

pub fn draft() -> Rx<Draft> {
    let follow_up = fixture::follow_up(EncounterId::from_u128(1));
    let create = Create { id: PrescriptionId::from_u128(1), follow_up: &follow_up, author: AuthorKind::Human };
    Rx::create(&fixture::doctor(), create, NOW)
        .expect("create")
        .add(&fixture::doctor(), fixture::metformin(), &[], &fixture::rules(), NOW)
        .expect("add")
}

pub fn reviewed<S>(rx: &Rx<S>) -> Reviewed {
    let outcome = review::fold(rx.fingerprint().expect("fingerprint"), &[], BTreeMap::new());
    outcome.acknowledge(&BTreeSet::new()).expect("clear")
}

pub fn signed(rx: Rx<Draft>, at: Instant) -> Result<Rx<PendingReview>, RefusedRx<Draft>> {
    let doctor = fixture::doctor();
    let follow_up = fixture::follow_up(EncounterId::from_u128(1));
    let reviewed = reviewed(&rx);
    let signature = fixture::sign(&doctor, &rx.signing_digest(3, at).expect("digest"), at);
    let with = SignWith { follow_up: &follow_up, reviewed: &reviewed, holds: &[], valid_days: 3, signature };
    rx.sign(&doctor, with, &fixture::rules(), &fixture::Verifier, at)
}

pub fn purchase() -> Purchase {
    Purchase {
        bill: BILL,
        pharmacy: TenantId::from_u128(1),
        lines: vec![LinePacks { line: 1, packs: 1 }],
        risk_acknowledged: true,
    }
}

pub fn paid(id: BillId) -> Paid {
    let open = claim::Open {
        id,
        tenant: TenantId::from_u128(1),
        patient: fixture::PATIENT,
        bill: fixture::bill(),
        items: Vec::new(),
        valid_until: NOW.plus_minutes(30),
    };
    let claim = Claim::quote(open, Vec::new(), NOW).expect("quote");
    let claim = claim.confirm(&fixture::patient(), fixture::fen(18300), NOW).expect("agreed");
    let owed =
        cash::Owed { bill: id, tenant: TenantId::from_u128(1), patient: fixture::PATIENT, amount: fixture::fen(18300) };
    let due = cash::Till::from(cash::Cash::due(owed, None, NOW).expect("due"));
    let (channel, transaction) = (cash::Channel::Counter, "1".to_owned());
    let received = cash::Received { channel, order: 0, transaction, amount: owed.amount, at: NOW, by: None };
    let (till, _) = due.receive(received, NOW).expect("received");
    Charge::from(claim.collect(NOW).expect("paid")).paid(Some(&till)).expect("paid")
}

pub fn handouts(trace: &str, at: Instant) -> Vec<Handout> {
    vec![Handout { line: 1, batch: "B1".into(), expires: at.plus_days(300), traces: vec![trace.into()] }]
}

pub fn shipment() -> Shipment {
    Shipment { carrier: "顺丰".into(), tracking: "SF1".into(), logger: None, code: "4711".into() }
}

pub fn loss() -> Loss {
    Loss {
        kind: MishapKind::Lost, evidence: vec![Digest::of_bytes(b"statement")], reason: "承运人书面确认遗失".into()
    }
}

pub fn report() -> AdverseReport {
    AdverseReport { lines: vec![1], severity: AdverseSeverity::Serious, description: "皮疹".into(), onset: NOW }
}

/// The preparer and the checker.
pub fn staff<'a>(preparer: &'a Actor, checker: &'a Actor) -> Staff<'a> {
    Staff { preparer, checker }
}

impl Journey {
    pub fn start() -> Self {
        Self { rx: draft().into(), now: NOW }
    }

    /// Takes the shortest path to a state.
    pub fn to(state: RxState) -> Self {
        use Event as E;
        let way: &[Event] = match state {
            RxState::Draft => &[],
            RxState::PendingReview => &[E::Sign],
            RxState::Returned => &[E::Sign, E::Return],
            RxState::Rejected => &[E::Sign, E::Reject],
            RxState::Effective => &[E::Sign, E::Approve],
            RxState::Reserved => &[E::Sign, E::Approve, E::Reserve],
            RxState::Dispensed => &[E::Sign, E::Approve, E::Reserve, E::Dispense],
            RxState::Shipped => &[E::Sign, E::Approve, E::Reserve, E::Dispense, E::Ship],
            RxState::Delivered => &[E::Sign, E::Approve, E::Reserve, E::Dispense, E::PickUp],
            RxState::Closed => &[E::Sign, E::Approve, E::Reserve, E::Dispense, E::PickUp, E::Counsel],
            RxState::Expired => &[E::Sign],
            RxState::Cancelled => &[E::Abandon],
            RxState::Refunded => &[E::Sign, E::Approve, E::Reserve, E::Dispense, E::Refund],
        };
        let mut journey =
            way.iter().fold(Self::start(), |journey, &event| journey.take(event).expect("the way is open"));
        if state == RxState::Expired {
            journey.pass_validity();
            journey = journey.take(Event::Expire).expect("expired");
        }
        assert_eq!(journey.rx.state(), state);
        journey
    }

    /// Moves the clock past the end of validity.
    pub fn pass_validity(&mut self) {
        if let Some(until) = self.rx.valid_until() {
            self.now = self.now.max(until.plus_hours(1));
        }
    }

    /// Applies an event a minute later; on refusal nothing is changed.
    pub fn take(&self, event: Event) -> Result<Self, RxError> {
        let now = self.now.plus_minutes(1);
        let rx = self.attempt(event, now)?;
        let json = serde_json::to_string(&rx).expect("json");
        assert_eq!(serde_json::from_str::<Prescription>(&json).expect("prescription"), rx, "lost in the store");
        Ok(Self { rx, now })
    }

    fn typed<S: RxStage>(&self, event: Event) -> Result<Rx<S>, RxError> {
        self.rx.clone().expecting(event).map_err(|refused| {
            assert_eq!(*refused.value, self.rx, "the caller keeps the old value");
            refused.error
        })
    }

    fn kept<S: RxStage>(&self, refused: RefusedRx<S>) -> RxError
    where
        Prescription: From<Rx<S>>,
    {
        assert_eq!(Prescription::from(*refused.value), self.rx, "the caller keeps the old value");
        refused.error
    }

    fn attempt(&self, event: Event, now: Instant) -> Result<Prescription, RxError> {
        let (doctor, pharmacist) = (fixture::doctor(), fixture::pharmacist());
        let (technician, patient) = (fixture::technician(), fixture::patient());
        let verifier = &fixture::Verifier;
        let staff = staff(&technician, &pharmacist);
        let trace = format!("trace-{}", now.micros());
        let words = || "理由".to_owned();
        macro_rules! step {
            ($state:ident, $rx:ident => $($call:tt)+) => {{
                let $rx = self.typed::<$state>(event)?;
                $rx.$($call)+.map(Prescription::from).map_err(|refused| self.kept(refused))
            }};
        }
        match event {
            Event::Edit => {
                let medicine = fixture::medicine(&trace);
                let draft = self.typed::<Draft>(event)?;
                let line = medicine.line.number + draft.sheet().medicines.len() as u32;
                let more = draft.add(&doctor, medicine, &[], &fixture::rules(), now).map_err(|r| self.kept(r))?;
                Ok(more.remove(&doctor, line, now).expect("just added").into())
            }
            Event::Sign => signed(self.typed(event)?, now).map(Prescription::from).map_err(|r| self.kept(r)),
            Event::Abandon => step!(Draft, rx => abandon(&doctor, now)),
            Event::Approve => {
                let rx = self.typed::<PendingReview>(event)?;
                let digest = rx.approval_digest(pharmacist.account, now).expect("digest");
                let signature = fixture::sign(&pharmacist, &digest, now);
                let reviewed = reviewed(&rx);
                let with = ApproveWith {
                    checklist: Checklist::COMPLETE,
                    prescriber: &doctor,
                    reviewed: &reviewed,
                    holds: &[],
                    allergies: &[],
                    signature,
                };
                rx.approve(&pharmacist, with, verifier, now).map(Prescription::from).map_err(|r| self.kept(r))
            }
            Event::Return => step!(PendingReview, rx => send_back(&pharmacist, "DOSE".into(), words(), now)),
            Event::Reject => step!(PendingReview, rx => reject(&pharmacist, "FORGED".into(), words(), now)),
            Event::Amend => step!(Returned, rx => amend(&doctor, self.rx.version(), now)),
            Event::Confirm => {
                let rx = self.typed::<Returned>(event)?;
                let digest = rx.confirmation_digest(&words(), now).expect("digest");
                let signature = fixture::sign(&doctor, &digest, now);
                rx.confirm(&doctor, words(), signature, (&[], &[]), verifier, now)
                    .map(Prescription::from)
                    .map_err(|r| self.kept(r))
            }
            Event::Expire => self.rx.clone().expire(now).map(Prescription::from).map_err(|refused| {
                assert_eq!(*refused.value, self.rx);
                refused.error
            }),
            Event::Withdraw => match self.rx.state() {
                RxState::PendingReview => step!(PendingReview, rx => withdraw(&doctor, now)),
                RxState::Returned => step!(Returned, rx => withdraw(&doctor, now)),
                _ => step!(Effective, rx => withdraw(&doctor, now)),
            },
            Event::Reserve => step!(Effective, rx => reserve(&patient, purchase(), verifier, now)),
            Event::Release => Ok(self.typed::<Reserved>(event)?.release(now)),
            Event::Dispense => step!(Reserved, rx => dispense(
                staff, &paid(BILL), handouts(&trace, now), &BTreeSet::new(), verifier, now
            )),
            Event::Ship => step!(Dispensed, rx => ship(&technician, shipment(), now)),
            Event::PickUp => step!(Dispensed, rx => pick_up(&pharmacist, &ReceiverProof::Document, now)),
            Event::Receive => step!(Shipped, rx => receive(&patient, &ReceiverProof::Code("4711".into()), now)),
            Event::Lose => step!(Shipped, rx => lose(&pharmacist, loss(), now)),
            Event::Reship => step!(Shipped, rx => reship(
                staff, loss(), handouts(&trace, now), &BTreeSet::new(), shipment(), now
            )),
            Event::Refund => match self.rx.state() {
                RxState::Delivered => step!(Delivered, rx => refund(&pharmacist, ReturnCause::Quality, now)),
                RxState::Shipped => step!(Shipped, rx => refund(&pharmacist, ReturnCause::Recall, now)),
                RxState::Closed => step!(Closed, rx => refund(&pharmacist, ReturnCause::Recall, now)),
                _ => step!(Dispensed, rx => refund(&pharmacist, ReturnCause::Recall, now)),
            },
            Event::Counsel => step!(Delivered, rx => counsel(&pharmacist, words(), now)),
            Event::ReportAdverseReaction => {
                let case = self.rx.report_adverse(&patient, report(), now)?;
                assert_eq!(case.prescription, self.rx.id());
                Ok(self.rx.clone())
            }
            Event::Renew => {
                let follow_up = fixture::follow_up(EncounterId::from_u128(2));
                let id = PrescriptionId::from_u128(2);
                let create = Create { id, follow_up: &follow_up, author: AuthorKind::Human };
                let next = Prescription::from(self.typed::<Closed>(event)?.renew(&doctor, create, now)?);
                assert_eq!((next.state(), next.renews()), (RxState::Draft, Some(self.rx.id())));
                Ok(self.rx.clone())
            }
            Event::ReadLeaflet => self.rx.show_leaflet(&patient, now).map(|()| self.rx.clone()),
        }
    }
}
