//! The movable clock of demonstrations.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;
use xinglin_platform::{
    Caller,
    clock::{self, Advance, ClockView},
};

use crate::{
    Hospital,
    http::{
        access::by,
        extract::Body,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new().routes(by(&Action::ManageTenants, routes!(advance)))
}

/// Moves the clock of a demonstration forward.
#[utoipa::path(
    post, path = "/api/v1/clock/advance", tag = "Clock",
    request_body = Advance,
    responses((status = 200, body = ClockView), (status = "4XX", body = Problem)),
)]
pub async fn advance(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Advance>,
) -> Reply<Json<ClockView>> {
    Ok(Json(clock::advance(&hospital.platform, &caller, ask).await?))
}
