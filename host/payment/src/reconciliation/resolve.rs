use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, code::Code, id::BreakId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::ReconciliationBreak;

use super::BreakView;

/// How a difference was settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// What was agreed and booked, and upon which document. No names of patients.
    pub reason: String,
}

/// Resolves a difference, with a reason. What has to be booked is booked before, by a denial, a write-off, an
/// adjustment or a correction.
///
/// # Errors
/// `PAY_STATE` if it is resolved already; `AUTH_FORBIDDEN` to anybody but its owner; `BODY_INVALID` without a
/// reason.
#[boxed]
pub async fn resolve(platform: &Platform, caller: &Caller, id: BreakId, ask: Resolve) -> AppResult<BreakView> {
    caller.may(Action::Reconcile)?;
    let records = platform.records(caller);
    let row = records.get_break(id).await?;
    let reason = ask.reason.trim();
    if reason.is_empty() {
        return Err(AppError::new(Code::BodyInvalid, "`reason` is missing").with("path", "reason"));
    }
    if !row.is_open() {
        return Err(AppError::new(Code::PayState, "it is resolved already"));
    }
    if row.owner != caller.actor.account {
        return Err(AppError::new(Code::AuthForbidden, "its owner resolves it: have it assigned to you first"));
    }
    let resolved = ReconciliationBreak {
        reason: Some(reason.to_owned()),
        resolved_by: Some(caller.actor.account),
        updated_at: caller.now,
        ..row
    };
    let tx = records.begin().await?;
    tx.put_break(&resolved).await?;
    tx.commit().await?;
    Ok(resolved.into())
}
