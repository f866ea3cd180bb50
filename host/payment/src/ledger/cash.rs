//! Money of patients in the books.

use xinglin_domain::{
    billing::cash::Channel,
    id::{AccountId, BillId},
    ledger::{Entry, Transaction},
    money::Money,
    time::Instant,
};
use xinglin_platform::{AppResult, boxed};
use xinglin_store::TenantTx;

use super::{book::doctor_of, load, put, stamp_now};

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

/// Posts money that came in: a receipt of what is owed, an overpayment of the rest.
#[boxed]
pub(crate) async fn receive(tx: &TenantTx, bill: BillId, arrived: Arrived, now: Instant) -> AppResult<()> {
    let Arrived { channel, kept, rest, by } = arrived;
    let (mut book, entry) = (load(tx, bill).await?, entry(tx, bill, by, now).await?);
    let mut made = Vec::new();
    if kept > Money::ZERO {
        made.push(Transaction::receipt(entry(), kept)?.through(Some(channel)));
    }
    if rest > Money::ZERO {
        made.push(Transaction::overpayment(entry(), rest)?.through(Some(channel)));
    }
    put(tx, &mut book, made).await
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
    let (mut book, entry) = (load(tx, bill).await?, entry(tx, bill, by, now).await?);
    let made = Transaction::repayment(entry(), amount)?.through(Some(channel));
    put(tx, &mut book, vec![made]).await
}
