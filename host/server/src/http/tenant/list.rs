//! `GET /api/v1/tenants`

use axum::{Json, extract::State};

use crate::{
    app::{AppResult, Caller, Hospital, tenant::TenantView},
    http::problem::Problem,
};

/// All tenants.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "Tenant",
    responses((status = 200, body = Vec<TenantView>), (status = "4XX", body = Problem)),
)]
pub async fn list(State(hospital): State<Hospital>, caller: Caller) -> AppResult<Json<Vec<TenantView>>> {
    Ok(Json(hospital.list_tenants(&caller).await?))
}
