use std::collections::BTreeSet;

use xinglin_care::{encounter, prescription};
use xinglin_domain::{
    billing::{Allocation, Subject},
    id::{AccountId, BillId, TransactionId},
    ledger::{Account, Book, Entry, LedgerError, Transaction},
    money::{Money, MoneyError},
    payer::Source,
    time::Instant,
};
use xinglin_platform::{AppResult, boxed};
use xinglin_store::{Executor, TenantScope, TenantTx};

use super::{load, load_to_post, put, put_evened, stamp_now};

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
    let mut book = load_to_post(tx, bill).await?;
    let entry = entry_of(tx, (bill, payer), None, now).await?;
    let booked = match before {
        None => Transaction::settlement(entry, after)?,
        Some(before) => Transaction::transfer(entry, before, after)?,
    };
    put_evened(tx, &mut book, vec![booked]).await
}

/// Posts that an insurer decided anew: what each source pays from now on, instead of before and of what the insurer
/// denied meanwhile. What anybody has paid beyond that is owed to them; what the patient would owe more is the
/// provider's.
#[boxed]
pub(crate) async fn book_anew(
    tx: &TenantTx,
    (bill, payer): (BillId, &str),
    (before, after, denials): (&Allocation, &Allocation, &BTreeSet<TransactionId>),
    now: Instant,
) -> AppResult<()> {
    const WHY: &str = "an insurer decided anew";
    let mut book = load_to_post(tx, bill).await?;
    let stamp = stamp_now(tx, now, None).await?;
    let doctor = doctor_of(tx, bill).await?;
    let entry = || Entry { stamp: stamp(), bill: Some(bill), payer: Some(payer.to_owned()), doctor };
    let denied = book.standing(bill).filter(|standing| denials.contains(&standing.id()));
    let mut booked: Vec<Transaction> = denied.map(|denial| denial.contra(stamp(), Some(WHY))).collect();
    if before.parts() != after.parts() || before.adjustment() != after.adjustment() {
        booked.push(Transaction::transfer(entry(), before, after)?);
    }
    let more = whole(after.part(Source::Cash).minus(before.part(Source::Cash)))?;
    if more > Money::ZERO {
        booked.push(Transaction::write_off(entry(), Source::Cash, more, &format!("{WHY}, to less"))?);
    }
    put_evened(tx, &mut book, booked).await
}

/// What a new transaction is about: a bill, of the doctor of its visit, and perhaps one of its payers.
async fn entry_of(
    tx: &TenantTx,
    (bill, payer): (BillId, Option<&str>),
    by: Option<AccountId>,
    now: Instant,
) -> AppResult<Entry> {
    let stamp = stamp_now(tx, now, by).await?();
    Ok(Entry { stamp, bill: Some(bill), payer: payer.map(str::to_owned), doctor: doctor_of(tx, bill).await? })
}

pub(super) fn balance(book: &Book, account: Account) -> AppResult<Money> {
    let turnover = whole(book.trial_balance())?.get(&account).copied().unwrap_or_default();
    whole(turnover.balance())
}

pub(super) fn whole<T>(sum: Result<T, MoneyError>) -> AppResult<T> {
    sum.map_err(|error| LedgerError::from(error).into())
}

/// Posts what an insurer denied of a bill after it had settled.
#[boxed]
pub(crate) async fn book_denial(
    tx: &TenantTx,
    (bill, payer, by): (BillId, &str, AccountId),
    (id, amount, undertaken, reason): (TransactionId, Money, bool, &str),
    now: Instant,
) -> AppResult<Transaction> {
    let mut book = load_to_post(tx, bill).await?;
    let mut entry = entry_of(tx, (bill, Some(payer)), Some(by), now).await?;
    entry.stamp.id = id;
    let denial = Transaction::denial(entry, amount, undertaken, reason)?;
    put(tx, &mut book, vec![denial.clone()]).await?;
    Ok(denial)
}

/// Entries of a bill that were taken back.
pub(crate) async fn reversed<E: Executor>(
    records: &TenantScope<E>,
    bill: BillId,
) -> AppResult<BTreeSet<TransactionId>> {
    Ok(load(records, bill).await?.transactions().iter().filter_map(Transaction::reverses).collect())
}

/// Posts what a payer remitted of a bill, below zero if it kept more back, to the fen.
#[boxed]
pub(crate) async fn book_remitted(
    tx: &TenantTx,
    (bill, payer, by): (BillId, &str, AccountId),
    (amount, trace): (Money, &str),
    now: Instant,
) -> AppResult<()> {
    let mut book = load_to_post(tx, bill).await?;
    let about = entry_of(tx, (bill, Some(payer)), Some(by), now).await?;
    let booked = book.remitted(&about, amount, stamp_now(tx, now, Some(by)).await?)?;
    put(tx, &mut book, booked.into_iter().map(|entry| entry.noted(Some(trace))).collect()).await
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
    let mut book = load_to_post(tx, bill).await?;
    let entry = entry_of(tx, (bill, None), None, now).await?;
    let booked = Transaction::reduction(entry, (before, after))?;
    put_evened(tx, &mut book, vec![booked]).await
}

/// Posts a reversal: contra entries, newest first, of all that stands of a bill, or only of what a
/// payer settled; for a [partial refund](book_what_holds) of this key. What has no entries needs none.
#[boxed]
pub(crate) async fn unwind(
    tx: &TenantTx,
    bill: BillId,
    (payer, refund): (Option<&str>, Option<&str>),
    now: Instant,
) -> AppResult<()> {
    let mut book = load_to_post(tx, bill).await?;
    let stamp = stamp_now(tx, now, None).await?;
    let why = refund.map(why);
    let contras = book.unwind(bill, (payer, why.as_deref()), stamp)?;
    put(tx, &mut book, contras).await
}

/// Posts again what a partial refund of this key has taken along and still holds of what is left, now that it is
/// settled: debts of the patient that were waived, and fees of the visit.
#[boxed]
pub(crate) async fn book_what_holds(tx: &TenantTx, bill: BillId, refund: &str, now: Instant) -> AppResult<()> {
    let mut book = load_to_post(tx, bill).await?;
    let holds = book.still_holds(bill, &why(refund), stamp_now(tx, now, None).await?)?;
    put(tx, &mut book, holds).await
}

/// The reason of contra entries of a partial refund.
fn why(refund: &str) -> String {
    format!("refund {refund}")
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
