//! Service clients.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_identity::app::client::{self, ClientView, NewClient};
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
    OpenApiRouter::new().routes(by(&Action::ManageAccounts, routes!(create, list)))
}

/// Registers a service client with its public keys.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/clients", tag = "Client",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = NewClient,
    responses((status = 201, body = ClientView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<NewClient>,
) -> Reply<(StatusCode, Json<ClientView>)> {
    Ok((StatusCode::CREATED, Json(client::create(&hospital.platform, &caller, tenant, ask).await?)))
}

/// The service clients of a tenant, by name.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/clients", tag = "Client",
    params(("tenant" = String, Path, description = "`ten-…`")),
    responses((status = 200, body = Vec<ClientView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<Vec<ClientView>>> {
    Ok(Json(client::list(&hospital.platform, &caller, tenant).await?))
}
