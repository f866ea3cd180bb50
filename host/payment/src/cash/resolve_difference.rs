use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};

use super::{
    DifferenceView,
    difference::{self, EXPLAINED, Explained, OPEN},
};

/// What a difference was.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// What it was, and which document shows it. No names of patients.
    pub reason: String,
}

/// A person of the accounts says what a difference was. What it means for the books is posted separately.
///
/// # Errors
/// `BODY_INVALID` without a reason; `PAY_STATE` if it is not open.
#[boxed]
pub async fn resolve_difference(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    explain: Explain,
) -> AppResult<DifferenceView> {
    caller.may(Action::ReconcileCash)?;
    let reason = explain.reason.trim();
    if !(1..=2000).contains(&reason.len()) {
        return Err(AppError::new(Code::BodyInvalid, "reason: 1 to 2000 bytes").with("path", "reason"));
    }
    let records = platform.records(caller);
    let mut row = records.get_cash_difference(id).await?;
    if row.state != OPEN {
        return Err(AppError::new(Code::PayState, format!("the difference is `{}`", row.state)));
    }
    let explained = Explained { by: caller.actor.account, reason: reason.to_owned(), at: caller.now };
    let found = difference::read(&row)?.explained(explained);
    row.body = serde_json::to_value(&found).map_err(AppError::internal)?;
    row.state = EXPLAINED.to_owned();
    row.updated_at = caller.now;
    let tx = records.begin().await?;
    tx.update_cash_difference(&row).await?;
    tx.commit().await?;
    difference::view(&row)
}
