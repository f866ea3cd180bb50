//! `POST /api/v1/tenants`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        tenant::{NewTenant, TenantView},
    },
    http::{extract::Body, problem::Problem},
};

/// Founds a tenant: a hospital, a pharmacy, an insurer.
#[utoipa::path(
    post, path = "/api/v1/tenants", tag = "Tenant",
    request_body = NewTenant,
    responses((status = 201, body = TenantView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewTenant>,
) -> AppResult<(StatusCode, Json<TenantView>)> {
    Ok((StatusCode::CREATED, Json(hospital.create_tenant(&caller, ask).await?)))
}
