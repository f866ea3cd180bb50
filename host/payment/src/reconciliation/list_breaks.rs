use xinglin_domain::access::Action;
use xinglin_platform::{AppResult, Caller, Platform, boxed};

use super::BreakView;

/// Most differences of a list.
const MOST: u32 = 1000;

/// Which differences.
#[derive(Debug, Default)]
pub struct BreaksAsk {
    /// Of this payer.
    pub payer: Option<String>,
    /// Resolved ones, too.
    pub all: bool,
}

/// Differences to the books of payers and the bank, the oldest first.
///
/// # Errors
/// If the caller does not keep the accounts.
#[boxed]
pub async fn list_breaks(platform: &Platform, caller: &Caller, ask: BreaksAsk) -> AppResult<Vec<BreakView>> {
    caller.may(Action::Reconcile)?;
    let rows = platform.records(caller).list_breaks(ask.payer.as_deref(), !ask.all, MOST).await?;
    Ok(rows.into_iter().map(BreakView::from).collect())
}
