//! Questions to insurers beside the settlement of a bill.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{BillId, InsuranceRequestId},
};
use xinglin_payment::{
    charge::{self, ChargeView, NewDenial, Undertake, UndertakingText},
    insurance::{self, Close, Complete, NewAppeal, NewCheck, NewGuarantee, RequestView},
    ledger::TransactionView,
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::by,
        extract::{Asked, At, Body},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ObjectToInsurer, routes!(appeal)))
        .routes(by(&Action::AskInsurer, routes!(cancel)))
        .routes(by(&Action::AskInsurer, routes!(check_eligibility)))
        .routes(by(&Action::ObjectToInsurer, routes!(close)))
        .routes(by(&Action::AskInsurer, routes!(complete)))
        .routes(by(&Action::ObjectToInsurer, routes!(deny)))
        .routes(by(&Action::AskInsurer, routes!(get)))
        .routes(by(&Action::AskInsurer, routes!(list)))
        .routes(by(&Action::AskInsurer, routes!(request_guarantee)))
        .routes(by(&Action::Undertake, routes!(undertake)))
        .routes(by(&Action::Undertake, routes!(undertaking)))
}

/// Appeals against what an insurer decided of a settled bill.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/appeals", tag = "Insurance",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = NewAppeal,
    responses((status = 201, body = RequestView), (status = "4XX", body = Problem)),
)]
pub async fn appeal(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<NewAppeal>,
) -> Reply<(StatusCode, Json<RequestView>)> {
    Ok((StatusCode::CREATED, Json(insurance::appeal(&hospital.extensions, &caller, id, ask).await?)))
}

/// Gives a guarantee of payment back, granted or not decided yet.
#[utoipa::path(
    post, path = "/api/v1/insurance/requests/{id}/cancel", tag = "Insurance",
    params(("id" = String, Path, description = "`ins-…`")),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem)),
)]
pub async fn cancel(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<InsuranceRequestId>,
) -> Reply<Json<RequestView>> {
    Ok(Json(insurance::cancel(&hospital.extensions, &caller, id).await?))
}

/// Asks an insurer whether a patient is insured for a bill, or on the day of a visit.
#[utoipa::path(
    post, path = "/api/v1/insurance/eligibility", tag = "Insurance",
    request_body = NewCheck,
    responses((status = 201, body = RequestView), (status = "4XX", body = Problem)),
)]
pub async fn check_eligibility(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewCheck>,
) -> Reply<(StatusCode, Json<RequestView>)> {
    Ok((StatusCode::CREATED, Json(insurance::check_eligibility(&hospital.extensions, &caller, ask).await?)))
}

/// Ends a question of which the insurer's plugin gives no answer.
#[utoipa::path(
    post, path = "/api/v1/insurance/requests/{id}/close", tag = "Insurance",
    params(("id" = String, Path, description = "`ins-…`")),
    request_body = Close,
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem)),
)]
pub async fn close(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<InsuranceRequestId>,
    Body(ask): Body<Close>,
) -> Reply<Json<RequestView>> {
    Ok(Json(insurance::close(&hospital.platform, &caller, id, ask).await?))
}

/// Hands in the documents that an insurer wants before it decides on a guarantee.
#[utoipa::path(
    post, path = "/api/v1/insurance/requests/{id}/complete", tag = "Insurance",
    params(("id" = String, Path, description = "`ins-…`")),
    request_body = Complete,
    responses((status = 201, body = RequestView), (status = "4XX", body = Problem)),
)]
pub async fn complete(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<InsuranceRequestId>,
    Body(ask): Body<Complete>,
) -> Reply<(StatusCode, Json<RequestView>)> {
    Ok((StatusCode::CREATED, Json(insurance::complete(&hospital.extensions, &caller, id, ask).await?)))
}

/// Books that an insurer denied a line after it had settled: the patient's, if they undertook it beforehand,
/// otherwise the provider's.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/denials", tag = "Insurance",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = NewDenial,
    responses((status = 201, body = TransactionView), (status = "4XX", body = Problem)),
)]
pub async fn deny(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<NewDenial>,
) -> Reply<(StatusCode, Json<TransactionView>)> {
    Ok((StatusCode::CREATED, Json(charge::deny(&hospital.platform, &caller, id, ask).await?)))
}

/// A question to an insurer, and its answer.
#[utoipa::path(
    get, path = "/api/v1/insurance/requests/{id}", tag = "Insurance",
    params(("id" = String, Path, description = "`ins-…`")),
    responses((status = 200, body = RequestView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<InsuranceRequestId>,
) -> Reply<Json<RequestView>> {
    Ok(Json(insurance::get(&hospital.platform, &caller, id).await?))
}

/// Which questions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// `bill-…`
    #[param(value_type = String)]
    bill: BillId,
}

/// What insurers were asked about a bill, newest first.
#[utoipa::path(
    get, path = "/api/v1/insurance/requests", tag = "Insurance",
    params(Page),
    responses((status = 200, body = Vec<RequestView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    Asked(page): Asked<Page>,
) -> Reply<Json<Vec<RequestView>>> {
    Ok(Json(insurance::list(&hospital.platform, &caller, page.bill).await?))
}

/// Asks an insurer for a guarantee of payment (预授权) for a quote.
#[utoipa::path(
    post, path = "/api/v1/insurance/guarantees", tag = "Insurance",
    request_body = NewGuarantee,
    responses((status = 201, body = RequestView), (status = "4XX", body = Problem)),
)]
pub async fn request_guarantee(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewGuarantee>,
) -> Reply<(StatusCode, Json<RequestView>)> {
    Ok((StatusCode::CREATED, Json(insurance::request_guarantee(&hospital.extensions, &caller, ask).await?)))
}

/// The patient undertakes, before the service, to pay lines that an insurer denies afterwards.
#[utoipa::path(
    post, path = "/api/v1/charges/{id}/undertaking", tag = "Insurance",
    params(("id" = String, Path, description = "`bill-…`")),
    request_body = Undertake,
    responses((status = 200, body = ChargeView), (status = "4XX", body = Problem)),
)]
pub async fn undertake(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<BillId>,
    Body(ask): Body<Undertake>,
) -> Reply<Json<ChargeView>> {
    Ok(Json(charge::undertake(&hospital.platform, &caller, id, ask).await?))
}

/// The text of the undertaking, with its hash.
#[utoipa::path(
    get, path = "/api/v1/insurance/undertaking", tag = "Insurance",
    responses((status = 200, body = UndertakingText), (status = "4XX", body = Problem)),
)]
pub async fn undertaking(_: Caller) -> Reply<Json<UndertakingText>> {
    Ok(Json(charge::undertaking()?))
}
