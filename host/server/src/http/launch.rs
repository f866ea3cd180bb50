//! Apps launched from a record.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;
use xinglin_identity::app::launch::{self, LaunchView, NewLaunch};
use xinglin_platform::Caller;

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
    OpenApiRouter::new().routes(by(&Action::ReadRecords, routes!(create)))
}

/// Prepares the launch of an app from a patient's record (SMART: EHR launch).
#[utoipa::path(
    post, path = "/api/v1/launches", tag = "Launch",
    request_body = NewLaunch,
    responses((status = 201, body = LaunchView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewLaunch>,
) -> Reply<(StatusCode, Json<LaunchView>)> {
    Ok((StatusCode::CREATED, Json(launch::create(&hospital.platform, &caller, ask).await?)))
}
