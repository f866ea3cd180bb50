//! Orders for what is no medicine.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::item_order::{self, ItemOrderView, PlaceOrder};
use xinglin_domain::{
    access::Action,
    id::{EncounterId, ItemOrderId},
};
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
        .routes(allowed(READERS, routes!(list)))
        .routes(by(&Action::OrderItem, routes!(place)))
        .routes(by(&Action::OrderItem, routes!(revoke)))
}

/// The orders of a visit.
#[utoipa::path(
    get, path = "/api/v1/encounters/{id}/orders", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    responses((status = 200, body = Vec<ItemOrderView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
) -> Reply<Json<Vec<ItemOrderView>>> {
    Ok(Json(item_order::list(&hospital.platform, &caller, id).await?))
}

/// The treating doctor orders an item that is no medicine: only what is ordered can be billed.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/orders", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = PlaceOrder,
    responses((status = 201, body = ItemOrderView), (status = "4XX", body = Problem)),
)]
pub async fn place(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<PlaceOrder>,
) -> Reply<(StatusCode, Json<ItemOrderView>)> {
    Ok((StatusCode::CREATED, Json(item_order::place(&hospital.platform, &caller, id, ask).await?)))
}

/// The doctor who ordered takes the order back: no more of it is billed.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/revoke", tag = "Encounter",
    params(("id" = String, Path, description = "`ord-…`")),
    responses((status = 200, body = ItemOrderView), (status = "4XX", body = Problem)),
)]
pub async fn revoke(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<ItemOrderId>,
) -> Reply<Json<ItemOrderView>> {
    Ok(Json(item_order::revoke(&hospital.platform, &caller, id).await?))
}
