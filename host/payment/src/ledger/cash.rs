//! Money of patients in the books.

use xinglin_domain::{
    billing::{
        ChargeState,
        cash::{Cash, Channel, Owed, Till},
    },
    id::{AccountId, BillId},
    ledger::{Account, Entry, Transaction},
    money::Money,
    payer::Source,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_store::TenantTx;

use super::{
    book::{balance, doctor_of, whole},
    load_to_post, put, stamp_now,
};
use crate::till;

/// Money that came in.
pub(crate) struct Arrived {
    /// Where.
    pub(crate) channel: Channel,
    /// How much of it pays the bill.
    pub(crate) kept: Money,
    /// How much is not owed, and goes back.
    pub(crate) rest: Money,
    /// The cashier; `None` if the host.
    pub(crate) by: Option<AccountId>,
}

async fn entry(tx: &TenantTx, bill: BillId, by: Option<AccountId>, now: Instant) -> AppResult<impl Fn() -> Entry> {
    let (stamp, doctor) = (stamp_now(tx, now, by).await?, doctor_of(tx, bill).await?);
    Ok(move || Entry { stamp: stamp(), bill: Some(bill), payer: None, doctor })
}

/// Posts money that came in: a receipt of what is owed by the books, an overpayment of the rest. While a bill is not
/// settled nothing is owed yet: a payer that is still to settle takes its share of the debt.
#[boxed]
pub(crate) async fn receive(tx: &TenantTx, bill: BillId, arrived: Arrived, now: Instant) -> AppResult<()> {
    let Arrived { channel, mut kept, mut rest, by } = arrived;
    let (mut book, entry) = (load_to_post(tx, bill).await?, entry(tx, bill, by, now).await?);
    let mut made = Vec::new();
    // It is offset once it is settled.
    let owed = if is_settled(tx, bill).await? { balance(&book, Account::PatientReceivable)? } else { Money::ZERO };
    let beyond = whole(kept.minus(owed.max(Money::ZERO).min(kept)))?;
    kept = whole(kept.minus(beyond))?;
    rest = whole(rest.plus(beyond))?;
    if kept > Money::ZERO {
        made.push(Transaction::receipt(entry(), kept)?.through(Some(channel)));
    }
    if rest > Money::ZERO {
        made.push(Transaction::overpayment(entry(), rest)?.through(Some(channel)));
    }
    put(tx, &mut book, made).await
}

/// Whether a bill is settled at this moment.
pub(super) async fn is_settled(tx: &TenantTx, bill: BillId) -> AppResult<bool> {
    Ok(tx.get_document(bill).await?.status == ChargeState::Settled.as_str())
}

/// Posts money that went back to the patient.
#[boxed]
pub(crate) async fn repay(
    tx: &TenantTx,
    bill: BillId,
    (channel, amount): (Channel, Money),
    by: Option<AccountId>,
    now: Instant,
) -> AppResult<()> {
    let (mut book, entry) = (load_to_post(tx, bill).await?, entry(tx, bill, by, now).await?);
    let made = Transaction::repayment(entry(), amount)?.through(Some(channel));
    put(tx, &mut book, vec![made]).await
}

/// Brings the patient's share in line with the books, after entries of a bill that is settled have changed what
/// the patient owes: what is owed of it, and is due or goes back. What they owe of a bill that was settled anew is
/// paid by what is owed to them.
///
/// # Errors
/// If the store fails.
#[boxed]
pub(crate) async fn update_share(tx: &TenantTx, bill: BillId, now: Instant) -> AppResult<()> {
    let mut book = load_to_post(tx, bill).await?;
    let held = balance(&book, Account::Cash)?;
    let receivable = balance(&book, Account::PatientReceivable)?;
    // A credit, and so below zero.
    let payable = balance(&book, Account::PatientPayable)?;
    // The patient's money that is held and is not owed back, and what they are still to pay.
    let owed = whole(Money::sum([held, receivable, payable]))?;
    let Some(stored) = till::find(tx, bill).await? else {
        let (tenant, patient) = (tx.id(), tx.get_document(bill).await?.patient_id.parse().map_err(AppError::internal)?);
        let till = if receivable > Money::ZERO {
            Till::from(Cash::due(Owed { bill, tenant, patient, amount: receivable }, None, now)?)
        } else {
            Cash::nothing((bill, tenant, patient), now).into()
        };
        return till::insert(tx, &till, now).await;
    };
    let before = stored.till.clone();
    let share = stored.till.owe(owed, now)?;
    let paid = whole(share.outstanding().and_then(|outstanding| receivable.minus(outstanding)))?;
    if paid > Money::ZERO {
        let offset = Transaction::offset(entry(tx, bill, None, now).await?(), Source::Cash, paid)?;
        put(tx, &mut book, vec![offset]).await?;
    }
    if share != before {
        till::put(tx, stored.row, &share, now).await?;
    }
    Ok(())
}
