//! `GET /api/v1/policies`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, policy::PoliciesView},
    http::problem::Problem,
};

/// The policies in force in the caller's hospital, as they are written.
#[utoipa::path(
    get, path = "/api/v1/policies", tag = "Policy",
    responses((status = 200, body = PoliciesView), (status = "4XX", body = Problem)),
)]
pub async fn list(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<PoliciesView>> {
    Ok(Json(hospital.list_policies(&caller)?))
}
