//! `GET /api/v1/tenants/{tenant}/plugins/{plugin}/keys`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, secret::KeyView},
    http::{extract::At, problem::Problem},
};

/// Keys that a plugin asks for, with the public halves of those there are.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/keys", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = Vec<KeyView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> AppResult<Json<Vec<KeyView>>> {
    Ok(Json(hospital.list_keys(&caller, tenant, &plugin).await?))
}
