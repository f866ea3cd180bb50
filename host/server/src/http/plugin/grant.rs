//! `PUT /api/v1/tenants/{tenant}/plugins/{plugin}`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        plugin::{Grant, InstallView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Says what a plugin may do in a tenant.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/plugins/{plugin}", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    request_body = Grant,
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn grant(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
    Body(ask): Body<Grant>,
) -> AppResult<Json<InstallView>> {
    Ok(Json(hospital.grant_plugin(&caller, tenant, &plugin, ask).await?))
}
