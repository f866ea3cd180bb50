//! `POST /api/v1/launches`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    app::{
        AppResult, Caller, Hospital,
        launch::{LaunchView, NewLaunch},
    },
    http::{extract::Body, problem::Problem},
};

/// Makes ready to start an app from a patient's record (SMART: EHR launch).
#[utoipa::path(
    post, path = "/api/v1/launches", tag = "Launch",
    request_body = NewLaunch,
    responses((status = 201, body = LaunchView), (status = "4XX", body = Problem)),
)]
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewLaunch>,
) -> AppResult<(StatusCode, Json<LaunchView>)> {
    Ok((StatusCode::CREATED, Json(hospital.create_launch(&caller, ask).await?)))
}
