//! `POST /api/v1/tenants/{tenant}/plugins/{plugin}/rollback`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, plugin::InstallView},
    http::{extract::At, problem::Problem},
};

/// Calls the version before the last promotion again.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/rollback", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn rollback(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> AppResult<Json<InstallView>> {
    Ok(Json(hospital.roll_back_plugin(&caller, tenant, &plugin).await?))
}
