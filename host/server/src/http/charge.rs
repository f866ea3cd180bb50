//! Bills.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{access::Action, id::BillId};
use xinglin_payment::charge::{self, ChargeView, Confirm, NewCharge, NewRefund, Resolve, UnresolvedView};
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
        .routes(by(&Action::CancelCharge, routes!(cancel)))
        .routes(by(&Action::ConfirmCharge, routes!(confirm)))
        .routes(allowed(READERS, routes!(get)))
        .routes(by(&Action::QuoteCharge, routes!(quote)))
        .routes(by(&Action::ReverseCharge, routes!(refund)))
        .routes(by(&Action::ResolveCharge, routes!(resolve)))
        .routes(by(&Action::ReverseCharge, routes!(reverse)))
        .routes(by(&Action::ResolveCharge, routes!(unresolved)))
}

/// The patient cancels a quote, or an order for which nothing was dispensed; what was paid is refunded.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/cancel", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn cancel(State(hospital): State<Hospital>, caller: Caller, At(id): At<BillId>) -> Reply<Json<ChargeView>> {
    Ok(Json(charge::cancel(&hospital.extensions, &caller, id).await?))
}

/// The patient confirms: the prescription is reserved, the payer settles, the ledger is posted.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/confirm", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = Confirm,
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn confirm(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<Confirm>,
) -> Reply<Json<ChargeView>> {
    Ok(Json(charge::confirm(&hospital.extensions, &caller, id, ask).await?))
}

/// One bill.
#[utoipa::path(
    get, path = "/api/v1/charges/{id}", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller, At(id): At<BillId>) -> Reply<Json<ChargeView>> {
    Ok(Json(charge::get(&hospital.platform, &caller, id).await?))
}

/// Quotes the cost of an approved prescription and its visit, or of a visit alone, and the share of each payer.
#[utoipa::path(
    post, path = "/api/v1/charges", tag = "Charge",
    request_body = NewCharge,
    responses((status = 201, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn quote(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewCharge>,
) -> Reply<(StatusCode, Json<ChargeView>)> {
    Ok((StatusCode::CREATED, Json(charge::quote(&hospital.extensions, &caller, ask).await?)))
}

/// Gives a part of a paid bill back: in cash what is the patient's alone, else what is left is settled anew.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/refunds", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = NewRefund,
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn refund(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<NewRefund>,
) -> Reply<Json<ChargeView>> {
    Ok(Json(charge::refund(&hospital.extensions, &caller, id, ask).await?))
}

/// The hospital's accounts state what a payer said of an operation of which its plugin gives no outcome.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/resolve", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = Resolve,
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn resolve(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<Resolve>,
) -> Reply<Json<ChargeView>> {
    Ok(Json(charge::resolve_by_hand(&hospital.platform, &caller, id, ask).await?))
}

/// Reverses a payment as a whole, as long as nothing was dispensed for it.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/reverse", tag = "Charge",
    params(("id" = String, Path, description = "`bill-…`")),
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn reverse(State(hospital): State<Hospital>, caller: Caller, At(id): At<BillId>) -> Reply<Json<ChargeView>> {
    Ok(Json(charge::reverse(&hospital.extensions, &caller, id).await?))
}

/// The bills that wait for the hospital's accounts: no outcome is known, or the payer does not take back what it
/// settled.
#[utoipa::path(
    get, path = "/api/v1/charges/unresolved", tag = "Charge",
    responses((status = 200, body = Vec<UnresolvedView>), (status = "4XX", body = Problem)),
)]
pub async fn unresolved(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<Vec<UnresolvedView>>> {
    Ok(Json(charge::unresolved(&hospital.platform, &caller).await?))
}
