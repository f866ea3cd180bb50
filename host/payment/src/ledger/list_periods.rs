use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::AccountId, ledger::Period, time::Instant};
use xinglin_platform::{AppResult, Caller, Platform, boxed};
use xinglin_store::ClosedPeriod;

use super::period_of;

/// Most months of a page: ten years.
const MOST: u32 = 120;

/// A closed month.
#[derive(Serialize, ToSchema)]
pub struct PeriodView {
    /// The month: `2026-11`.
    pub period: String,
    /// When it was closed, in microseconds since 1970.
    #[schema(value_type = i64)]
    pub closed_at: Instant,
    /// By whom.
    #[schema(value_type = String)]
    pub closed_by: AccountId,
    /// Digest of what was booked in it.
    pub digest: String,
    /// Whether the books of the month still have this digest.
    pub intact: bool,
}

impl PeriodView {
    pub(super) fn of(closed: ClosedPeriod, intact: bool) -> Self {
        let ClosedPeriod { period, closed_at, closed_by, digest } = closed;
        Self { period, closed_at, closed_by, digest, intact }
    }
}

/// Closed months of the caller's hospital, newest first, each compared with its digest.
///
/// # Errors
/// If the caller may not read the books.
#[boxed]
pub async fn list_periods(
    platform: &Platform,
    caller: &Caller,
    before: Option<Period>,
    limit: u32,
) -> AppResult<Vec<PeriodView>> {
    caller.may(Action::ReadLedger)?;
    let records = platform.records(caller);
    let before = before.map(|period| period.to_string());
    let mut views = Vec::new();
    for closed in records.list_periods(before.as_deref(), limit.min(MOST)).await? {
        let period = period_of(&closed)?;
        let days = (period.first().to_string(), period.last().to_string());
        let (transactions, totals) = records.ledger_totals(&days.0, &days.1).await?;
        let digest = period.digest(transactions, totals.iter().map(|(account, fen)| (account.as_str(), *fen)));
        let intact = digest.to_string() == closed.digest;
        views.push(PeriodView::of(closed, intact));
    }
    Ok(views)
}
