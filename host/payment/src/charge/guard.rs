//! What must hold whenever a payer is asked to settle, whoever begins it: a confirmation, a repeated
//! one, or the job that sends again what the payer never received; and whenever one is asked to take a
//! settlement back.

use xinglin_care::{encounter, prescription};
use xinglin_domain::{
    billing::{
        Charge, ChargeState, Subject,
        claim::{self, Held},
        first_to_reverse,
    },
    code::Code,
    compartment::Compartments,
    id::{BillId, EncounterId, PatientId},
    pathway::HeldAct,
    payer::Bill,
    prescription::{Medicine, Reserved, Rx, RxError},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, document::Stored, settings::settings};
use xinglin_records::{consent, patient};
use xinglin_store::{DocumentQuery, Executor, TenantScope, TenantTx};

use super::{basis::same_coverage, subject};
use crate::till;

/// Proof that the settlement of a bill may begin in this transaction. Only [`clear`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cleared(BillId);

impl Cleared {
    /// Whose proof it is.
    pub(super) const fn bill(&self) -> BillId {
        self.0
    }
}

/// What a bill that is to be settled is for, as it stands at this moment.
pub(super) enum Order {
    /// A prescription that the bill reserved.
    Prescription(Box<Rx<Reserved>>),
    /// A visit alone.
    Visit(EncounterId),
    /// What is left after a refund, of these medicines: what the patient keeps is paid whatever has
    /// become of the visit since.
    Rest(Vec<Medicine>),
}

impl Order {
    pub(super) fn medicines(&self) -> &[Medicine] {
        match self {
            Self::Prescription(rx) => &rx.sheet().medicines,
            Self::Visit(_) => &[],
            Self::Rest(medicines) => medicines,
        }
    }
}

/// Proof that a reversal of a bill may begin in this transaction. Only [`may_reverse`] makes one, and a
/// person's word that the payer has done it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Free(BillId);

impl Free {
    /// The payer has reversed it, in whatever order, as a person states.
    pub(super) const fn stated(bill: BillId) -> Self {
        Self(bill)
    }

    /// Whose proof it is.
    pub(super) const fn bill(&self) -> BillId {
        self.0
    }
}

/// Who wants to go on.
#[derive(Clone, Copy)]
pub(super) enum Who<'a> {
    /// A person, who has asked the checkers before ([`prescription::still_checked`]).
    Person(&'a Caller),
    /// The host, by itself.
    Host,
}

/// Checks, in the transaction that begins the settlement, that the prescription is ordered by this
/// bill and valid, that patient, visit, holds and allergies allow it (of a visit alone: patient and
/// visit), that the payer may learn of it, and that what it quoted by is still so. Locks the patient: call
/// it first.
///
/// # Errors
/// `PAY_QUOTE_STALE`; `ENC_…`, `RX_EXPIRED`, `PATIENT_…`, `ENC_RED_FLAG`, `RX_ALLERGY`, `RX_NOT_CHECKED`; `ACCESS_COMPARTMENT`, or
/// `PAY_STATE` if the patient refused the payer.
pub(super) async fn clear(
    platform: &Platform,
    tx: &TenantTx,
    who: Who<'_>,
    (charge, order): (&Charge, &Order),
    now: Instant,
) -> AppResult<Cleared> {
    match order {
        Order::Rest(_) => patient::lock(tx, charge.patient()).await?,
        Order::Visit(visit) => drop(encounter::attended_in(tx, *visit, charge.patient()).await?),
        Order::Prescription(rx) => {
            let Reserved { issue, reservation } = rx.state();
            if reservation.purchase.bill != charge.id() {
                return Err(AppError::new(Code::RxAlreadyUsed, "another order uses the prescription"));
            }
            if now >= issue.signing.valid_until {
                return Err(RxError::Expired.into());
            }
            match who {
                Who::Person(caller) => {
                    prescription::still_safe_in(platform, caller, tx, (HeldAct::Charge, &**rx)).await?
                }
                Who::Host => prescription::still_safe_alone_in(platform, tx, (rx, issue), now).await?,
            }
        }
    }
    let discloses = restricted(tx, charge.bill(), charge.items(), order.medicines()).await?;
    for payer in charge.payers() {
        if !consent::may_bill(platform, tx, payer, charge.patient(), discloses).await? {
            let detail = format!("the patient has refused `{payer}` this bill; ask for another quote");
            return Err(AppError::new(Code::PayState, detail));
        }
    }
    same_coverage(tx, charge).await?;
    Ok(Cleared(charge.id()))
}

/// That none of the payers is at another bill of the patient, which it counts on, or between the payers of
/// one; nor has settled one that lapses unless the patient pays it soon: what is priced on it would keep its
/// payers from taking it back. After [`clear`]: the patient is locked, so that none begins either.
///
/// # Errors
/// `PAY_STATE`; `PAY_DUE` for the last.
pub(super) async fn one_at_a_time(tx: &TenantTx, charge: &Charge) -> AppResult<()> {
    let others = bills(tx, charge.patient(), &[&BUSY[..], &[ChargeState::Confirmed]].concat()).await?;
    for other in others.iter().filter(|other| shares_a_payer(charge, other)) {
        if other.in_progress().is_some() {
            return Err(refused(Held { bill: other.id(), why: Code::PayState }));
        }
        if !other.standing().is_empty() {
            let detail =
                format!("another bill of the patient, {}, is half settled: confirm it again or cancel it", other.id());
            return Err(AppError::new(Code::PayState, detail));
        }
    }
    for due in till::due_of(tx, charge.patient()).await? {
        let other: Charge = Stored::try_from(tx.get_document(due.bill()).await?)?.value;
        // One that is being taken back cannot be paid any more.
        let waits = matches!(other, Charge::Settled(_)) && due.until().is_some();
        if waits && other.id() != charge.id() && shares_a_payer(charge, &other) {
            let detail = "another order of the patient is not paid yet: pay it, or cancel it, first";
            return Err(AppError::new(Code::PayDue, detail).with("bill", other.id()));
        }
    }
    Ok(())
}

/// The compartments that a stored bill discloses, with what its prescription says.
pub(crate) async fn discloses<E: Executor>(
    records: &TenantScope<E>,
    stored: &Stored<BillId, Charge>,
) -> AppResult<Compartments> {
    let charge = &stored.value;
    let prescribed = match subject(&stored.row)? {
        Subject::Prescription(rx) => Compartments::of(&records.get_document(rx).await?.body),
        Subject::Visit(_) => Compartments::NONE,
    };
    Ok(of_lines(records, charge.bill(), charge.items()).await?.or(prescribed))
}

async fn of_lines<E: Executor>(
    records: &TenantScope<E>,
    bill: &Bill,
    items: &[claim::Item],
) -> AppResult<Compartments> {
    let formulary = settings(records).await?.formulary;
    let sold = |code: &str| items.iter().any(|item| item.code == code);
    let known: Vec<_> = formulary.iter().filter(|item| sold(&item.code)).collect();
    let said = serde_json::to_value((bill, items, known)).map_err(AppError::internal)?;
    Ok(Compartments::of(&said))
}

/// Whether what stands of a bill may be taken back in this transaction: none of its payers is at another
/// bill of the patient, and no later bill [rests on it](first_to_reverse). Locks the patient: call it first.
///
/// # Errors
/// If the store fails.
pub(super) async fn may_reverse(tx: &TenantTx, charge: &Charge) -> AppResult<Result<Free, Held>> {
    use ChargeState as S;
    patient::lock(tx, charge.patient()).await?;
    let others = bills(tx, charge.patient(), &[&BUSY[..], &[S::Confirmed, S::Settled, S::Unwinding]].concat()).await?;
    let busy = others.iter().find(|other| other.in_progress().is_some() && shares_a_payer(charge, other));
    let busy = busy.map(|other| Held { bill: other.id(), why: Code::PayState });
    let held = busy.or_else(|| first_to_reverse(charge, &others).map(|bill| Held { bill, why: Code::PayLaterFirst }));
    Ok(held.map_or(Ok(Free(charge.id())), Err))
}

/// What a person hears who cannot wait for another bill.
pub(super) fn refused(held: Held) -> AppError {
    let Held { bill, why } = held;
    let detail = match why {
        Code::PayLaterFirst => {
            format!("{bill} was settled later, on figures that this bill had moved: reverse that first")
        }
        _ => format!("the insurer is at another bill of the patient, {bill}: try again when it is done"),
    };
    AppError::new(why, detail).with("bill", bill)
}

/// States in which an operation is in progress.
const BUSY: [ChargeState; 3] = [ChargeState::Settling, ChargeState::Unknown, ChargeState::Reversing];

fn shares_a_payer(charge: &Charge, other: &Charge) -> bool {
    other.id() != charge.id() && other.payers().iter().any(|payer| charge.payers().contains(payer))
}

/// All bills of a patient in these states.
async fn bills(tx: &TenantTx, patient: PatientId, states: &[ChargeState]) -> AppResult<Vec<Charge>> {
    const PAGE: u32 = 256;
    let query = DocumentQuery {
        patient_id: Some(patient.to_string()),
        statuses: states.iter().map(|state| state.as_str().to_owned()).collect(),
        ..DocumentQuery::default()
    };
    let (mut bills, mut after) = (Vec::new(), None);
    loop {
        let page = tx.list_documents::<BillId>(&query, after.as_ref(), PAGE).await?;
        after = page.last().map(|row| row.cursor());
        let full = page.len() == PAGE as usize;
        for row in page {
            bills.push(Stored::try_from(row)?.value);
        }
        if !full {
            return Ok(bills);
        }
    }
}

/// The compartments that a bill would disclose: of what it says, and of what formulary and
/// prescription know of its lines, as a payer knows what the hospital's codes mean.
pub(super) async fn restricted<E: Executor>(
    records: &TenantScope<E>,
    bill: &Bill,
    items: &[claim::Item],
    medicines: &[Medicine],
) -> AppResult<Compartments> {
    let formulary = settings(records).await?.formulary;
    let sold = |code: &str| items.iter().any(|item| item.code == code);
    let known: Vec<_> = formulary.iter().filter(|item| sold(&item.code)).collect();
    let said = serde_json::to_value((bill, items, medicines, known)).map_err(AppError::internal)?;
    Ok(Compartments::of(&said))
}
