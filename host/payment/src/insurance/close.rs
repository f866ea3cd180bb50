use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{access::Action, id::InsuranceRequestId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::resource;

use super::{RequestView, load, project, update, view::view};
use crate::charge;

/// Why a question is ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// Who of the insurer said so, and which document shows it.
    pub reason: String,
}

/// Ends a question of which the insurer's plugin gives no answer, by a person of the hospital's accounts.
///
/// # Errors
/// `PAY_STATE` if it has its answer, or a call may still be running; `BODY_INVALID` without a reason.
#[boxed]
pub async fn close(platform: &Platform, caller: &Caller, id: InsuranceRequestId, ask: Close) -> AppResult<RequestView> {
    caller.may(Action::ObjectToInsurer)?;
    let records = platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient);
    let closed = value
        .close(caller.actor.account, ask.reason, caller.now, charge::SILENCE_SECONDS)
        .map_err(|error| AppError::new(error.code(), error.to_string()))?;
    let tx = records.begin().await?;
    update(&tx, row, &closed, caller.now).await?;
    resource::project(&tx, project::of(&closed, caller.now), caller.now).await?;
    tx.commit().await?;
    Ok(view(&closed, Vec::new()))
}
