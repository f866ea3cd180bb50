//! The books.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::Allocation,
    id::{BillId, TransactionId},
    ledger::{Book, Entry, Side, Transaction},
    money::Money,
    time::Instant,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, boxed};
use xinglin_store::{Executor, TenantScope, TenantTx};

/// Trial balance.
#[derive(Serialize, ToSchema)]
pub struct TrialBalance {
    /// By name.
    pub accounts: Vec<AccountBalance>,
    /// Sum of all debits, in fen; equals the sum of all credits.
    #[schema(value_type = i64)]
    pub debit_fen: i128,
    /// Sum of all credits, in fen.
    #[schema(value_type = i64)]
    pub credit_fen: i128,
    /// Whether they are equal.
    pub balanced: bool,
}

/// Balance of one account.
#[derive(Serialize, ToSchema)]
pub struct AccountBalance {
    /// Its name.
    pub account: String,
    /// Debits less credits, in fen: wider than an amount, as sums of many may be.
    #[schema(value_type = i64)]
    pub fen: i128,
}

/// The trial balance of the caller's hospital.
///
/// # Errors
/// If the caller may not read the books.
#[boxed]
pub async fn trial_balance(platform: &Platform, caller: &Caller) -> AppResult<TrialBalance> {
    caller.may(Action::ReadLedger)?;
    let balances = platform.records(caller).trial_balance().await?;
    // Of fewer accounts than an i128 holds amounts.
    let side = |debit: bool| -> i128 { balances.iter().map(|b| b.amount).filter(|fen| (*fen > 0) == debit).sum() };
    let (debit_fen, credit_fen) = (side(true), -side(false));
    let accounts = balances.iter().map(|b| AccountBalance { account: b.account.clone(), fen: b.amount }).collect();
    Ok(TrialBalance { accounts, debit_fen, credit_fen, balanced: debit_fen == credit_fen })
}

/// Posts what a payer has settled: the whole bill as it leaves it, after the payers before it. Without
/// payers, what the patient has paid.
#[boxed]
pub(crate) async fn book_settlement(
    tx: &TenantTx,
    bill: BillId,
    before: Option<&Allocation>,
    after: &Allocation,
    now: Instant,
) -> AppResult<()> {
    if !changes(before, after) {
        return Ok(());
    }
    let mut book = load(tx, bill).await?;
    let entry = Entry { id: fresh(), bill, at: now };
    let settlement = match before {
        None => Transaction::settlement(entry, after)?,
        Some(before) => Transaction::transfer(entry, before, after)?,
    };
    post(tx, &mut book, settlement).await
}

/// Whether a settlement has entries: not that of a bill of nothing, nor that of a payer who pays
/// nothing of it.
pub(crate) fn changes(before: Option<&Allocation>, after: &Allocation) -> bool {
    match before {
        None => after.gross() != Money::ZERO,
        Some(before) => before.parts() != after.parts() || before.adjustment() != after.adjustment(),
    }
}

/// Posts the contra entry of the last settlement of a bill that stands, if there is one.
#[boxed]
pub(crate) async fn unwind_last(tx: &TenantTx, bill: BillId, now: Instant) -> AppResult<()> {
    let mut book = load(tx, bill).await?;
    match book.unwind(bill, now, fresh).into_iter().next() {
        Some(contra) => post(tx, &mut book, contra).await,
        None => Ok(()),
    }
}

fn fresh() -> TransactionId {
    TransactionId::from_u128(ambient::fresh_id())
}

/// Validates a transaction against all entries of its bill, and posts it.
async fn post(tx: &TenantTx, book: &mut Book, transaction: Transaction) -> AppResult<()> {
    book.post(transaction.clone())?;
    let postings = transaction
        .postings()
        .iter()
        .map(|posting| {
            let amount = match posting.side {
                Side::Debit => Ok(posting.amount),
                Side::Credit => posting.amount.negate(),
            };
            let amount = amount.map_err(AppError::internal)?;
            Ok(xinglin_store::Posting { account: posting.account.to_string(), amount })
        })
        .collect::<AppResult<Vec<_>>>()?;
    tx.insert_transaction(&xinglin_store::Transaction {
        id: transaction.id(),
        bill_id: Some(transaction.bill()),
        reverses: transaction.reverses(),
        memo: serde_json::to_string(&transaction.kind()).map_err(AppError::internal)?,
        posted_at: transaction.at(),
        postings,
    })
    .await?;
    Ok(())
}

/// The entries of a bill, validated again.
async fn load<E: Executor>(records: &TenantScope<E>, bill: BillId) -> AppResult<Book> {
    let mut transactions = Vec::new();
    for row in records.list_transactions(bill).await? {
        let postings: Vec<_> = row
            .postings
            .iter()
            .map(|posting| {
                let debit = posting.amount > Money::ZERO;
                json!({
                    "account": posting.account,
                    "side": if debit { Side::Debit } else { Side::Credit },
                    "amount": posting.amount.as_fen().unsigned_abs(),
                })
            })
            .collect();
        let kind: serde_json::Value = serde_json::from_str(&row.memo).map_err(AppError::internal)?;
        let transaction =
            json!({ "id": row.id, "bill": bill, "kind": kind, "at": row.posted_at, "postings": postings });
        transactions.push(serde_json::from_value::<Transaction>(transaction).map_err(AppError::internal)?);
    }
    Ok(Book::load(transactions)?)
}
