//! `POST /api/v1/conversations/purge`

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
pub struct PurgeSaid {
    /// All that was said earlier: RFC 3339, or a date of Asia/Shanghai.
    before: String,
}

/// Purges what was said in visits of the caller's hospital and whose time has come.
#[utoipa::path(
    post, path = "/api/v1/conversations/purge", tag = "Conversation",
    request_body = PurgeSaid,
    responses((status = 200, body = PurgeView), (status = "4XX", body = Problem)),
)]
pub async fn purge(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(purge): Body<PurgeSaid>,
) -> AppResult<Json<PurgeView>> {
    let before = AppError::time("before", &purge.before)?;
    Ok(Json(hospital.purge_said(&caller, caller.actor.tenant, before).await?))
}
