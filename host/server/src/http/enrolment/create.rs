//! `POST /api/v1/enrolments`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        enrolment::{Enrol, EnrolmentView},
    },
    http::{extract::Body, problem::Problem},
};

/// Screens a patient and enrols them in a pathway.
#[utoipa::path(
    post, path = "/api/v1/enrolments", tag = "Enrolment",
    request_body = Enrol,
    responses((status = 201, body = EnrolmentView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<Enrol>,
) -> AppResult<(StatusCode, Json<EnrolmentView>)> {
    Ok((StatusCode::CREATED, Json(hospital.enrol(&caller, ask).await?)))
}
