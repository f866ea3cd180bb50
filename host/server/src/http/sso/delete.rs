//! `DELETE /api/v1/tenants/{tenant}/identity-provider`

use axum::{extract::State, http::StatusCode};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital},
    http::{extract::At, problem::Problem},
};

/// Trusts the provider no more, and forgets who came from there.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/identity-provider", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn delete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> AppResult<StatusCode> {
    hospital.delete_provider(&caller, tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}
