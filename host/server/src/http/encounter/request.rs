//! `POST /api/v1/encounters`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        encounter::{RequestVisit, VisitView},
    },
    http::{extract::Body, problem::Problem},
};

/// The patient asks for a follow-up visit.
#[utoipa::path(
    post, path = "/api/v1/encounters", tag = "Encounter",
    request_body = RequestVisit,
    responses((status = 201, body = VisitView), (status = "4XX", body = Problem)),
)]
pub async fn request(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<RequestVisit>,
) -> AppResult<(StatusCode, Json<VisitView>)> {
    Ok((StatusCode::CREATED, Json(hospital.request_visit(&caller, ask).await?)))
}
