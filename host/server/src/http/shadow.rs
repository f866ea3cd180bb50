//! Candidates in shadow.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_extensions::lifecycle::shadow::{self, ShadowView, StartShadow};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(by(&Action::ManagePlugins, routes!(start, get, stop)))
}

/// The results of the candidate.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/shadow", tag = "Shadow",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = ShadowView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> Reply<Json<ShadowView>> {
    Ok(Json(shadow::get(&hospital.extensions, &caller, tenant, &plugin).await?))
}

/// Runs a version in shadow of the active one.
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
) -> Reply<Json<ShadowView>> {
    Ok(Json(shadow::start(&hospital.extensions, &caller, tenant, &plugin, ask).await?))
}

/// Ends the shadow run of the candidate.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/plugins/{plugin}/shadow", tag = "Shadow",
    params(("tenant" = String, Path, description = "`ten-…`"), ("plugin" = String, Path, description = "Id of the plugin.")),
    responses((status = 200, body = ShadowView), (status = "4XX", body = Problem)),
)]
pub async fn stop(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, plugin)): At<(TenantId, String)>,
) -> Reply<Json<ShadowView>> {
    Ok(Json(shadow::stop(&hospital.extensions, &caller, tenant, &plugin).await?))
}
