//! The books. Bills post to them by themselves; the hospital's accounts post the rest, correct by
//! contra entries, and close the months that are over.

mod book;
mod cash;
mod close_period;
mod correct;
mod draft;
mod export;
mod list_periods;
mod list_transactions;
mod post;
mod statement;
mod trial_balance;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    billing::cash::Channel,
    id::{AccountId, BillId, TransactionId},
    ledger::{Book, Entry, Kind, Period, Posting, Side, Stamp, Stored, Transaction},
    money::Money,
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, ambient};
use xinglin_store::{ClosedPeriod, Executor, TenantScope, TenantTx};

pub(crate) use self::book::{
    book_anew, book_denial, book_reduction, book_remitted, book_shares, book_what_holds, doctor_of, reversed, unwind,
};
pub(crate) use self::cash::{Arrived, receive, repay, update_share};
pub use self::close_period::{Close, close_period};
pub use self::correct::{Correct, correct};
pub use self::draft::{Judge, approve, list_drafts, reject};
pub use self::export::{Format, StatementFile, export};
pub use self::list_periods::{PeriodView, list_periods};
pub use self::list_transactions::{Journal, JournalAsk, list_transactions};
pub(crate) use self::post::is_new;
pub use self::post::{NewPosting, Posted, post};
pub use self::statement::{Statement, StatementAsk, StatementLine, statement};
pub use self::trial_balance::{AccountBalance, TrialBalance, trial_balance};

/// A transaction of the books.
#[derive(Serialize, ToSchema)]
pub struct TransactionView {
    /// Its id: `txn-…`.
    #[schema(value_type = String)]
    pub id: TransactionId,
    /// `posted`; or `waiting` for another accountant, until when it does not count.
    pub status: &'static str,
    /// What it records: `remittance`, `contra`, …
    pub kind: &'static str,
    /// The bill, if it is about one.
    #[schema(value_type = Option<String>)]
    pub bill: Option<BillId>,
    /// The plugin of the payer.
    pub payer: Option<String>,
    /// The channel by which money of patients moved.
    pub channel: Option<&'static str>,
    /// The doctor of the visit.
    #[schema(value_type = Option<String>)]
    pub doctor: Option<AccountId>,
    /// The business day, in Asia/Shanghai.
    #[schema(value_type = String)]
    pub day: Day,
    /// Why.
    pub reason: Option<String>,
    /// The transaction that it takes back, if it is a contra entry.
    #[schema(value_type = Option<String>)]
    pub reverses: Option<TransactionId>,
    /// Who posted it; absent if the host.
    #[schema(value_type = Option<String>)]
    pub by: Option<AccountId>,
    /// When it was posted, in microseconds since 1970.
    #[schema(value_type = i64)]
    pub at: Instant,
    /// Its two sides.
    pub postings: Vec<PostingView>,
}

/// One entry of a transaction.
#[derive(Serialize, ToSchema)]
pub struct PostingView {
    /// The account.
    pub account: &'static str,
    /// `debit` or `credit`.
    #[schema(value_type = String)]
    pub side: Side,
    /// The amount.
    #[schema(value_type = i64)]
    pub amount_fen: Money,
}

impl From<&Transaction> for TransactionView {
    fn from(transaction: &Transaction) -> Self {
        let Entry { stamp, bill, payer, doctor } = transaction.entry();
        let posting = |posting: &Posting| PostingView {
            account: posting.account.as_str(),
            side: posting.side,
            amount_fen: posting.amount,
        };
        Self {
            id: stamp.id,
            status: "posted",
            kind: transaction.kind().as_str(),
            bill: *bill,
            payer: payer.clone(),
            channel: transaction.channel().map(Channel::as_str),
            doctor: *doctor,
            day: stamp.day,
            reason: transaction.reason().map(str::to_owned),
            reverses: transaction.reverses(),
            by: stamp.by,
            at: stamp.at,
            postings: transaction.postings().iter().map(posting).collect(),
        }
    }
}

pub(crate) fn fresh() -> TransactionId {
    TransactionId::from_u128(ambient::fresh_id())
}

/// The last month that is closed, with all before it.
async fn last_closed<E: Executor>(records: &TenantScope<E>) -> AppResult<Option<Period>> {
    records.list_periods(None, 1).await?.first().map(period_of).transpose()
}

fn period_of(closed: &ClosedPeriod) -> AppResult<Period> {
    closed.period.parse().map_err(AppError::internal)
}

/// The stamp of what is posted now: today, or the first day whose month is open.
pub(crate) async fn stamp_now<E: Executor>(
    records: &TenantScope<E>,
    now: Instant,
    by: Option<AccountId>,
) -> AppResult<impl Fn() -> Stamp + use<E>> {
    stamp_on(records, Day::of(now), now, by).await
}

/// The stamp of what belongs to a day: that day, or the first after it whose month is open.
pub(crate) async fn stamp_on<E: Executor>(
    records: &TenantScope<E>,
    day: Day,
    now: Instant,
    by: Option<AccountId>,
) -> AppResult<impl Fn() -> Stamp + use<E>> {
    let day = Period::open_day(day, last_closed(records).await?);
    Ok(move || Stamp { id: fresh(), day, at: now, by })
}

/// Validates transactions together against all entries of their bill, and posts them.
pub(crate) async fn put(tx: &TenantTx, book: &mut Book, transactions: Vec<Transaction>) -> AppResult<()> {
    book.post_all(transactions.iter().cloned())?;
    for transaction in transactions {
        insert(tx, &transaction).await?;
    }
    Ok(())
}

/// The same with what evens them out, as the first of them is stamped.
pub(crate) async fn put_evened(tx: &TenantTx, book: &mut Book, transactions: Vec<Transaction>) -> AppResult<()> {
    let Some(first) = transactions.first().map(|first| first.entry().stamp) else { return Ok(()) };
    let all = book.evened(transactions, || Stamp { id: fresh(), ..first })?;
    put(tx, book, all).await
}

async fn insert(tx: &TenantTx, transaction: &Transaction) -> AppResult<()> {
    let posting = |posting: &Posting| -> AppResult<_> {
        Ok(xinglin_store::Posting { account: posting.account.to_string(), amount: posting.amount_signed()? })
    };
    let Entry { stamp, bill, payer, doctor } = transaction.entry();
    tx.insert_transaction(&xinglin_store::Transaction {
        id: stamp.id,
        bill_id: *bill,
        reverses: transaction.reverses(),
        kind: transaction.kind().to_string(),
        payer: payer.clone(),
        channel: transaction.channel().map(|channel| channel.as_str().to_owned()),
        doctor: *doctor,
        day: stamp.day.to_string(),
        memo: transaction.reason().unwrap_or_default().to_owned(),
        posted_by: stamp.by,
        posted_at: stamp.at,
        postings: transaction.postings().iter().map(posting).collect::<AppResult<_>>()?,
    })
    .await?;
    Ok(())
}

/// The entries of a bill, validated again.
pub(crate) async fn load<E: Executor>(records: &TenantScope<E>, bill: BillId) -> AppResult<Book> {
    let rows = records.list_transactions(bill).await?.into_iter();
    Ok(Book::load(rows.map(read).collect::<AppResult<Vec<_>>>()?)?)
}

/// The same for who posts to it: nobody else does meanwhile.
async fn load_to_post(tx: &TenantTx, bill: BillId) -> AppResult<Book> {
    tx.lock_money(bill).await?;
    load(tx, bill).await
}

fn read(row: xinglin_store::Transaction) -> AppResult<Transaction> {
    let posting = |posting: &xinglin_store::Posting| -> AppResult<_> {
        let account = posting.account.parse().map_err(AppError::internal)?;
        Posting::signed(account, posting.amount).map_err(AppError::internal)
    };
    let stored = Stored {
        entry: Entry {
            stamp: Stamp {
                id: row.id,
                day: row.day.parse().map_err(AppError::internal)?,
                at: row.posted_at,
                by: row.posted_by,
            },
            bill: row.bill_id,
            payer: row.payer,
            doctor: row.doctor,
        },
        kind: Kind::stored(&row.kind, row.reverses).map_err(AppError::internal)?,
        channel: row.channel.map(|channel| channel.parse()).transpose().map_err(AppError::internal)?,
        reason: Some(row.memo).filter(|memo| !memo.is_empty()),
        postings: row.postings.iter().map(posting).collect::<AppResult<_>>()?,
    };
    Transaction::try_from(stored).map_err(AppError::internal)
}
