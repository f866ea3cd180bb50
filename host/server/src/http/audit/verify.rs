//! `GET /api/v1/audit/chain`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, call::ChainView},
    http::problem::Problem,
};

/// Walks the audit trail and names the first broken link.
#[utoipa::path(
    get, path = "/api/v1/audit/chain", tag = "Audit",
    responses((status = 200, body = ChainView), (status = "4XX", body = Problem)),
)]
pub async fn verify(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<ChainView>> {
    Ok(Json(hospital.verify_audit(&caller).await?))
}
