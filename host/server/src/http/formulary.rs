//! The formulary of a hospital.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_pharmacy::formulary::{self, Formulary};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(Access::SignedIn, routes!(get)))
        .routes(by(&Action::ManageCatalogue, routes!(put)))
}

/// The formulary of the caller's hospital.
#[utoipa::path(
    get, path = "/api/v1/formulary", tag = "Formulary",
    responses((status = 200, body = Formulary), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Formulary>> {
    Ok(Json(formulary::get(&hospital.platform, &caller).await?))
}

/// Replaces the formulary of a hospital.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/formulary", tag = "Formulary",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = Formulary,
    responses((status = 200, body = Formulary), (status = "4XX", body = Problem)),
)]
pub async fn put(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<Formulary>,
) -> Reply<Json<Formulary>> {
    Ok(Json(formulary::put(&hospital.platform, &caller, tenant, ask).await?))
}
