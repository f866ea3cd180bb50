use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, BillId, TransactionId},
    ledger::{Account, Kind},
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{Cursor, JournalQuery};

use super::{TransactionView, read};

/// Most transactions of a page.
const MOST: u32 = 500;

/// Which transactions. All conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct JournalAsk {
    /// From this business day on.
    pub from: Option<Day>,
    /// Until this one.
    pub to: Option<Day>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this payer.
    pub payer: Option<String>,
    /// Of this doctor.
    pub doctor: Option<AccountId>,
    /// Of this bill.
    pub bill: Option<BillId>,
    /// With a posting to this account.
    pub account: Option<Account>,
    /// With exactly this reason; of what was sold it is the purchase: `buy-…`.
    pub reason: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Maximum number.
    pub limit: u32,
}

/// A page of the journal.
#[derive(Serialize, ToSchema)]
pub struct Journal {
    /// Newest first.
    pub transactions: Vec<TransactionView>,
    /// What `after` must be for the next page, if there are more.
    pub next: Option<String>,
}

/// A page of the journal of the caller's hospital, newest first.
///
/// # Errors
/// `BODY_INVALID` for a kind or page that there is not.
#[boxed]
pub async fn list_transactions(platform: &Platform, caller: &Caller, ask: JournalAsk) -> AppResult<Journal> {
    caller.may(Action::ReadLedger)?;
    let kinds = || Kind::ORIGINALS.iter().map(|kind| kind.as_str()).chain(["contra"]);
    if let Some(kind) = ask.kind.as_deref().filter(|kind| !kinds().any(|known| known == *kind)) {
        let all = kinds().collect::<Vec<_>>().join("`, `");
        return Err(
            AppError::new(Code::BodyInvalid, format!("kind: no `{kind}`; there are `{all}`")).with("path", "kind")
        );
    }
    let after = ask.after.as_deref().map(cursor).transpose()?;
    let query = JournalQuery {
        from: ask.from.map(|day| day.to_string()),
        to: ask.to.map(|day| day.to_string()),
        kind: ask.kind,
        payer: ask.payer,
        doctor: ask.doctor,
        bill: ask.bill,
        account: ask.account.map(|account| account.as_str().to_owned()),
        memo: ask.reason,
    };
    let limit = ask.limit.clamp(1, MOST);
    let mut rows = platform.records(caller).list_journal(&query, after.as_ref(), limit.saturating_add(1)).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let next = rows.last().filter(|_| more).map(|last| format!("{}.{}", last.posted_at.micros(), last.id));
    let transactions = rows.into_iter().map(|row| Ok(TransactionView::from(&read(row)?))).collect::<AppResult<_>>()?;
    Ok(Journal { transactions, next })
}

fn cursor(text: &str) -> AppResult<Cursor> {
    let parsed = text.split_once('.').and_then(|(at, id)| {
        let id: TransactionId = id.parse().ok()?;
        Some(Cursor { at: Instant::from_micros(at.parse().ok()?), id: id.to_string() })
    });
    parsed.ok_or_else(|| AppError::new(Code::BodyInvalid, "after: no page begins there").with("path", "after"))
}
