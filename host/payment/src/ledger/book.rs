use xinglin_care::{encounter, prescription};
use xinglin_domain::{
    billing::{Allocation, Subject},
    id::{AccountId, BillId},
    ledger::{Account, Book, Entry, Transaction},
    money::Money,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, boxed};
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

/// Posts that lines of a bill were given back that are the patient's alone. A part of nothing has no
/// entry.
#[boxed]
pub(crate) async fn book_reduction(
    tx: &TenantTx,
    bill: BillId,
    (before, after): (&Allocation, &Allocation),
    now: Instant,
) -> AppResult<()> {
    if before.gross() == after.gross() {
        return Ok(());
    }
    let mut book = load(tx, bill).await?;
    let entry = Entry {
        stamp: stamp_now(tx, now, None).await?(),
        bill: Some(bill),
        payer: None,
        doctor: doctor_of(tx, bill).await?,
    };
    let owed = balance(&book, Account::PatientReceivable)?;
    let booked = Transaction::reduction(entry, (before, after), owed)?;
    put(tx, &mut book, vec![booked]).await
}

/// What the patient has paid in of a bill, by the books.
pub(crate) async fn received<E: Executor>(records: &TenantScope<E>, bill: BillId) -> AppResult<Money> {
    balance(&load(records, bill).await?, Account::Cash)
}

/// Posts what of a settled bill the patient had paid in before it was settled anew.
#[boxed]
pub(crate) async fn book_receipt(tx: &TenantTx, bill: BillId, amount: Money, now: Instant) -> AppResult<()> {
    if amount <= Money::ZERO {
        return Ok(());
    }
    let mut book = load(tx, bill).await?;
    let entry = Entry {
        stamp: stamp_now(tx, now, None).await?(),
        bill: Some(bill),
        payer: None,
        doctor: doctor_of(tx, bill).await?,
    };
    put(tx, &mut book, vec![Transaction::receipt(entry, amount)?]).await
}

fn balance(book: &Book, account: Account) -> AppResult<Money> {
    let turnover = book.trial_balance().map_err(AppError::internal)?.get(&account).copied().unwrap_or_default();
    turnover.balance().map_err(AppError::internal)
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

/// The doctor of a bill's visit.
pub(crate) async fn doctor_of<E: Executor>(records: &TenantScope<E>, bill: BillId) -> AppResult<Option<AccountId>> {
    let parent = records.get_document(bill).await?.parent_id;
    match parent.and_then(|parent| parent.parse::<Subject>().ok()) {
        Some(Subject::Prescription(rx)) => Ok(Some(prescription::load(records, rx).await?.value.prescriber())),
        Some(Subject::Visit(visit)) => encounter::doctor_of(records, visit).await,
        None => Ok(None),
    }
}
