//! `GET /api/v1/tenants/{tenant}/plugins/{plugin}/secrets`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, secret::SecretView},
    http::{extract::At, problem::Problem},
};

/// Secrets that a plugin asks for, and whether they are there. No value.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/secrets", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = Vec<SecretView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> AppResult<Json<Vec<SecretView>>> {
    Ok(Json(hospital.list_secrets(&caller, tenant, &plugin).await?))
}
