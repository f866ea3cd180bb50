use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    id::{AccountId, BreakId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, standing};
use xinglin_store::ReconciliationBreak;

use super::BreakView;

/// Who works on it from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// An account of the hospital's accounts.
    #[schema(value_type = String)]
    pub owner: AccountId,
}

/// Hands a difference to another person of the accounts.
///
/// # Errors
/// `BODY_INVALID` if that is no accountant here; `PAY_STATE` once it is resolved.
#[boxed]
pub async fn assign(platform: &Platform, caller: &Caller, id: BreakId, ask: Assign) -> AppResult<BreakView> {
    caller.may(Action::Reconcile)?;
    let records = platform.records(caller);
    let row = records.get_break(id).await?;
    if !row.is_open() {
        return Err(AppError::new(Code::PayState, "it is resolved"));
    }
    let account = records.get_account(ask.owner).await?;
    if !account.active || !standing::actor(&account)?.is(Role::Accountant) {
        return Err(AppError::new(Code::BodyInvalid, "owner: is no accountant of this hospital").with("path", "owner"));
    }
    let assigned = ReconciliationBreak { owner: ask.owner, updated_at: caller.now, ..row };
    let tx = records.begin().await?;
    tx.put_break(&assigned).await?;
    tx.commit().await?;
    Ok(assigned.into())
}
