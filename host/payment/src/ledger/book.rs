use xinglin_care::{encounter, prescription};
use xinglin_domain::{
    billing::{Allocation, Subject},
    id::{AccountId, BillId},
    ledger::{Account, Book, Entry, LedgerError, Transaction},
    money::{Money, MoneyError},
    payer::Source,
    time::Instant,
};
use xinglin_platform::{AppResult, boxed};
use xinglin_store::{Executor, TenantScope, TenantTx};

use super::{load_to_post, put, stamp_now};

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
    put(tx, &mut book, vec![booked]).await
}

/// Posts that an insurer decided anew: what each source pays from now on, instead of before. What the patient
/// has paid beyond that is owed to them; what the patient would owe more is the provider's.
#[boxed]
pub(crate) async fn book_anew(
    tx: &TenantTx,
    (bill, payer): (BillId, &str),
    (before, after): (&Allocation, &Allocation),
    now: Instant,
) -> AppResult<()> {
    let changes = before.parts() != after.parts() || before.adjustment() != after.adjustment();
    if !changes {
        return Ok(());
    }
    let mut book = load_to_post(tx, bill).await?;
    let stamp = stamp_now(tx, now, None).await?;
    let doctor = doctor_of(tx, bill).await?;
    let entry = || Entry { stamp: stamp(), bill: Some(bill), payer: Some(payer.to_owned()), doctor };
    let owed = balance(&book, Account::PatientReceivable)?;
    let [paid, pays] = [before, after].map(|allocation| allocation.part(Source::Cash));
    let mut booked = vec![Transaction::transfer(entry(), before, after)?];
    let less = whole(paid.minus(pays).and_then(|less| less.minus(owed)))?;
    if less > Money::ZERO {
        booked.push(Transaction::refund_due(entry(), less)?);
    }
    let more = whole(pays.minus(paid))?;
    if more > Money::ZERO {
        booked.push(Transaction::write_off(entry(), Source::Cash, more, "an insurer decided anew, to less")?);
    }
    put(tx, &mut book, booked).await
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
    (amount, undertaken, reason): (Money, bool, &str),
    now: Instant,
) -> AppResult<Transaction> {
    let mut book = load_to_post(tx, bill).await?;
    let entry = entry_of(tx, (bill, Some(payer)), Some(by), now).await?;
    let denial = Transaction::denial(entry, amount, undertaken, reason)?;
    put(tx, &mut book, vec![denial.clone()]).await?;
    Ok(denial)
}

/// Posts what a payer remitted of a bill, as far as it is owed there. Returns what was booked.
#[boxed]
pub(crate) async fn book_remitted(
    tx: &TenantTx,
    (bill, payer, by): (BillId, &str, AccountId),
    (amount, trace): (Money, &str),
    now: Instant,
) -> AppResult<Money> {
    let mut book = load_to_post(tx, bill).await?;
    let stamp = stamp_now(tx, now, Some(by)).await?;
    let doctor = doctor_of(tx, bill).await?;
    let (mut left, mut booked) = (amount, Vec::new());
    for source in Source::ALL.into_iter().filter(|source| *source != Source::Cash) {
        let owed = of_payer(&book, payer, Account::receivable(source))?.min(left);
        if owed <= Money::ZERO {
            continue;
        }
        let entry = Entry { stamp: stamp(), bill: Some(bill), payer: Some(payer.to_owned()), doctor };
        booked.push(Transaction::remittance(entry, source, owed)?.noted(Some(trace)));
        left = whole(left.minus(owed))?;
    }
    put(tx, &mut book, booked).await?;
    whole(amount.minus(left))
}

/// What a payer owes of a bill on one account.
fn of_payer(book: &Book, payer: &str, account: Account) -> AppResult<Money> {
    let mut owed = Money::ZERO;
    for transaction in book.transactions().iter().filter(|t| t.entry().payer.as_deref() == Some(payer)) {
        for posting in transaction.postings().iter().filter(|posting| posting.account == account) {
            owed = whole(owed.plus(posting.amount_signed()?))?;
        }
    }
    Ok(owed)
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
    let owed = balance(&book, Account::PatientReceivable)?;
    let booked = Transaction::reduction(entry, (before, after), owed)?;
    put(tx, &mut book, vec![booked]).await
}

/// Posts a reversal: contra entries, newest first, of all that stands of a bill, or only of what a
/// payer settled. What has no entries needs none.
#[boxed]
pub(crate) async fn unwind(tx: &TenantTx, bill: BillId, payer: Option<&str>, now: Instant) -> AppResult<()> {
    let mut book = load_to_post(tx, bill).await?;
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
