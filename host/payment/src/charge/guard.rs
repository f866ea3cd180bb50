//! What must hold whenever a payer is asked to settle, whoever begins it: a confirmation, a repeated
//! one, or the job that sends again what the payer never received.

use xinglin_care::{encounter, prescription};
use xinglin_domain::{
    billing::{Charge, ChargeState, claim},
    code::Code,
    compartment::Compartments,
    id::{BillId, EncounterId},
    payer::Bill,
    prescription::{Medicine, Reserved, Rx, RxError},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, document::Stored, settings::settings};
use xinglin_records::{consent, patient};
use xinglin_store::{DocumentQuery, Executor, TenantScope, TenantTx};

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
/// visit), and that the payer may learn of it. Locks the patient: call it first.
///
/// # Errors
/// `ENC_…`, `RX_EXPIRED`, `PATIENT_…`, `ENC_RED_FLAG`, `RX_ALLERGY`, `RX_NOT_CHECKED`; `ACCESS_COMPARTMENT`, or
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
                Who::Person(caller) => prescription::still_safe_in(platform, caller, tx, &**rx).await?,
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
    Ok(Cleared(charge.id()))
}

/// That none of the payers is at another bill of the patient, which it counts on. After [`clear`]: the
/// patient is locked, so that none begins either.
///
/// # Errors
/// `PAY_STATE`.
pub(super) async fn one_at_a_time(tx: &TenantTx, charge: &Charge) -> AppResult<()> {
    /// More bills of one patient at once are nobody's habit.
    const MOST: u32 = 64;
    let busy = [ChargeState::Settling, ChargeState::Unknown, ChargeState::Reversing, ChargeState::Reduced];
    let query = DocumentQuery {
        patient_id: Some(charge.patient().to_string()),
        statuses: busy.map(|state| state.as_str().to_owned()).into(),
        ..DocumentQuery::default()
    };
    for row in tx.list_documents::<BillId>(&query, None, MOST).await? {
        let other: Charge = Stored::try_from(row)?.value;
        // What waits for a person holds nobody up.
        let at_it = !matches!(&other, Charge::Reduced(reduced) if !reduced.is_asked());
        let shared = at_it && other.payers().iter().any(|payer| charge.payers().contains(payer));
        if other.id() != charge.id() && shared {
            let detail =
                format!("the insurer is at another bill of the patient, {}: confirm when it is done", other.id());
            return Err(AppError::new(Code::PayState, detail));
        }
    }
    Ok(())
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
