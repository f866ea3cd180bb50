//! `POST /api/v1/calls/{id}/replay`

use axum::{Json, extract::State};
use xinglin_domain::id::CallId;

use crate::{
    app::{AppResult, Caller, Hospital, replay::ReplayView},
    http::{extract::At, problem::Problem},
};

/// Runs a call again and compares it with its tape, byte for byte.
#[utoipa::path(
    post, path = "/api/v1/calls/{id}/replay", tag = "Call",
    params(("id" = String, Path, description = "`call-…`")),
    responses((status = 200, body = ReplayView), (status = "4XX", body = Problem)),
)]
pub async fn replay(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<CallId>,
) -> AppResult<Json<ReplayView>> {
    Ok(Json(hospital.replay_call(&caller, id).await?))
}
