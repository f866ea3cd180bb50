//! `DELETE /api/v1/tenants/{tenant}/plugins/{plugin}/secrets/{name}`

use axum::{extract::State, http::StatusCode};
use xinglin_domain::id::TenantId;

use crate::{
    app::{AppResult, Caller, Hospital},
    http::{extract::At, problem::Problem},
};

/// Forgets a secret.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/secrets/{name}", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin."), ("name" = String, Path, description = "As the manifest calls it.")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn delete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin, name)): At<(TenantId, String, String)>,
) -> AppResult<StatusCode> {
    hospital.delete_secret(&caller, tenant, &plugin, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
