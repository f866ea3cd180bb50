//! Secrets that a tenant stores for a plugin.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_extensions::secret::{self, NewSecret, SecretView};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// Deletes a secret.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/secrets/{name}", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin."), ("name" = String, Path, description = "As the manifest calls it.")),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn delete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin, name)): At<(TenantId, String, String)>,
) -> Reply<StatusCode> {
    secret::delete(&hospital.platform, &caller, tenant, &plugin, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Secrets that a plugin declares, and whether each is set. Values are never returned.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/secrets", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = Vec<SecretView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> Reply<Json<Vec<SecretView>>> {
    Ok(Json(secret::list(&hospital.platform, &caller, tenant, &plugin).await?))
}

pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManagePlugins, routes!(list)))
        .routes(by(&Action::ManagePlugins, routes!(put, delete)))
}

/// Stores a secret for a plugin. It cannot be read again.
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
) -> Reply<Json<SecretView>> {
    Ok(Json(secret::put(&hospital.platform, &caller, tenant, &plugin, &name, new).await?))
}
