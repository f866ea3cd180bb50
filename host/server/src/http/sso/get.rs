//! `GET /api/v1/tenants/{tenant}/identity-provider`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, sso::ProviderView},
    http::{extract::At, problem::Problem},
};

/// The provider of identities that a tenant trusts.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/identity-provider", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = ProviderView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> AppResult<Json<ProviderView>> {
    Ok(Json(hospital.get_provider(&caller, tenant).await?))
}
