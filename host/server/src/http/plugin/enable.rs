//! `POST /api/v1/tenants/{tenant}/plugins/{plugin}/enable`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, plugin::InstallView},
    http::{extract::At, problem::Problem},
};

/// Starts calling a plugin in a tenant.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/enable", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn enable(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> AppResult<Json<InstallView>> {
    Ok(Json(hospital.enable_plugin(&caller, tenant, &plugin).await?))
}
