use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, billing::ChargeState, code::Code, ledger::Period, time::Day};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{ClosedPeriod, StoreError, TenantTx};

use super::{PeriodView, last_closed};

/// Most bills that a refusal names.
const MOST_NAMED: u32 = 100;

/// Which month.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// `2026-11`.
    #[schema(value_type = String)]
    pub period: Period,
}

/// Closes a month that is over, for ever. Nothing is posted to it, or before it, any more: what comes
/// late is booked on the first open day.
///
/// # Errors
/// `LEDGER_CLOSED` if it is closed, or a later one. `LEDGER_NOT_CLOSABLE` if it is not over, if a month
/// before it is open, if it does not balance, if the outcome of a payment of it is not known: `bills` are those
/// that stand in the way; or if a difference to a payer's books or the bank's is not resolved: `breaks`. `RECON_BREAK` if a payment channel and the books differ on a day of
/// it, or before: `differences`.
#[boxed]
pub async fn close_period(platform: &Platform, caller: &Caller, Close { period }: Close) -> AppResult<PeriodView> {
    caller.may(Action::CloseLedger)?;
    if !period.is_over(Day::of(caller.now)) {
        let detail = format!("{period} ends on {}", period.last());
        return Err(AppError::new(Code::LedgerNotClosable, detail));
    }
    let tx = platform.records(caller).begin().await?;
    tx.stop_posting().await?;
    check_order(&tx, period).await?;
    let last = period.last().to_string();
    match tx.trial_balance(Some(&last)).await {
        Ok(_) => {}
        Err(error @ StoreError::Corrupt { .. }) => {
            return Err(AppError::new(Code::LedgerNotClosable, "the books do not balance").because(error));
        }
        Err(error) => return Err(error.into()),
    }
    let end = period.last().next().start();
    let bills = tx.list_open_bills(end, ChargeState::Unwinding.as_str(), MOST_NAMED).await?;
    if !bills.is_empty() {
        let detail = "payments of this month have no known outcome, or are to be taken back: see `bills`";
        return Err(AppError::new(Code::LedgerNotClosable, detail).with("bills", bills));
    }
    let breaks = tx.list_open_breaks(&last, MOST_NAMED).await?;
    if !breaks.is_empty() {
        let detail = "our books and a payer's or the bank's differ: see `breaks`, and resolve them";
        return Err(AppError::new(Code::LedgerNotClosable, detail).with("breaks", breaks));
    }
    let open = tx.list_cash_differences("open", ("", &last), MOST_NAMED).await?;
    if !open.is_empty() {
        let ids: Vec<&str> = open.iter().map(|difference| difference.id.as_str()).collect();
        let detail = "payment channels and the books differ: see `differences`";
        return Err(AppError::new(Code::ReconBreak, detail).with("differences", ids));
    }
    let (transactions, totals) = tx.ledger_totals(&period.first().to_string(), &last).await?;
    let digest = period.digest(transactions, totals.iter().map(|(account, fen)| (account.as_str(), *fen)));
    let closed = ClosedPeriod {
        period: period.to_string(),
        closed_at: caller.now,
        closed_by: caller.actor.account,
        digest: digest.to_string(),
    };
    tx.close_period(&closed).await?;
    tx.commit().await?;
    Ok(PeriodView::of(closed, true))
}

/// Months are closed one after the other, as far as anything was booked in them.
async fn check_order(tx: &TenantTx, period: Period) -> AppResult<()> {
    let closed = last_closed(tx).await?;
    if let Some(closed) = closed.filter(|closed| *closed >= period) {
        return Err(AppError::new(Code::LedgerClosed, format!("the books are closed to the end of {closed}")));
    }
    let after = closed.map(|closed| closed.last().to_string()).unwrap_or_default();
    let Some(first) = tx.first_day_after(&after).await? else { return Ok(()) };
    let open = Period::of(first.parse().map_err(AppError::internal)?);
    if open < period {
        return Err(AppError::new(Code::LedgerNotClosable, format!("close {open} first")).with("period", open));
    }
    Ok(())
}
