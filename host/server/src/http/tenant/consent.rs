//! `GET /api/v1/consent`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, tenant::Consent},
    http::problem::Problem,
};

/// The consent text that patients of the caller's hospital agree to.
#[utoipa::path(
    get, path = "/api/v1/consent", tag = "Tenant",
    responses((status = 200, body = Consent), (status = "4XX", body = Problem)),
)]
pub async fn consent(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<Consent>> {
    Ok(Json(hospital.consent(&caller).await?))
}
