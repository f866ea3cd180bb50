//! `PUT /api/v1/tenants/{tenant}/plugins/{plugin}/shadow`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        shadow::{ShadowView, StartShadow},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Puts a version into the shadow of the one that is called.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/shadow", tag = "Shadow",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    request_body = StartShadow,
    responses((status = 200, body = ShadowView), (status = "4XX", body = Problem)),
)]
pub async fn start(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
    Body(ask): Body<StartShadow>,
) -> AppResult<Json<ShadowView>> {
    Ok(Json(hospital.start_shadow(&caller, tenant, &plugin, ask).await?))
}
