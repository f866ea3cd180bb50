//! `POST /api/v1/calls/purge`

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::{AppError, AppResult, Caller, Hospital, retention::PurgeView},
    http::{extract::Body, problem::Problem},
};

/// What to purge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// All that was recorded earlier: RFC 3339, or a date of Asia/Shanghai.
    before: String,
}

/// Purges tapes of the caller's hospital whose time has come.
#[utoipa::path(
    post, path = "/api/v1/calls/purge", tag = "Call",
    request_body = Purge,
    responses((status = 200, body = PurgeView), (status = "4XX", body = Problem)),
)]
pub async fn purge(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(purge): Body<Purge>,
) -> AppResult<Json<PurgeView>> {
    let before = AppError::time("before", &purge.before)?;
    Ok(Json(hospital.purge_calls(&caller, caller.actor.tenant, before, |_| ()).await?))
}
