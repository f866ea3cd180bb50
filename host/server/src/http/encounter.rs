//! Visits.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::encounter::{self, AcceptVisit, CloseVisit, DeclineVisit, RequestVisit, StopVisit, VisitView};
use xinglin_domain::{access::Action, id::EncounterId};
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
        .routes(by(&Action::DecideFollowUp, routes!(accept)))
        .routes(by(&Action::CloseEncounter, routes!(close)))
        .routes(by(&Action::DecideFollowUp, routes!(decline)))
        .routes(allowed(READERS, routes!(get)))
        .routes(by(&Action::RequestEncounter, routes!(request)))
        .routes(by(&Action::StopEncounter, routes!(stop)))
}

/// The doctor accepts the visit as a follow-up, and signs the decision.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/accept", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = AcceptVisit,
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn accept(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<AcceptVisit>,
) -> Reply<Json<VisitView>> {
    Ok(Json(encounter::accept(&hospital.platform, &caller, id, ask).await?))
}

/// The doctor ends the visit.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/close", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = CloseVisit,
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn close(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<CloseVisit>,
) -> Reply<Json<VisitView>> {
    Ok(Json(encounter::close(&hospital.platform, &caller, id, ask).await?))
}

/// The doctor declines: the visit is no follow-up.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/decline", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = DeclineVisit,
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn decline(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<DeclineVisit>,
) -> Reply<Json<VisitView>> {
    Ok(Json(encounter::decline(&hospital.platform, &caller, id, ask).await?))
}

/// One visit.
#[utoipa::path(
    get, path = "/api/v1/encounters/{id}", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn get(State(hospital): State<Hospital>, caller: Caller, At(id): At<EncounterId>) -> Reply<Json<VisitView>> {
    Ok(Json(encounter::get(&hospital.platform, &caller, id).await?))
}

/// The patient requests a follow-up visit.
#[utoipa::path(
    post, path = "/api/v1/encounters", tag = "Encounter",
    request_body = RequestVisit,
    responses((status = 201, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn request(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<RequestVisit>,
) -> Reply<(StatusCode, Json<VisitView>)> {
    Ok((StatusCode::CREATED, Json(encounter::request(&hospital.platform, &caller, ask).await?)))
}

/// Stops the visit because of a danger sign.
#[utoipa::path(
    post, path = "/api/v1/encounters/{id}/stop", tag = "Encounter",
    params(("id" = String, Path, description = "`enc-…`")),
    request_body = StopVisit,
    responses((status = 200, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn stop(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EncounterId>,
    Body(ask): Body<StopVisit>,
) -> Reply<Json<VisitView>> {
    Ok(Json(encounter::stop(&hospital.platform, &caller, id, ask).await?))
}
