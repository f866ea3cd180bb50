//! Services and packages that patients buy.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{PatientId, PurchaseId, TenantId},
};
use xinglin_payment::pricing::{self, BoundsView, Buy, Complete, NewOffer, SaleView};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{READERS, allowed, by},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::BuyService, routes!(buy)))
        .routes(by(&Action::CancelPurchase, routes!(cancel)))
        .routes(by(&Action::GiveService, routes!(complete)))
        .routes(allowed(READERS, routes!(get)))
        .routes(allowed(READERS, routes!(list)))
        .routes(by(&Action::BuyService, routes!(offer)))
        .routes(by(&Action::ManageCatalogue, routes!(put_bounds)))
        .routes(by(&Action::GiveService, routes!(start)))
}

/// The patient buys what was offered.
#[utoipa::path(
    post, path = "/api/v1/purchases/{id}/buy", tag = "Purchase",
    params(("id" = String, Path, description = "`buy-…`")),
    request_body = Buy,
    responses((status = 200, body = SaleView), (status = "4XX", body = Problem)),
)]
async fn buy(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PurchaseId>,
    Body(ask): Body<Buy>,
) -> Reply<Json<SaleView>> {
    Ok(Json(pricing::buy(&hospital.platform, &caller, id, ask).await?))
}

/// Cancels what was bought; the list of prices says what is given back.
#[utoipa::path(
    post, path = "/api/v1/purchases/{id}/cancel", tag = "Purchase",
    params(("id" = String, Path, description = "`buy-…`")),
    responses((status = 200, body = SaleView), (status = "4XX", body = Problem)),
)]
async fn cancel(State(hospital): State<Hospital>, caller: Caller, At(id): At<PurchaseId>) -> Reply<Json<SaleView>> {
    Ok(Json(pricing::cancel(&hospital.extensions, &caller, id).await?))
}

/// The service was given, with the tasks that were done of a course.
#[utoipa::path(
    post, path = "/api/v1/purchases/{id}/complete", tag = "Purchase",
    params(("id" = String, Path, description = "`buy-…`")),
    request_body = Complete,
    responses((status = 200, body = SaleView), (status = "4XX", body = Problem)),
)]
async fn complete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PurchaseId>,
    Body(ask): Body<Complete>,
) -> Reply<Json<SaleView>> {
    Ok(Json(pricing::complete(&hospital.platform, &caller, id, ask).await?))
}

/// What was offered or bought.
#[utoipa::path(
    get, path = "/api/v1/purchases/{id}", tag = "Purchase",
    params(("id" = String, Path, description = "`buy-…`")),
    responses((status = 200, body = SaleView), (status = "4XX", body = Problem)),
)]
async fn get(State(hospital): State<Hospital>, caller: Caller, At(id): At<PurchaseId>) -> Reply<Json<SaleView>> {
    Ok(Json(pricing::get(&hospital.platform, &caller, id).await?))
}

/// What a patient has bought, newest first.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/purchases", tag = "Purchase",
    params(("patient" = String, Path, description = "`pat-…`")),
    responses((status = 200, body = Vec<SaleView>), (status = "4XX", body = Problem)),
)]
async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<SaleView>>> {
    Ok(Json(pricing::list(&hospital.platform, &caller, patient).await?))
}

/// Asks a list of prices what a service or package costs; the offer is kept until it expires.
#[utoipa::path(
    post, path = "/api/v1/purchases", tag = "Purchase",
    request_body = NewOffer,
    responses((status = 201, body = SaleView), (status = "4XX", body = Problem)),
)]
async fn offer(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewOffer>,
) -> Reply<(StatusCode, Json<SaleView>)> {
    Ok((StatusCode::CREATED, Json(pricing::offer(&hospital.extensions, &caller, ask).await?)))
}

/// Sets what services may cost, and the amount above which two accountants post.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/money-rules", tag = "Purchase",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = BoundsView,
    responses((status = 200, body = BoundsView), (status = "4XX", body = Problem)),
)]
async fn put_bounds(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<BoundsView>,
) -> Reply<Json<BoundsView>> {
    Ok(Json(pricing::put_bounds(&hospital.platform, &caller, tenant, ask).await?))
}

/// The service begins: the doctor has replied, or the course has begun.
#[utoipa::path(
    post, path = "/api/v1/purchases/{id}/start", tag = "Purchase",
    params(("id" = String, Path, description = "`buy-…`")),
    responses((status = 200, body = SaleView), (status = "4XX", body = Problem)),
)]
async fn start(State(hospital): State<Hospital>, caller: Caller, At(id): At<PurchaseId>) -> Reply<Json<SaleView>> {
    Ok(Json(pricing::start(&hospital.platform, &caller, id).await?))
}
