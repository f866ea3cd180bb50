//! The formulary of a hospital.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::TenantId};
use xinglin_pharmacy::formulary::{self, BarredItem, Classify, Formulary, Uploaded};
use xinglin_platform::{Caller, settings::Item};

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// Who looks after the formulary.
const KEEPERS: Access = Access::By(&[Action::ClassifyMedicine, Action::ManageCatalogue]);

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(KEEPERS, routes!(barred)))
        .routes(by(&Action::ClassifyMedicine, routes!(classify)))
        .routes(allowed(Access::SignedIn, routes!(get)))
        .routes(by(&Action::ManageCatalogue, routes!(put)))
}

/// The items that cannot be prescribed or sold, and why: unclassified, or on the negative list.
#[utoipa::path(
    get, path = "/api/v1/formulary/barred", tag = "Formulary",
    responses((status = 200, body = Vec<BarredItem>), (status = "4XX", body = Problem)),
)]
pub async fn barred(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<BarredItem>>> {
    Ok(Json(formulary::barred(&hospital.platform, &caller).await?))
}

/// A pharmacist says what a medicine is that lacks codes, ingredients or a form, or that an item is no medicine.
#[utoipa::path(
    post, path = "/api/v1/formulary/classify", tag = "Formulary",
    request_body = Classify,
    responses((status = 200, body = Item), (status = "4XX", body = Problem)),
)]
pub async fn classify(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Classify>,
) -> Reply<Json<Item>> {
    Ok(Json(formulary::classify(&hospital.platform, &caller, ask).await?))
}

/// The formulary of the caller's hospital.
#[utoipa::path(
    get, path = "/api/v1/formulary", tag = "Formulary",
    responses((status = 200, body = Formulary), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Formulary>> {
    Ok(Json(formulary::get(&hospital.platform, &caller).await?))
}

/// Replaces the formulary of a hospital, as a whole: if a row is wrong, nothing is stored, and `rows`
/// of the problem names all that are. `barred` of the answer lists what nobody can order.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/formulary", tag = "Formulary",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = Formulary,
    responses((status = 200, body = Uploaded), (status = "4XX", body = Problem)),
)]
pub async fn put(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<Formulary>,
) -> Reply<Json<Uploaded>> {
    Ok(Json(formulary::put(&hospital.platform, &caller, tenant, ask).await?))
}
