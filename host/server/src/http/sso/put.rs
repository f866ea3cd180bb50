//! `PUT /api/v1/tenants/{tenant}/identity-provider`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        sso::{NewProvider, ProviderView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Trusts a provider of identities from now on, after a look at its discovery.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/identity-provider", tag = "Tenant",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = NewProvider,
    responses((status = 200, body = ProviderView), (status = "4XX", body = Problem), (status = 502, body = Problem)),
)]
pub async fn put(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<NewProvider>,
) -> AppResult<Json<ProviderView>> {
    Ok(Json(hospital.put_provider(&caller, tenant, ask).await?))
}
