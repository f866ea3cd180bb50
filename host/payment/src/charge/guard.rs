//! What must hold whenever a payer is asked to settle, whoever begins it: a confirmation, a repeated
//! one, or the job that sends again what the payer never received.

use xinglin_care::prescription;
use xinglin_domain::{
    billing::{Charge, ChargeState, claim},
    code::Code,
    compartment::Compartments,
    id::{BillId, PrescriptionId},
    payer::Bill,
    prescription::{Reserved, Rx, RxError, Sheet},
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, document::Stored, settings::settings};
use xinglin_records::consent;
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

/// Who wants to go on.
#[derive(Clone, Copy)]
pub(super) enum Who<'a> {
    /// A person, who has asked the checkers before ([`prescription::still_checked`]).
    Person(&'a Caller),
    /// The host, by itself.
    Host,
}

/// Checks, in the transaction that begins the settlement, that the prescription is ordered by this
/// bill and valid, that patient, visit, holds and allergies allow it, and that the payer may learn of
/// it. Locks the patient: call it first.
///
/// # Errors
/// `RX_EXPIRED`, `PATIENT_…`, `ENC_RED_FLAG`, `RX_ALLERGY`, `RX_NOT_CHECKED`; `ACCESS_COMPARTMENT`, or
/// `PAY_STATE` if the patient refused the payer.
pub(super) async fn clear(
    platform: &Platform,
    tx: &TenantTx,
    who: Who<'_>,
    (charge, rx): (&Charge, &Rx<Reserved>),
    now: Instant,
) -> AppResult<Cleared> {
    let Reserved { issue, reservation } = rx.state();
    if reservation.purchase.bill != charge.id() {
        return Err(AppError::new(Code::RxAlreadyUsed, "another order uses the prescription"));
    }
    if now >= issue.signing.valid_until {
        return Err(RxError::Expired.into());
    }
    match who {
        Who::Person(caller) => prescription::still_safe_in(platform, caller, tx, rx).await?,
        Who::Host => prescription::still_safe_alone_in(platform, tx, (rx, issue), now).await?,
    }
    let discloses = restricted(tx, charge.bill(), charge.items(), rx.sheet()).await?;
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
    let busy = [ChargeState::Settling, ChargeState::Unknown, ChargeState::Reversing];
    let query = DocumentQuery {
        patient_id: Some(charge.patient().to_string()),
        statuses: busy.map(|state| state.as_str().to_owned()).into(),
        ..DocumentQuery::default()
    };
    for row in tx.list_documents::<BillId>(&query, None, MOST).await? {
        let other: Charge = Stored::try_from(row)?.value;
        let shared = other.payers().iter().any(|payer| charge.payers().contains(payer));
        if other.id() != charge.id() && shared {
            let detail =
                format!("the insurer is at another bill of the patient, {}: confirm when it is done", other.id());
            return Err(AppError::new(Code::PayState, detail));
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
    let parent = stored.row.parent_id.as_deref().and_then(|parent| parent.parse::<PrescriptionId>().ok());
    let prescribed = match parent {
        Some(rx) => Compartments::of(&records.get_document(rx).await?.body),
        None => Compartments::NONE,
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

/// The compartments that a bill would disclose: of what it says, and of what formulary and
/// prescription know of its lines, as a payer knows what the hospital's codes mean.
pub(super) async fn restricted<E: Executor>(
    records: &TenantScope<E>,
    bill: &Bill,
    items: &[claim::Item],
    sheet: &Sheet,
) -> AppResult<Compartments> {
    let formulary = settings(records).await?.formulary;
    let sold = |code: &str| items.iter().any(|item| item.code == code);
    let known: Vec<_> = formulary.iter().filter(|item| sold(&item.code)).collect();
    let said = serde_json::to_value((bill, items, &sheet.medicines, known)).map_err(AppError::internal)?;
    Ok(Compartments::of(&said))
}
