use xinglin_care::prescription;
use xinglin_domain::{
    billing::Allocation,
    id::{AccountId, BillId, PrescriptionId},
    ledger::{Entry, Transaction},
    money::Money,
    time::Instant,
};
use xinglin_platform::{AppResult, boxed};
use xinglin_store::{Executor, TenantScope, TenantTx};

use super::{load, put, stamp_now};

/// Posts what a payer settled of a bill: the whole bill for the first payer, or if the patient pays
/// alone; for each later one what it took over, the difference to the shares before it. A bill of
/// nothing has no entries, nor has a payer that takes over nothing.
#[boxed]
pub(crate) async fn book_shares(
    tx: &TenantTx,
    bill: BillId,
    payer: Option<&str>,
    (before, after): (Option<&Allocation>, &Allocation),
    now: Instant,
) -> AppResult<()> {
    let changes = match before {
        None => after.gross() != Money::ZERO,
        Some(before) => before.parts() != after.parts() || before.adjustment() != after.adjustment(),
    };
    if !changes {
        return Ok(());
    }
    let mut book = load(tx, bill).await?;
    let entry = Entry {
        stamp: stamp_now(tx, now, None).await?(),
        bill: Some(bill),
        payer: payer.map(str::to_owned),
        doctor: doctor_of(tx, bill).await?,
    };
    let booked = match before {
        None => Transaction::settlement(entry, after)?,
        Some(before) => Transaction::transfer(entry, before, after)?,
    };
    put(tx, &mut book, vec![booked]).await
}

/// Posts a reversal: contra entries, newest first, of all that stands of a bill, or only of what a
/// payer settled. What has no entries needs none.
#[boxed]
pub(crate) async fn unwind(tx: &TenantTx, bill: BillId, payer: Option<&str>, now: Instant) -> AppResult<()> {
    let mut book = load(tx, bill).await?;
    let stamp = stamp_now(tx, now, None).await?;
    let contras = book.unwind(bill, payer, stamp);
    put(tx, &mut book, contras).await
}

/// The doctor of a bill's visit: who prescribed.
pub(crate) async fn doctor_of<E: Executor>(records: &TenantScope<E>, bill: BillId) -> AppResult<Option<AccountId>> {
    let parent = records.get_document(bill).await?.parent_id;
    match parent.and_then(|parent| parent.parse::<PrescriptionId>().ok()) {
        Some(rx) => Ok(Some(prescription::load(records, rx).await?.value.prescriber())),
        None => Ok(None),
    }
}
