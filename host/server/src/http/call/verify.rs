//! `GET /api/v1/calls/chain`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, call::ChainView},
    http::problem::Problem,
};

/// Walks the chain of tapes and names the first broken link.
#[utoipa::path(
    get, path = "/api/v1/calls/chain", tag = "Call",
    responses((status = 200, body = ChainView), (status = "4XX", body = Problem)),
)]
pub async fn verify(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<ChainView>> {
    Ok(Json(hospital.verify_calls(&caller).await?))
}
