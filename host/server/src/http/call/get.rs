//! `GET /api/v1/calls/{id}`

use axum::{Json, extract::State};
use xinglin_domain::id::CallId;

use crate::{
    app::{AppResult, Caller, Hospital, call::TapeView},
    http::{extract::At, problem::Problem},
};

/// What a plugin was asked in one call, and what it answered.
#[utoipa::path(
    get, path = "/api/v1/calls/{id}", tag = "Call",
    params(("id" = String, Path, description = "`call-…`")),
    responses((status = 200, body = TapeView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller, At(id): At<CallId>) -> AppResult<Json<TapeView>> {
    Ok(Json(hospital.get_call(&caller, id).await?))
}
