//! `GET /api/v1/tenants/{tenant}/plugins`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital, plugin::InstallView},
    http::{extract::At, problem::Problem},
};

/// Plugins of a tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plugins", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = Vec<InstallView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> AppResult<Json<Vec<InstallView>>> {
    Ok(Json(hospital.list_plugins(&caller, tenant).await?))
}
