//! `GET /api/v1/tenants/{tenant}/plugins/{plugin}/shadow`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, shadow::ShadowView},
    http::{extract::At, problem::Problem},
};

/// How the candidate has done.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/shadow", tag = "Shadow",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = ShadowView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> AppResult<Json<ShadowView>> {
    Ok(Json(hospital.get_shadow(&caller, tenant, &plugin).await?))
}
