//! `PUT /api/v1/tenants/{tenant}/plugins/{plugin}/secrets/{name}`

use axum::{Json, extract::State};
use xinglin_domain::id::TenantId;

use crate::{
    app::{
        AppResult, Caller, Hospital,
        secret::{NewSecret, SecretView},
    },
    http::{
        extract::{At, Body},
        problem::Problem,
    },
};

/// Keeps a secret for a plugin. It cannot be read again.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/secrets/{name}", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin."), ("name" = String, Path, description = "As the manifest calls it.")),
    request_body = NewSecret,
    responses((status = 200, body = SecretView), (status = "4XX", body = Problem)),
)]
pub async fn put(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin, name)): At<(TenantId, String, String)>,
    Body(new): Body<NewSecret>,
) -> AppResult<Json<SecretView>> {
    Ok(Json(hospital.put_secret(&caller, tenant, &plugin, &name, new).await?))
}
