//! Keys that a tenant holds for a plugin.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_extensions::secret::{self, KeyView, NewKey};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// Keys that a plugin declares, with the public halves of the existing ones.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/keys", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = Vec<KeyView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> Reply<Json<Vec<KeyView>>> {
    Ok(Json(secret::list_keys(&hospital.platform, &caller, tenant, &plugin).await?))
}

/// Generates a key for a plugin, or imports one. The private half is never returned.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/keys/{name}", tag = "Plugin",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin."), ("name" = String, Path, description = "As the manifest calls it.")),
    request_body = NewKey,
    responses((status = 200, body = KeyView), (status = "4XX", body = Problem)),
)]
pub async fn make(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin, name)): At<(TenantId, String, String)>,
    Body(new): Body<NewKey>,
) -> Reply<Json<KeyView>> {
    Ok(Json(secret::put_key(&hospital.platform, &caller, tenant, &plugin, &name, new).await?))
}

pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ManagePlugins, routes!(list)))
        .routes(by(&Action::ManagePlugins, routes!(make)))
}
