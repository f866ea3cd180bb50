//! `POST /api/v1/tenants/{tenant}/plugins/{plugin}/promote`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, lifecycle::Promote, plugin::InstallView},
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Calls another version from now on, once it has passed its gate.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/promote", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    request_body = Promote,
    responses((status = 200, body = InstallView), (status = "4XX", body = Problem)),
)]
pub async fn promote(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
    Body(ask): Body<Promote>,
) -> AppResult<Json<InstallView>> {
    Ok(Json(hospital.promote_plugin(&caller, tenant, &plugin, ask).await?))
}
